/* SPDX-License-Identifier: Apache-2.0 */
/* What a QEMU binary has: its models, its feature properties, what its accelerators provide. */
#ifndef CPUSHIM_QEMU_H
#define CPUSHIM_QEMU_H

#include "cpumap/core/error.h"
#include "cpumap/core/feature.h"
#include "cpumap/core/model.h"
#include "cpumap/core/util.h"
#include "qmp.h"

/* A QEMU model as TCG would start it, before anything is filtered. */
struct qemu_model {
	char *name;
	char *alias_of; /* the version that the plain name means; NULL: none */
	struct identity id;
	struct featset features;
	struct featset unavailable; /* its features that the accelerator in question lacks */
	uint32_t level, xlevel;     /* the highest basic and extended leaf of its definition */
	bool computed;              /* max, host, base: QEMU computes its features and levels; host
				     * and base have IDENTITY_NONE here */
};

struct qemu {
	char *path;                /* the binary asked */
	char *program;             /* the file that ran: another one if a script is at path; NULL:
				    * not known */
	char version[64];          /* "7.2.22" */
	struct featset properties; /* features[] that are CPU properties here */
	bool has_avx10_version;    /* the CPU property avx10-version exists (9.2) */
	bool has_auto_level;       /* the CPU property full-cpuid-auto-level exists */
	struct strv names;         /* all of its models */
	struct qemu_model *model;
	size_t n_models;
	struct featset tcg; /* what TCG provides */
};

/**
 * qemu_probe: start the binary at @path (the real QEMU, never the wrapper) with -machine none and
 * TCG, and ask it. The answer doesn't depend on the host: the same binary gives the same one on
 * every machine.
 */
int qemu_probe(struct qemu *q, const char *path, struct error *err);
void qemu_free(struct qemu *q);
#define _cleanup_qemu_ __attribute__((cleanup(qemu_free)))

const struct qemu_model *qemu_model_named(const struct qemu *q, const char *name);

/**
 * qemu_brings: the features of a model and its versions together (kvm64 and kvm64-v1), and those
 * that the accelerators switch on in a named model by default.
 */
void qemu_brings(const struct qemu *q, const char *model, struct featset *set);

/**
 * qemu_provides: what the accelerator of a QEMU that runs on monitor @m can provide: the expansion
 * of its model max, and features that some model has and doesn't list as unavailable.
 */
int qemu_provides(struct qmp *m, struct featset *set, struct error *err);

/**
 * qemu_kvm: what KVM provides here, by @path and -accel kvm.
 * @properties: receives what this QEMU has a property for; may be NULL
 * -ENODEV: no usable /dev/kvm
 */
int qemu_kvm(const char *path, struct featset *set, struct featset *properties, struct error *err);

#endif
