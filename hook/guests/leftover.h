/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stock libvirt left of domains that ask for a site model, with another CPU in it: managed saves,
 * snapshots, and what nova keeps of instances in rescue. The hook refuses the first two when they
 * come back (restore.h); the third becomes the domain's definition and asks for nothing of ours.
 * Images that were saved elsewhere (`virsh save`) can't be found.
 */
#ifndef CPUSHIM_LEFTOVER_H
#define CPUSHIM_LEFTOVER_H

#include "cpumap/core/table.h"
#include "cpumap/core/util.h"

/* leftover_find: a line for each, with what to do. Returns 0 or -ENOMEM; what can't be read isn't
 * there. */
int leftover_find(struct strv *lines, const struct table *t);

#endif
