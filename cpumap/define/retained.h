/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Models that running guests have, and that libvirt's map must go on naming: a newer libvirt
 * (measured: 11.3; not 9.0) ends a running guest when it restarts and its map has no model of the
 * guest's name any more.
 */
#ifndef CPUSHIM_RETAINED_H
#define CPUSHIM_RETAINED_H

#include "cpumap/libvirt/libvirtmap.h"

/**
 * retained_models: the models of the present include with which a guest runs here. Models that
 * @stays names are left out.
 * @dir: libvirt's map
 * @notes: receives a line for each
 */
int retained_models(struct model_list *out, const char *dir, const struct strv *stays,
		    struct strv *notes);

#endif
