/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#define NOTE_NAME "cpushim"
#define NOTES_MAX 4096

/* Where libvirt looks for one by itself (virQEMUCapsFindBinaryForArch and what was before it, 1.2
 * to 11): Debian's, Red Hat's and Ubuntu's names. */
static const char *const usual_places[] = {
	EMULATOR_DEFAULT, "/usr/bin/qemu-system-i386", "/usr/bin/qemu-kvm",
	"/usr/bin/kvm",   "/usr/bin/kvm-spice",        "/usr/libexec/qemu-kvm",
};

static bool read_at(int fd, void *buf, size_t len, uint64_t offset)
{
	return offset <= INT64_MAX && pread(fd, buf, len, (off_t)offset) == (ssize_t)len;
}

/* The notes of one segment (gABI, Note Section): name and descriptor padded to 4 bytes each. */
static bool segment_has_note(int fd, const Elf64_Phdr *segment)
{
	char notes[NOTES_MAX];
	size_t len = segment->p_filesz < sizeof(notes) ? (size_t)segment->p_filesz : sizeof(notes);
	size_t at = 0;

	if (!read_at(fd, notes, len, segment->p_offset))
		return false;
	while (len - at >= sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr note;
		uint64_t size;

		memcpy(&note, notes + at, sizeof(note));
		at += sizeof(note);
		size = ((uint64_t)note.n_namesz + 3) / 4 * 4 +
		       ((uint64_t)note.n_descsz + 3) / 4 * 4;
		if (size > len - at)
			return false;
		if (note.n_namesz == sizeof(NOTE_NAME) &&
		    memcmp(notes + at, NOTE_NAME, sizeof(NOTE_NAME)) == 0)
			return true;
		at += (size_t)size;
	}
	return false;
}

bool emulator_is_wrapper(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	Elf64_Ehdr elf;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    !read_at(fd, &elf, sizeof(elf), 0) || memcmp(elf.e_ident, ELFMAG, SELFMAG) != 0 ||
	    elf.e_ident[EI_CLASS] != ELFCLASS64 || elf.e_phentsize != sizeof(Elf64_Phdr))
		return false;
	for (unsigned int i = 0; i < elf.e_phnum; i++) {
		Elf64_Phdr segment;

		if (!read_at(fd, &segment, sizeof(segment), elf.e_phoff + i * sizeof(segment)))
			return false;
		if (segment.p_type == PT_NOTE && segment_has_note(fd, &segment))
			return true;
	}
	return false;
}

/* Nothing, not a byte: what a wrapper is when its file was lost. */
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

/* One place: added if it is to be, said if its QEMU is gone. */
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

	for (size_t i = 0; i < ARRAY_SIZE(usual_places) && r == 0; i++)
		r = look_at(paths, usual_places[i], notes);
	for (size_t i = 0; i < t->n && r == 0; i++)
		r = look_at(paths, t->row[i].emulator, notes);
	return r;
}
