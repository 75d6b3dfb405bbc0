/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this file says of itself without being run, by ELF notes of owner "cpushim"
 * (cpumap/core/elfnote.h). It has no --version: to its callers it is QEMU.
 *
 * Type 1 is the mark by which the hook and the command, of this release and of others,
 * know a wrapper. It has no descriptor and stays as it is.
 * Type 2 is the release, a string: `readelf -n`.
 */
#include <elf.h>

#define OWNER "cpushim"

/* descriptors are padded to 4 bytes */
static const struct {
	Elf64_Nhdr mark;
	char mark_owner[sizeof(OWNER)];
	Elf64_Nhdr release;
	char release_owner[sizeof(OWNER)];
	char version[(sizeof(CPUSHIM_VERSION) + 3) / 4 * 4];
} notes __attribute__((section(".note.cpushim"), used, aligned(4))) = {
	.mark = {.n_namesz = sizeof(OWNER), .n_descsz = 0, .n_type = 1},
	.mark_owner = OWNER,
	.release = {.n_namesz = sizeof(OWNER), .n_descsz = sizeof(CPUSHIM_VERSION), .n_type = 2},
	.release_owner = OWNER,
	.version = CPUSHIM_VERSION,
};
