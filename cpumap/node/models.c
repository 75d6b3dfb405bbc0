/* SPDX-License-Identifier: Apache-2.0 */
/* The table of models, which `cpushim compile` writes. */
#include <errno.h>
#include <dirent.h>
#include <sys/stat.h>

#include "cpumap/core/emulator.h"
#include "cpumap/core/paths.h"
#include "cpumap/core/table.h"
#include "cpumap/define/published.h"
#include "change.h"
#include "emulators.h"
#include "models.h"
#include "run.h"
#include "steps.h"

#define COMPILE_SECONDS 300
#define INCLUDE_LIMIT   ((size_t)16 << 20)

static int no_memory(struct error *err)
{
	return error_set(err, -ENOMEM, TABLE_PATH, 0, "out of memory");
}

/* Has the emulator a QEMU that can be asked? One whose package is gone hasn't. */
static bool has_qemu(const char *emulator)
{
	_cleanup_free_ char *real = emulator_real(emulator, NULL);

	return real != NULL;
}

int models_compile(const struct node *n, unsigned int seconds, struct error *err)
{
	_cleanup_free_ char *command = root_path(COMMAND_PATH);
	_cleanup_free_ const char **argv = calloc(2 * n->emulators.n + 4, sizeof(*argv));
	size_t at = 0;

	if (!command || !argv)
		return no_memory(err);
	argv[at++] = command;
	argv[at++] = "compile";
	argv[at++] = "--for-ready";
	for (size_t i = 0; i < n->emulators.n; i++) {
		if (!has_qemu(n->emulators.item[i]))
			continue;
		argv[at++] = "--emulator";
		argv[at++] = n->emulators.item[i];
	}
	return run_program(argv, seconds, NULL, err);
}

/* Returns the length that is left. */
static size_t drop_percents(char *name)
{
	size_t n = 0;

	for (const char *from = name; *from; from++)
		if (*from != '%')
			name[n++] = *from;
	return n;
}

/* The names in the comment of an include. */
static int names_in(struct strv *names, const char *path)
{
	_cleanup_free_ char *here = root_path(path), *text = NULL;
	const char *at;
	size_t len;
	int r = here ? 0 : -ENOMEM;

	if (r == 0 && file_read(here, TRUST_ANY, INCLUDE_LIMIT, &text, &len, NULL) < 0)
		return 0;
	at = text ? strstr(text, MAPINCLUDE_NAMES) : NULL;
	for (at = at ? at + strlen(MAPINCLUDE_NAMES) : ""; r == 0 && *at == ' '; at += len) {
		char *name = strndupa(at + 1, strcspn(at + 1, " \n"));

		len = strlen(name) + 1;
		/* the comment's end; `--` of a name is `-%-` there */
		if (strncmp(name, "--", 2) != 0)
			r = strv_add(names, name, drop_percents(name));
	}
	return r;
}

int models_names(struct strv *names)
{
	_cleanup_free_ char *path = root_path(TABLE_PATH);
	_cleanup_table_ struct table t = {0};
	int r = path ? 0 : -ENOMEM;

	if (path && table_load(&t, path, NULL) < 0) {
		r = names_in(names, INCLUDE_COPY);
		if (r == 0 && names->n == 0)
			r = names_in(names, LIBVIRTMAP_DIR "/" LIBVIRTMAP_OURS);
	}
	for (size_t i = 0; i < t.n && r == 0; i++)
		r = strv_add(names, t.row[i].model, strlen(t.row[i].model));
	strv_sort(names);
	return r;
}

static int add_published(struct strv *names)
{
	_cleanup_free_ char *path = root_path(PUBLISHED_PATH);
	struct published p = {0};
	int r = path ? 0 : -ENOMEM;

	/* a damaged file tells none */
	if (path)
		(void)published_load(&p, path, NULL);
	for (size_t i = 0; i < p.n && r == 0; i++)
		r = strv_add(names, p.name[i].model, strlen(p.name[i].model));
	published_free(&p);
	return r;
}

int models_names_ever(struct strv *names)
{
	int r = models_names(names);

	if (r == 0)
		r = names_in(names, INCLUDE_COPY);
	if (r == 0)
		r = names_in(names, LIBVIRTMAP_DIR "/" LIBVIRTMAP_OURS);
	if (r == 0)
		r = add_published(names);
	strv_sort(names);
	return r;
}

/* A definition that is refused doesn't keep the others out. */
int write_table(struct node *n, struct error *err)
{
	int r;

	if (n->no_qemu)
		return 0;
	if (n->dry_run)
		return change_begin(n,
				    "run " COMMAND_PATH " compile, which changes what isn't right"),
		       0;
	r = models_compile(n, COMPILE_SECONDS, err);
	if (r == 1)
		n->falls_short = true; /* it has said why */
	if (r >= 0 && r <= 1)
		return 0;
	return error_set(err, r < 0 ? r : -EIO, TABLE_PATH, 0,
			 "the table could not be made, as compile says above; QEMU, libvirt's map "
			 "and its hook stay as they are now");
}

static bool is_directory(const char *path)
{
	_cleanup_free_ char *here = root_path(path);
	struct stat st;

	return here && lstat(here, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Is it a file that compile reads, or a link to one? What else lies there is nobody's definition. */
static bool is_definition(const char *path)
{
	return string_ends_in(path, ".xml") && !is_directory(path);
}

/* The site's definitions stay, unless --purge was given. */
static int remove_definitions(struct node *n, bool *stay, struct error *err)
{
	_cleanup_free_ char *here = root_path(SITE_DIR);
	DIR *dir = here ? opendir(here) : NULL;
	const struct dirent *entry;
	int r = 0;

	while (dir && r == 0 && (entry = readdir(dir))) {
		_cleanup_free_ char *path = NULL;

		if (*entry->d_name == '.')
			continue;
		if (asprintf(&path, SITE_DIR "/%s", entry->d_name) < 0) {
			path = NULL;
			r = no_memory(err);
		} else if (n->purge && is_definition(path)) {
			r = change_delete(n, path, err);
		} else {
			node_say(n, "%s/%s: the site's own; left alone", here, entry->d_name);
			*stay = true;
		}
	}
	if (dir)
		(void)closedir(dir);
	return r;
}

static int remove_records(struct node *n, struct error *err)
{
	_cleanup_free_ char *here = root_path(RECORD_DIR);
	DIR *dir = here ? opendir(here) : NULL;
	const struct dirent *entry;
	int r = 0;

	while (dir && r == 0 && (entry = readdir(dir))) {
		_cleanup_free_ char *path = NULL;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		r = asprintf(&path, RECORD_DIR "/%s", entry->d_name) < 0 ? -ENOMEM : 0;
		if (r == 0)
			r = change_delete(n, path, err);
		else
			path = NULL;
	}
	if (dir)
		(void)closedir(dir);
	if (here && !n->dry_run)
		(void)rmdir(here);
	return r;
}

/* What the names mean is forgotten when nothing is left that could give them another meaning. */
int remove_table(struct node *n, struct error *err)
{
	static const char *const files[] = {TABLE_PATH, INCLUDE_COPY, MAP_STAMP};
	bool stay = false;
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(files) && r == 0; i++)
		r = change_delete(n, files[i], err);
	if (r == 0)
		r = remove_records(n, err);
	if (r == 0)
		r = remove_definitions(n, &stay, err);
	if (r < 0)
		return r;
	if (!stay)
		return change_delete(n, PUBLISHED_PATH, err);
	if (node_has(PUBLISHED_PATH))
		node_say(n, PUBLISHED_PATH
			 ": what the names mean to guests; left with the definitions");
	return 0;
}
