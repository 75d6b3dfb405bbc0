/* SPDX-License-Identifier: Apache-2.0 */
/* Our models in libvirt's CPU map: the include, and the line of index.xml that names it; or, before
 * libvirt 4.7, a block in its one file. */
#ifndef CPUSHIM_MAP_H
#define CPUSHIM_MAP_H

#include <stdbool.h>

#include "cpumap/core/error.h"

/**
 * comment_out_include: where there is no room for another index.xml, take our include out in the file that
 * is there. It isn't replaced at once, so this is for an index that libvirt can't read as it is.
 */
int comment_out_include(struct error *err);

/* map_names_ours: does the index name our include, or has the one file our block? */
bool map_names_ours(void);

/* include_leaves_out: was a model left out of our include because somebody else's file had it? */
bool include_leaves_out(void);

/**
 * map_is_taken: is the map right as it is? It names our include once, the include is as it was
 * compiled and leaves no model to somebody else's file, which may be another one by now, and libvirt
 * takes it. Otherwise -errno, and @err says what isn't right.
 */
int map_is_taken(struct error *err);

#endif
