/* SPDX-License-Identifier: Apache-2.0 */
/* The include for libvirt's cpu_map: our models in libvirt's words. */
#ifndef CPUSHIM_MAPINCLUDE_H
#define CPUSHIM_MAPINCLUDE_H

#include "cpumap/core/model.h"
#include "libvirtmap.h"

/* how the comment begins that is its first line */
#define MAPINCLUDE_FIRST "Written by cpushim compile"

/**
 * mapinclude_print: the whole include. All names are in its first comment, and those that aren't
 * among its models in comments of their own, with the reason.
 * @models: ours (all of the table's, also refused ones: their names go into the comment)
 * @n: how many
 * @included: which of them are to be models of the include (refused ones aren't)
 * @map: this libvirt's own map, our include not counted
 * @notes: receives a line for each model that is left out (a feature that the map lacks) or left
 *	   to somebody else's definition with equal features
 * -EEXIST: one of somebody else's with other features, which definitions_load refuses
 */
int mapinclude_print(struct text *out, const struct model *models, const bool *included, size_t n,
		     const struct libvirtmap *map, struct strv *notes, struct error *err);

#endif
