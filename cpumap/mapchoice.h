/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where libvirt's map has no <decode> (before 6.2), libvirt may choose our models by itself, as the
 * nearest to a host's CPU: host-model and capabilities would change, for guests that never asked
 * for a site model.
 */
#ifndef CPUSHIM_MAPCHOICE_H
#define CPUSHIM_MAPCHOICE_H

#include "libvirtmap.h"

/* Maps to compare: what is bound over @target for each, and with what in libvirt's words. */
struct mapchoice {
	const char *target; /* libvirt's cpu_map.xml, or its index.xml */
	const char *staged; /* the file that is bound over it */
	const char *cpus;   /* a file of this host's CPU, as mapchoice_cpus prints it */
};

/**
 * mapchoice_cpus: a CPU twice, as two models with features added, for libvirt to choose the model
 * nearest to it (cpuBaseline: with two names it has none to prefer; 1.2 to 11).
 */
void mapchoice_cpus(struct text *out, const struct featset *cpu, const char *vendor);

/**
 * mapchoice_model: what libvirt makes of the CPUs with @map in the place of the target: its answer,
 * whole. In a process of its own, like maptrial. @answer is allocated.
 */
int mapchoice_model(const struct mapchoice *c, const struct text *map, char **answer,
		    struct error *err);

/**
 * mapchoice: drop from @publish the models that libvirt would choose for this host. Nothing to do
 * where the map has <decode>; where libvirt isn't to be asked (no virsh, not root, another root) a
 * line in @notes says so.
 */
int mapchoice(const struct model *models, bool *publish, size_t n, const struct libvirtmap *map,
	      struct strv *notes, struct error *err);

#endif
