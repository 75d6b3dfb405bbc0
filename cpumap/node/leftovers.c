/* SPDX-License-Identifier: Apache-2.0 */
#include "leftovers.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <sys/stat.h>

#include "cpumap/core/paths.h"
#include "change.h"
#include "steps.h"

/* Where they are, and their names: .cpushim-new behind the name of the file that was to be replaced, or
 * .cpushim- and six characters of mkostemp(3); and the trials of the map. */
static const struct {
	const char *dir, *pattern;
} places[] = {
	{LIB_DIR, "*" STAGED},
	{LIB_DIR, "*.cpushim-new"},
	{LIB_DIR, ".include*"},
	{LIB_DIR, ".mark"},
	{"/etc/cpushim", "*" STAGED},
	{LIBVIRTMAP_DIR, "*" STAGED},
	{LIBVIRTMAP_DIR, "*.cpushim-new"},
	{LIBVIRTMAP_DIR, ".cpushim.*"},
	{"/usr/share/libvirt", "*" STAGED},
	{"/usr/share/libvirt", "*.cpushim-new"},
	{"/usr/share/libvirt", ".cpushim.*"},
	{"/etc/libvirt/hooks", "*.cpushim-new"},
	{"/etc/libvirt/hooks/qemu.d", "*.cpushim-new"},
	{"/usr/bin", "cpushim.cpushim-new"},
};

static bool is_leftover(int dir, const char *name, bool young)
{
	struct timespec now;
	struct stat st;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
	       (young || now.tv_sec - st.st_mtim.tv_sec > LEFTOVERS_AGE);
}

static int look_into(struct strv *paths, const char *place, const char *pattern, bool young)
{
	_cleanup_free_ char *here = root_path(place);
	DIR *dir = here ? opendir(here) : NULL;
	const struct dirent *entry;
	int r = here ? 0 : -ENOMEM;

	while (dir && r == 0 && (entry = readdir(dir)))
		if (fnmatch(pattern, entry->d_name, 0) == 0 &&
		    is_leftover(dirfd(dir), entry->d_name, young))
			r = strv_addf(paths, "%s/%s", place, entry->d_name);
	if (dir)
		(void)closedir(dir);
	return r;
}

/* Beside an emulator's own name, whatever it is. */
static int look_beside(struct strv *paths, const char *emulator, bool young)
{
	const char *slash = strrchr(emulator, '/');
	_cleanup_free_ char *place = strndup(emulator, (size_t)(slash - emulator)), *pattern = NULL;

	if (!place || asprintf(&pattern, "%s.cpushim-new", slash + 1) < 0)
		return -ENOMEM;
	return look_into(paths, place, pattern, young);
}

int leftovers_find(struct strv *paths, const struct strv *emulators, bool young)
{
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(places) && r == 0; i++)
		r = look_into(paths, places[i].dir, places[i].pattern, young);
	for (size_t i = 0; i < emulators->n && r == 0; i++)
		if (strchr(emulators->item[i], '/'))
			r = look_beside(paths, emulators->item[i], young);
	strv_sort(paths);
	return r;
}

size_t leftovers_remove(const struct strv *paths)
{
	size_t failed = 0;

	for (size_t i = 0; i < paths->n; i++) {
		_cleanup_free_ char *here = root_path(paths->item[i]);

		failed += !here || (unlink(here) < 0 && errno != ENOENT);
	}
	return failed;
}

/* Is it a process of the command, also of one whose file was replaced? */
static bool runs_command(const char *pid)
{
	char link[64], program[PATH_MAX];
	const char *name;
	ssize_t len;

	(void)snprintf(link, sizeof(link), "/proc/%s/exe", pid);
	len = readlink(link, program, sizeof(program) - 1);
	if (len <= 0)
		return false;
	program[len] = '\0';
	name = strrchr(program, '/');
	return name && (strcmp(name, "/cpushim") == 0 || strcmp(name, "/cpushim (deleted)") == 0);
}

/* No other process of the command runs, whose files they may be. */
static bool is_alone(void)
{
	DIR *dir = opendir("/proc");
	const struct dirent *entry;
	bool alone = dir;

	while (alone && (entry = readdir(dir))) {
		uint64_t pid;

		alone = number_parse(entry->d_name, strlen(entry->d_name), 10, INT32_MAX, &pid) <
				0 ||
			pid == (uint64_t)getpid() || !runs_command(entry->d_name);
	}
	if (dir)
		(void)closedir(dir);
	return alone;
}

int remove_leftovers(struct node *n, struct error *err)
{
	_cleanup_strv_ struct strv paths = {0};
	int r = leftovers_find(&paths, &n->emulators, n->removing || is_alone());

	for (size_t i = 0; i < paths.n && r == 0; i++)
		r = change_delete(n, paths.item[i], err);
	return r == -ENOMEM ? error_set(err, r, NULL, 0, "out of memory") : r;
}
