/* SPDX-License-Identifier: Apache-2.0 */
/* The models of libvirt's map on this machine, which is read when the first one is asked for. */
#ifndef CPUSHIM_STOCKMODELS_H
#define CPUSHIM_STOCKMODELS_H

#include "cpumap/libvirt/libvirtmap.h"

/* stockmodels_map: the map; NULL: there is none here that can be read. */
const struct libvirtmap *stockmodels_map(void);

/* stockmodels_find: a model of it; NULL: it lacks the model. */
const struct model *stockmodels_find(const char *name);

/* stockmodels_free: forget the map; the next call reads it again. */
void stockmodels_free(void);

#endif
