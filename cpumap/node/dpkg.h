/* SPDX-License-Identifier: Apache-2.0 */
/* dpkg's diversions, where the node has dpkg: an upgrade of QEMU's package then replaces the real
 * QEMU, and not the wrapper. */
#ifndef CPUSHIM_DPKG_H
#define CPUSHIM_DPKG_H

#include "node.h"

/* dpkg_divert: @path of a package goes to @real from now on, unless a diversion of somebody's sends
 * it elsewhere already. It is the package's diversion if dpkg_has_us, else a local one. */
int dpkg_divert(struct node *n, const char *path, const char *real, struct error *err);

/* dpkg_undivert: take that diversion away, if it is ours. */
int dpkg_undivert(struct node *n, const char *path, const char *real, struct error *err);

/* dpkg_has_file: is that file of the package cpushim's? */
bool dpkg_has_file(const char *path);

/* dpkg_owned: which of @paths belong to any package? Without dpkg none does. 0 or -ENOMEM. */
int dpkg_owned(const struct strv *paths, struct strv *owned);

/* dpkg_has_us: do our own programs belong to a package, cpushim, which is installed here? */
bool dpkg_has_us(void);

#endif
