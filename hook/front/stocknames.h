/* SPDX-License-Identifier: Apache-2.0 */
/* The names of libvirt's and QEMU's own x86 models, for the case that nothing tells which names are
 * the site's. */
#ifndef CPUSHIM_STOCKNAMES_H
#define CPUSHIM_STOCKNAMES_H

#include <stdbool.h>
#include <stddef.h>

/* stock_name: is that one of them, or one of QEMU's versions of it (NAME-v2)? libc alone. */
bool stock_name(const char *name, size_t len);

#endif
