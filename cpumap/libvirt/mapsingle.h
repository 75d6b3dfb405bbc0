/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvirt before 4.7 keeps its whole CPU map in one file and knows no include. Our models stand in
 * it as a block of whole lines, so that taking the lines away gives the file back byte for byte.
 */
#ifndef CPUSHIM_MAPSINGLE_H
#define CPUSHIM_MAPSINGLE_H

#include "libvirtmap.h"

/* in the comment that is the block's last line; its first is the include's first */
#define MAPSINGLE_END "cpushim: end"

/* mapsingle_has_block: is there one of ours in a map's text? */
bool mapsingle_has_block(const char *text);

/**
 * mapsingle_merge: a whole map with our models in it, in front of the line that ends x86.
 * @map: the map's text; a block that is in it already goes
 * @path: for errors
 * @include: what mapinclude_print made; NULL: none
 * -EINVAL: it has no x86, or that doesn't end on a line of its own, or a block has no end.
 */
int mapsingle_merge(struct text *out, const char *map, const char *path, const char *include,
		    struct error *err);

#endif
