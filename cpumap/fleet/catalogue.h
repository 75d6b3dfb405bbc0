/* SPDX-License-Identifier: Apache-2.0 */
/* The models that are known here, the site's, libvirt's and QEMU's, and what each of them asks of a host.
 * Nothing has to be installed: what isn't there has no models. */
#ifndef CPUSHIM_CATALOGUE_H
#define CPUSHIM_CATALOGUE_H

#include "cpumap/core/error.h"
#include "cpumap/core/model.h"
#include "cpumap/core/util.h"
#include "cpumap/libvirt/libvirtmap.h"
#include "cpumap/qemu/qemu.h"
#include "host.h"

enum catalogue_from {
	CATALOGUE_SITE,    /* the table's; without a table, of the definitions */
	CATALOGUE_LIBVIRT, /* of libvirt's CPU map, without our include */
	CATALOGUE_QEMU,
	CATALOGUE_FILE, /* of a definition's file, which was named */
	CATALOGUE_FROMS,
};

/* catalogue_from_name: "site", "libvirt", "QEMU", "file" */
const char *catalogue_from_name(enum catalogue_from from);

struct catalogue_model {
	char *name, *origin; /* origin: FILE:LINE, or QEMU's file */
	enum catalogue_from from;
	struct featset gives;     /* what its guest has, of what could be part of a definition */
	struct featset needs;     /* what a host must have for it */
	bool host_vendor;         /* its guest gets the host's vendor */
	char *refused;            /* why no guest of it starts here, NULL: they do */
	struct model *definition; /* NULL: it is libvirt's or QEMU's, or it is refused */
};

/* Initialise with the accelerator, and the emulator's path, not under CPUSHIM_ROOT. */
struct catalogue {
	enum host_accel accel;
	const char *emulator;
	struct catalogue_model **item;
	size_t n;
	bool loaded[CATALOGUE_FROMS];
	size_t count[CATALOGUE_FROMS];         /* how many models of each */
	struct error missing[CATALOGUE_FROMS]; /* why there are no such models; code 0: there are */
	struct libvirtmap map;                 /* once loaded; empty: there is none */
	struct qemu qemu;                      /* likewise */
};

/**
 * catalogue_load: read the models of @from. Reading QEMU's starts it.
 * Returns 0 also if there are none, and then @c->missing tells why; -ENOMEM.
 */
int catalogue_load(struct catalogue *c, enum catalogue_from from, struct error *err);

/**
 * catalogue_find: a model by what people write: NAME, the site's if it has one, else libvirt's, else
 * QEMU's; site:NAME, libvirt:NAME, qemu:NAME; FILE or FILE:NAME (with a slash or .xml in it), of a
 * definition's file, or of any document that `cpushim import` takes.
 * Returns it, or NULL and @err: -ENOENT: there is none; -EINVAL: the file isn't understood; -ENOTSUP: its
 * definition is refused.
 */
const struct catalogue_model *catalogue_find(struct catalogue *c, const char *spec,
					     struct error *err);

/* catalogue_named: the same by NAME alone, which may be a domain's and hostile. */
const struct catalogue_model *catalogue_named(struct catalogue *c, const char *name,
					      struct error *err);

void catalogue_free(struct catalogue *c);
#define _cleanup_catalogue_ __attribute__((cleanup(catalogue_free)))

#endif
