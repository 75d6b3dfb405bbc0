/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dpkg's database, as dpkg 1.20 to 1.22 write it: /var/lib/dpkg/info/PACKAGE[:ARCH].list has a path a
 * line (lib/dpkg/db-fsys-files.c), and /var/lib/dpkg/diversions three lines for each diversion: the
 * path, where its file goes, and the package whose file it isn't, or ":" (lib/dpkg/db-fsys-divert.c).
 */
#include "package.h"

#include <dirent.h>
#include <errno.h>

#include "cpumap/core/emulator.h"
#include "cpumap/core/util.h"

#define DPKG_DIR   "/var/lib/dpkg"
#define LIST_LIMIT ((size_t)16 << 20)

static char *read_text(const char *path)
{
	char *text = NULL;
	size_t len;

	return file_read(path, TRUST_ANY, LIST_LIMIT, &text, &len, NULL) == 0 ? text : NULL;
}

static bool has_line(const char *text, const char *line)
{
	size_t len = strlen(line);

	for (const char *at = text; at && *at; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (strncmp(at, line, len) == 0 && (at[len] == '\n' || at[len] == '\0'))
			return true;
	}
	return false;
}

/* The package of a list's file name, if it has @path. */
static char *package_with(const char *dir, const char *file, const char *path)
{
	_cleanup_free_ char *list = NULL, *text = NULL;
	size_t len = strlen(file), end = strlen(".list");

	if (len <= end || strcmp(file + len - end, ".list") != 0 ||
	    asprintf(&list, "%s/%s", dir, file) < 0)
		return NULL;
	text = read_text(list);
	len = strcspn(file, ":") < len - end ? strcspn(file, ":") : len - end;
	return has_line(text, path) ? strndup(file, len) : NULL;
}

char *package_of(const char *path, const char *begins)
{
	_cleanup_free_ char *info = root_path(DPKG_DIR "/info");
	DIR *dir = info ? opendir(info) : NULL;
	const struct dirent *entry;
	char *found = NULL;

	while (dir && !found && (entry = readdir(dir)))
		if (strncmp(entry->d_name, begins, strlen(begins)) == 0)
			found = package_with(info, entry->d_name, path);
	if (dir)
		(void)closedir(dir);
	return found;
}

char *package_cure(const char *path)
{
	_cleanup_free_ char *package = package_of(path, "qemu");
	char *cure;

	if (!package)
		return strdup(EMULATOR_REINSTALL);
	return asprintf(&cure, "`apt-get install --reinstall %s`", package) < 0 ? NULL : cure;
}

void diversion_free(struct diversion *d)
{
	free(d->to);
	*d = (struct diversion){0};
}

/* Cuts the next line off @rest. NULL: there is none. */
static char *next_line(char **rest)
{
	return *rest && **rest ? strsep(rest, "\n") : NULL;
}

int diversion_of(struct diversion *d, const char *path)
{
	_cleanup_free_ char *admin = root_path(DPKG_DIR), *file = root_path(DPKG_DIR "/diversions");
	_cleanup_free_ char *text = file ? read_text(file) : NULL;
	char *rest = text, *from, *to, *package;

	*d = (struct diversion){0};
	if (!admin || !file)
		return -ENOMEM;
	if (access(admin, F_OK) < 0)
		return -ENOENT;
	while ((from = next_line(&rest)) && (to = next_line(&rest)) &&
	       (package = next_line(&rest))) {
		if (strcmp(from, path) != 0)
			continue;
		d->to = strdup(to);
		d->local = strcmp(package, ":") == 0 || strcmp(package, "cpushim") == 0;
		return d->to ? 0 : -ENOMEM;
	}
	return 0;
}
