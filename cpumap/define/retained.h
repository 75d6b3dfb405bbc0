/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Models that libvirt was told of and that guests run with. A newer libvirt (11.3 measured;
 * not 9.0) ends a running guest when it restarts and its map has no model of the guest's name any
 * more.
 */
#ifndef CPUSHIM_RETAINED_H
#define CPUSHIM_RETAINED_H

#include "cpumap/libvirt/libvirtmap.h"

/**
 * retained_models: the models of the include that is in place now, but for those that @stays names,
 * with which a guest runs here.
 * @dir: libvirt's map
 * @notes: receives a line for each
 */
int retained_models(struct model_list *out, const char *dir, const struct strv *stays,
		    struct strv *notes);

#endif
