/* SPDX-License-Identifier: Apache-2.0 */
/* Files that cpushim made for a moment, and that a run which was killed or a power cut left. */
#ifndef CPUSHIM_LEFTOVERS_H
#define CPUSHIM_LEFTOVERS_H

#include "cpumap/core/util.h"
#include "hook/guests/nodestate.h"

#define LEFTOVERS_AGE 600 /* seconds: a younger one may be in use */

/* leftovers_find: those that are old enough, not under CPUSHIM_ROOT. 0 or -ENOMEM. */
int leftovers_find(struct strv *paths, const struct nodestate *s);

/* leftovers_remove: remove them. Returns how many couldn't be. */
size_t leftovers_remove(const struct strv *paths);

#endif
