/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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

static void read_stat(struct emulator_file *f, const struct stat *st)
{
	(void)snprintf(f->size, sizeof(f->size), "%jd", (intmax_t)st->st_size);
	(void)snprintf(f->mtime, sizeof(f->mtime), "%jd.%09ld", (intmax_t)st->st_mtim.tv_sec,
		       st->st_mtim.tv_nsec);
}

int emulator_describe(struct emulator_file *f, const char *real, struct error *err)
{
	_cleanup_close_ int fd = -1;
	struct error why = {0};
	struct stat st;
	int r = file_open(real, TRUST_ANY, &fd, &why);

	if (r < 0)
		return error_set(err, r, real, 0, "%s; " EMULATOR_REINSTALL, why.what);
	if (fstat(fd, &st) < 0)
		return error_set(err, -errno, real, 0, "%s", strerror(errno));
	read_stat(f, &st);
	read_build_id(f->build_id, sizeof(f->build_id), fd);
	return 0;
}

void emulator_script(char script[EMULATOR_SCRIPT_MAX], const struct emulator_file *f)
{
	(void)snprintf(script, EMULATOR_SCRIPT_MAX, "%s@%s", f->size, f->mtime);
}

/* After a stat that failed. */
static enum emulator_now gone_or_hidden(int code)
{
	return code == ENOENT || code == ENOTDIR || code == ELOOP ? EMULATOR_GONE : EMULATOR_HIDDEN;
}

enum emulator_now emulator_compare_program(const struct table_qemu *noted, const char *program)
{
	struct emulator_file now;
	struct stat st;
	int r;

	if (stat(program, &st) < 0)
		return gone_or_hidden(errno);
	read_stat(&now, &st);
	if (strcmp(now.size, noted->size) == 0 && strcmp(now.mtime, noted->mtime) == 0)
		return EMULATOR_SAME;
	if (!*noted->build_id)
		return EMULATOR_OTHER;
	r = emulator_describe(&now, program, NULL);
	if (r == -EACCES || r == -EPERM)
		return EMULATOR_HIDDEN;
	return r == 0 && strcmp(now.build_id, noted->build_id) == 0 ? EMULATOR_SAME
								    : EMULATOR_OTHER;
}

/* The script at @real, and the QEMU that it starts. If @real is in a root that isn't /, that QEMU may
 * be there or in /. */
static enum emulator_now compare_script(const struct table_qemu *noted, const char *real)
{
	char script[EMULATOR_SCRIPT_MAX], program[PATH_MAX];
	const char *place = strstr(real, noted->emulator);
	enum emulator_now compared;
	struct emulator_file now;
	struct stat st;

	if (stat(real, &st) < 0)
		return gone_or_hidden(errno);
	read_stat(&now, &st);
	emulator_script(script, &now);
	if (strcmp(script, noted->script) != 0)
		return EMULATOR_OTHER;
	(void)snprintf(program, sizeof(program), "%.*s%s", place ? (int)(place - real) : 0, real,
		       noted->real);
	compared =
		emulator_compare_program(noted, access(program, F_OK) == 0 ? program : noted->real);
	/* the script is there, and may start another one */
	return compared == EMULATOR_GONE ? EMULATOR_OTHER : compared;
}

enum emulator_now emulator_compare(const struct table_qemu *noted, const char *real)
{
	return *noted->script ? compare_script(noted, real) : emulator_compare_program(noted, real);
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
		error_set(err, -errno, real, 0, "can't be run: %s; " EMULATOR_REINSTALL,
			  strerror(errno));
		free(real);
		return NULL;
	}
	return real;
}

static int add_once(struct strv *paths, const char *path)
{
	return strv_has(paths, path) ? 0 : strv_add(paths, path, strlen(path));
}

/* Adds the path to one of the lists. A link to a wrapper belongs to neither: what it leads to counts.
 * @lost: NULL where nobody said that a wrapper stands there */
static int look_at(struct strv *paths, const char *path, struct strv *lost)
{
	_cleanup_free_ char *here = root_path(path);
	struct stat st;

	if (!here)
		return -ENOMEM;
	if (!emulator_is_wrapper(here))
		return lost ? add_once(lost, path) : 0;
	return lstat(here, &st) == 0 && S_ISREG(st.st_mode) ? add_once(paths, path) : 0;
}

int emulators_installed(struct strv *paths, const struct table *t, struct strv *lost)
{
	int r = 0;

	for (size_t i = 0; emulators_usual[i] && r == 0; i++)
		r = look_at(paths, emulators_usual[i], NULL);
	for (size_t i = 0; i < t->n_qemus && r == 0; i++)
		r = look_at(paths, t->qemu[i].emulator, lost);
	return r;
}
