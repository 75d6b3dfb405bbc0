/* SPDX-License-Identifier: Apache-2.0 */
/* The include for libvirt's cpu_map: our models in libvirt's words. */
#ifndef CPUSHIM_MAPINCLUDE_H
#define CPUSHIM_MAPINCLUDE_H

#include "cpumap/core/model.h"
#include "libvirtmap.h"

/* how its first line, a comment, begins */
#define MAPINCLUDE_FIRST "Written by cpushim compile"

/* what its comment says of a model that somebody else's file has */
#define MAPINCLUDE_THEIRS " has it, with the same features"

/**
 * mapinclude_print: the whole include. The first comment has all names. A comment says of each
 * model that is left out why.
 * @models: ours (all of the table's; refused ones are named in the comment)
 * @n: how many
 * @included: which of them become models of the include (refused ones don't)
 * @map: this libvirt's own map, our include not counted
 * @notes: receives a line for each model that is left out (a feature that the map lacks) or left
 *	   to somebody else's definition with equal features
 * -EEXIST: somebody else defines one with other features, which definitions_load refuses already
 */
int mapinclude_print(struct text *out, const struct model *models, const bool *included, size_t n,
		     const struct libvirtmap *map, struct strv *notes, struct error *err);

/* mapinclude_stage: the text of an @index.xml with the include @name in the place of ours; without any if
 * @name is NULL. */
void mapinclude_stage(struct text *out, const char *index, const char *name);

#endif
