/* SPDX-License-Identifier: Apache-2.0 */
#include "leftovers.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <sys/stat.h>

#include "cpumap/core/paths.h"

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

static bool is_old(int dir, const char *name)
{
	struct timespec now;
	struct stat st;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
	       now.tv_sec - st.st_mtim.tv_sec > LEFTOVERS_AGE;
}

static int look_into(struct strv *paths, const char *place, const char *pattern)
{
	_cleanup_free_ char *here = root_path(place);
	DIR *dir = here ? opendir(here) : NULL;
	const struct dirent *entry;
	int r = here ? 0 : -ENOMEM;

	while (dir && r == 0 && (entry = readdir(dir)))
		if (fnmatch(pattern, entry->d_name, 0) == 0 && is_old(dirfd(dir), entry->d_name))
			r = strv_addf(paths, "%s/%s", place, entry->d_name);
	if (dir)
		(void)closedir(dir);
	return r;
}

/* Beside an emulator's own name, whatever it is. */
static int look_beside(struct strv *paths, const char *emulator)
{
	const char *slash = strrchr(emulator, '/');
	_cleanup_free_ char *place = strndup(emulator, (size_t)(slash - emulator)), *pattern = NULL;

	if (!place || asprintf(&pattern, "%s.cpushim-new", slash + 1) < 0)
		return -ENOMEM;
	return look_into(paths, place, pattern);
}

int leftovers_find(struct strv *paths, const struct nodestate *s)
{
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(places) && r == 0; i++)
		r = look_into(paths, places[i].dir, places[i].pattern);
	for (size_t i = 0; i < s->n_emulators && r == 0; i++)
		if (strchr(s->emulator[i].path, '/'))
			r = look_beside(paths, s->emulator[i].path);
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
