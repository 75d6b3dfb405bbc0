/* SPDX-License-Identifier: Apache-2.0 */
/* An ELF note in the wrapper. By it the hook knows this file without running it
 * (cpumap/core/emulator.c). */
#include <elf.h>

static const struct {
	Elf64_Nhdr header;
	char name[8];
} note __attribute__((section(".note.cpushim"), used, aligned(4))) = {
	.header = {.n_namesz = 8, .n_descsz = 0, .n_type = 1},
	.name = "cpushim",
};
