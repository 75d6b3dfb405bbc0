/* SPDX-License-Identifier: Apache-2.0 */
#include "elfnote.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* How many bytes of a segment's notes are read. Real ones have some hundred. */
#define NOTES_MAX 4096

struct wanted {
	const char *owner;
	uint32_t type;
	void *desc;
	size_t size;
};

static bool read_at(int fd, void *buf, size_t len, uint64_t offset)
{
	return offset <= INT64_MAX && pread(fd, buf, len, (off_t)offset) == (ssize_t)len;
}

/* Names and descriptors are padded to 4 bytes. */
static uint64_t padded(uint32_t size)
{
	return ((uint64_t)size + 3) / 4 * 4;
}

static bool is_wanted(const Elf64_Nhdr *note, const char *name, const struct wanted *w)
{
	size_t len = strlen(w->owner) + 1;

	return note->n_type == w->type && note->n_namesz == len && memcmp(name, w->owner, len) == 0;
}

/* The notes of one segment. */
static int read_segment(int fd, const Elf64_Phdr *segment, const struct wanted *w)
{
	char notes[NOTES_MAX];
	size_t len = segment->p_filesz < sizeof(notes) ? (size_t)segment->p_filesz : sizeof(notes);
	size_t at = 0;

	if (!read_at(fd, notes, len, segment->p_offset))
		return -ENOENT;
	while (len - at >= sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr note;
		const char *name = notes + at + sizeof(note);

		memcpy(&note, notes + at, sizeof(note));
		at += sizeof(note);
		if (padded(note.n_namesz) + padded(note.n_descsz) > len - at)
			return -ENOENT;
		if (is_wanted(&note, name, w)) {
			memcpy(w->desc, name + padded(note.n_namesz),
			       note.n_descsz < w->size ? note.n_descsz : w->size);
			return (int)note.n_descsz;
		}
		at += (size_t)(padded(note.n_namesz) + padded(note.n_descsz));
	}
	return -ENOENT;
}

int elfnote_read(int fd, const char *owner, uint32_t type, void *desc, size_t size)
{
	const struct wanted wanted = {owner, type, desc, size};
	Elf64_Ehdr elf;
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || !read_at(fd, &elf, sizeof(elf), 0) ||
	    memcmp(elf.e_ident, ELFMAG, SELFMAG) != 0 || elf.e_ident[EI_CLASS] != ELFCLASS64 ||
	    elf.e_phentsize != sizeof(Elf64_Phdr))
		return -ENOENT;
	for (unsigned int i = 0; i < elf.e_phnum; i++) {
		Elf64_Phdr segment;
		int r;

		if (!read_at(fd, &segment, sizeof(segment), elf.e_phoff + i * sizeof(segment)))
			return -ENOENT;
		r = segment.p_type == PT_NOTE ? read_segment(fd, &segment, &wanted) : -ENOENT;
		if (r >= 0)
			return r;
	}
	return -ENOENT;
}
