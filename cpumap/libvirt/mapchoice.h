/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where libvirt's map has no <decode> (before 6.2), libvirt may choose one of our models as the
 * nearest to the host's CPU. Then host-model and capabilities would change, also for guests that
 * never asked for a site model.
 */
#ifndef CPUSHIM_MAPCHOICE_H
#define CPUSHIM_MAPCHOICE_H

#include "libvirtmap.h"

/* What a comparison of maps needs. For each map @staged is bound over @target, and libvirt is asked
 * what it makes of @cpus. */
struct mapchoice {
	const char *target;      /* libvirt's cpu_map.xml, or its index.xml */
	const char *staged;      /* the file that is bound over it */
	const struct strv *cpus; /* this host's CPU, as mapchoice_cpus has it */
};

/**
 * mapchoice_cpus: a CPU, written twice as two models with features added. libvirt then chooses the
 * model that is nearest to it (cpuBaseline, 1.2 to 11: of two names it prefers none).
 * @cpus: receives two <cpu> elements
 */
int mapchoice_cpus(struct strv *cpus, const struct featset *cpu, const char *vendor);

/**
 * mapchoice_model: what libvirt makes of the CPUs with @map in the place of the target: its whole
 * answer. libvirt runs in another process, as in maptrial. @answer is allocated.
 */
int mapchoice_model(const struct mapchoice *c, const struct text *map, char **answer,
		    struct error *err);

/**
 * mapchoice: drop from @included the models that libvirt would choose for this host. Nothing to do
 * where the map has <decode>; where libvirt can't be asked (no library, not root, another
 * root) a line in @notes says so.
 */
int mapchoice(const struct model *models, bool *included, size_t n, const struct libvirtmap *map,
	      struct strv *notes, struct error *err);

/**
 * mapchoice_translated: where the map has no <decode>: libvirt before 6.2 starts a guest of a model
 * that its map has and QEMU hasn't as the nearest that QEMU offers (x86Decode, src/cpu/cpu_x86.c;
 * measured on 1.2.2 and 1.3.1), and qmp-proxy has QEMU offer ours. One line in @notes names those
 * models.
 * @dir: the map; @qemu: QEMU's models; @ours: those that it offers besides
 */
int mapchoice_translated(struct strv *notes, const struct libvirtmap *map, const char *dir,
			 const struct strv *qemu, const struct model_list *ours);

#endif
