/* SPDX-License-Identifier: Apache-2.0 */
/* libvirt's map as it would be if somebody put a model into it, and cpushim weren't there. */
#ifndef CPUSHIM_MAPWITH_H
#define CPUSHIM_MAPWITH_H

#include "cpumap/core/model.h"
#include "libvirtmap.h"
#include "mapmount.h"

/* The files of that map that differ from those that are there. Zero-initialise. */
struct mapwith {
	struct map_binding file[2];
	size_t n;
	struct text index, include;
};

/**
 * mapwith: @m in libvirt's words: its features, and its vendor if it says one that the map knows. A model that
 * the map has already stays that one.
 * @map: libvirt's, our include not counted
 * Returns 0; -ENOTSUP: the map lacks a feature of the model; -ENOSYS: the map is one file, of libvirt before
 * 4.7; or why the index can't be read.
 */
int mapwith(struct mapwith *w, const struct model *m, const struct libvirtmap *map,
	    struct error *err);
void mapwith_free(struct mapwith *w);
#define _cleanup_mapwith_ __attribute__((cleanup(mapwith_free)))

#endif
