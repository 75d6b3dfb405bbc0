/* SPDX-License-Identifier: Apache-2.0 */
/* Which stock models are nearest to a host, or to what many hosts share. */
#ifndef CPUSHIM_NEAREST_H
#define CPUSHIM_NEAREST_H

#include "cpumap/libvirt/libvirtmap.h"
#include "cpumap/qemu/qemu.h"
#include "host.h"

/* The models of a QEMU or of libvirt's map. Zero-initialise. */
struct stock {
	struct stock_model {
		const char *name, *vendor; /* whoever was asked owns them */
		struct featset features;   /* FEATURE_CPUID only */
	} * model;
	size_t n, room;
};

/* How a model differs from a view. */
struct nearest {
	const struct stock_model *model;
	struct featset lacks;   /* what the model has, and the host is known to lack */
	struct featset unknown; /* what the model has, and nobody knows of the host */
	struct featset more;    /* what the host has, and the model hasn't */
};

/**
 * stock_add_qemu: QEMU's models. Left out are those that QEMU computes (max, host, base), and of two
 * names for the same the version. Features that an accelerator switches on or off by itself (vme, x2apic)
 * are no part of them.
 * stock_add_libvirt: those of libvirt's map, likewise.
 * -ENOMEM
 */
int stock_add_qemu(struct stock *s, const struct qemu *q);
int stock_add_libvirt(struct stock *s, const struct libvirtmap *map);
void stock_free(struct stock *s);
#define _cleanup_stock_ __attribute__((cleanup(stock_free)))

/**
 * nearest_find: the models with the fewest differences from @view, the nearest first. A feature that is
 * lacking or unknown counts as one that is more; of equally near models the one with fewer of those comes
 * first, then one of @vendor, then by name.
 * @runs: only models that lack nothing
 * @more: features that count as more where the view has them; NULL: all
 * Returns how many were found, @max at most.
 */
size_t nearest_find(struct nearest *found, size_t max, const struct stock *s,
		    const struct host_view *view, const char *vendor, bool runs,
		    const struct featset *more);

#endif
