/* SPDX-License-Identifier: Apache-2.0 */
/* A tar archive of texts with hosts: ustar, and pax and GNU's long names (POSIX.1-2017, pax; GNU tar 1.34). */
#ifndef CPUSHIM_ARCHIVE_H
#define CPUSHIM_ARCHIVE_H

#include "input.h"
#include "read.h"

#define ARCHIVE_BLOCK 512

/* archive_begins: do these bytes begin an archive? */
bool archive_begins(const char *bytes, size_t n);

/* archive_read: read all hosts of its files, in their order. Hidden files are passed over. */
int archive_read(struct read *r, struct input *in, struct error *err);

#endif
