/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "util.h"

#define NOTE_NAME "cpushim"
#define NOTES_MAX 4096

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

char *emulator_real(const char *path, struct error *err)
{
	_cleanup_free_ char *here = root_path(path);
	char *real = NULL;

	if (!here || asprintf(&real, "%s%s", here, EMULATOR_REAL) < 0) {
		error_set(err, -ENOMEM, path, 0, "out of memory");
		return NULL;
	}
	if (!emulator_is_wrapper(here)) {
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
