/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "elfnote.h"
#include "paths.h"

/* Where libvirt looks for an emulator that a domain doesn't name (virQEMUCapsFindBinaryForArch and
 * what was before it, 1.2 to 11): the names of Debian, Red Hat and Ubuntu. */
const char *const emulators_usual[] = {
	EMULATOR_DEFAULT,
	"/usr/bin/qemu-system-i386",
	"/usr/bin/qemu-kvm",
	"/usr/bin/kvm",
	"/usr/bin/kvm-spice",
	"/usr/libexec/qemu-kvm",
	NULL,
};

bool emulator_is_wrapper(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char nothing[1];

	return fd >= 0 && elfnote_read(fd, "cpushim", 1, nothing, sizeof(nothing)) >= 0;
}

static void read_build_id(char *hex, size_t size, int fd)
{
	unsigned char id[64];
	int len = elfnote_read(fd, "GNU", NT_GNU_BUILD_ID, id, sizeof(id));

	*hex = '\0';
	for (int i = 0; i < len && i < (int)sizeof(id) && 2 * (size_t)i + 2 < size; i++)
		(void)snprintf(hex + 2 * i, size - 2 * (size_t)i, "%02x", id[i]);
}

int emulator_describe(struct emulator_file *f, const char *real, struct error *err)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	int r = file_open(real, TRUST_ANY, &fd, err);

	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0)
		return error_set(err, -errno, real, 0, "%s", strerror(errno));
	(void)snprintf(f->size, sizeof(f->size), "%jd", (intmax_t)st.st_size);
	(void)snprintf(f->mtime, sizeof(f->mtime), "%jd.%09ld", (intmax_t)st.st_mtim.tv_sec,
		       st.st_mtim.tv_nsec);
	read_build_id(f->build_id, sizeof(f->build_id), fd);
	return 0;
}

/* Is there no file, or an empty one? A wrapper that was lost looks like that. */
static bool is_void(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 || st.st_size == 0;
}

char *emulator_real(const char *path, struct error *err)
{
	_cleanup_free_ char *here = root_path(path);
	char *real = NULL;

	if (!here || asprintf(&real, "%s%s", here, EMULATOR_REAL) < 0) {
		error_set(err, -ENOMEM, path, 0, "out of memory");
		return NULL;
	}
	if (!emulator_is_wrapper(here) && !(is_void(here) && access(real, X_OK) == 0)) {
		free(real);
		real = steal_pointer(&here);
	}
	if (access(real, X_OK) < 0) {
		error_set(err, -errno, real, 0, "can't be run: %s; is this QEMU installed?",
			  strerror(errno));
		free(real);
		return NULL;
	}
	return real;
}

/* Adds the path if our wrapper stands there; notes a wrapper that has lost its QEMU. */
static int look_at(struct strv *paths, const char *path, struct strv *notes)
{
	_cleanup_free_ char *here = root_path(path), *real = NULL, *line = NULL;
	struct stat st;

	if (!here || asprintf(&real, "%s%s", here, EMULATOR_REAL) < 0)
		return -ENOMEM;
	if (strv_has(paths, path) || lstat(here, &st) < 0 || !S_ISREG(st.st_mode) ||
	    !emulator_is_wrapper(here))
		return 0;
	if (access(real, F_OK) == 0)
		return strv_add(paths, path, strlen(path));
	if (asprintf(&line, "%s: there is no QEMU behind this wrapper any more; left out", here) <
	    0)
		return -ENOMEM;
	return strv_has(notes, line) ? 0 : strv_add(notes, line, strlen(line));
}

int emulators_installed(struct strv *paths, const struct table *t, struct strv *notes)
{
	int r = 0;

	for (size_t i = 0; emulators_usual[i] && r == 0; i++)
		r = look_at(paths, emulators_usual[i], notes);
	for (size_t i = 0; i < t->n && r == 0; i++)
		r = look_at(paths, t->row[i].emulator, notes);
	return r;
}
