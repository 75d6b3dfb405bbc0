/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stock libvirt left of domains that ask for a site model, with another CPU in it: managed
 * saves, snapshots, and nova's XML of instances in rescue. The hook refuses the first two when they
 * come back (restore.h). The third becomes the domain's definition, which then asks for no site
 * model. Images in other places (`virsh save`) can't be found.
 */
#ifndef CPUSHIM_LEFTOVER_H
#define CPUSHIM_LEFTOVER_H

#include "cpumap/core/table.h"
#include "cpumap/core/util.h"

/* leftover_find: a line for each, with what to do. Returns 0 or -ENOMEM. What can't be read is
 * passed over. */
int leftover_find(struct strv *lines, const struct table *t);

#endif
