/* SPDX-License-Identifier: Apache-2.0 */
/* The hook among libvirt's hooks. */
#ifndef CPUSHIM_HOOKFILE_H
#define CPUSHIM_HOOKFILE_H

#include "node.h"

/* check_hook: has the hook a place? -EEXIST: the site's own stands there, and this libvirt runs no
 * other beside it. */
int check_hook(struct node *n, struct error *err);

#endif
