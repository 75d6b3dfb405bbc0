/* SPDX-License-Identifier: Apache-2.0 */
/* Notes in an ELF file (gABI, chapter 5, Note Section): what a program says of itself without being
 * run. The file may be anybody's. */
#ifndef CPUSHIM_ELFNOTE_H
#define CPUSHIM_ELFNOTE_H

#include <stddef.h>
#include <stdint.h>

/**
 * elfnote_read: the descriptor of the first note of that owner and type.
 * @fd: any file
 * @owner: "GNU", ...
 * @type: NT_GNU_BUILD_ID, ...
 * @desc: receives at most @size bytes
 * Returns how many bytes the descriptor has (0 is one without), or -ENOENT: there is no such note,
 * or the file is no 64-bit ELF.
 */
int elfnote_read(int fd, const char *owner, uint32_t type, void *desc, size_t size);

#endif
