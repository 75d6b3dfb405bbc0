/* SPDX-License-Identifier: Apache-2.0 */
/* Notes in an ELF file (gABI, chapter 5, Note Section): what a program's file says about it, so
 * that it needn't be run. The file may be hostile. */
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
 * Returns how many bytes the descriptor has (it may be empty: 0), or -ENOENT: there is no such
 * note, or the file isn't a 64-bit ELF.
 */
int elfnote_read(int fd, const char *owner, uint32_t type, void *desc, size_t size);

#endif
