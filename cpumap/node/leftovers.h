/* SPDX-License-Identifier: Apache-2.0 */
/* Files that cpushim made for a moment, and that a run which was killed or a power cut left. */
#ifndef CPUSHIM_LEFTOVERS_H
#define CPUSHIM_LEFTOVERS_H

#include <stdbool.h>

#include "cpumap/core/util.h"

#define LEFTOVERS_AGE 600 /* seconds: a younger one may be in use */

/**
 * leftovers_find: their paths, as they are below CPUSHIM_ROOT.
 * @emulators: beside which to look, too
 * @young: also those that may be in use
 * Returns 0 or -ENOMEM.
 */
int leftovers_find(struct strv *paths, const struct strv *emulators, bool young);

/* leftovers_remove: remove them. Returns how many couldn't be. */
size_t leftovers_remove(const struct strv *paths);

#endif
