/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvirt before 4.7 has its whole CPU map in one file and knows no include. Our models are a block
 * of whole lines in that file, so that the file without these lines is the old one byte for byte.
 */
#ifndef CPUSHIM_MAPSINGLE_H
#define CPUSHIM_MAPSINGLE_H

#include "libvirtmap.h"

/* stands in the comment that is the block's last line; the block's first line is the include's */
#define MAPSINGLE_END "cpushim: end"

/* mapsingle_has_block: has a map's text our block? */
bool mapsingle_has_block(const char *text);

/**
 * mapsingle_merge: a whole map with our models in front of the line that ends x86.
 * @map: the map's text; a block that it has already is dropped
 * @path: for errors
 * @include: what mapinclude_print made; NULL: none
 * -EINVAL: it has no x86, or the line that ends x86 holds something else, or a block has no end.
 */
int mapsingle_merge(struct text *out, const char *map, const char *path, const char *include,
		    struct error *err);

#endif
