/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A node without the wrapper (install.sh --no-wrapper): libvirt translates a site model to one of
 * QEMU's. Here a guest may run if what libvirt makes of the model has exactly its features. The
 * real QEMU is asked, with the guest's machine type and accelerator, what it gives for that -cpu:
 * that has its own models, old machine types' versions of them, the accelerator's defaults and what
 * it silently drops in it. The identity is what libvirt's choice of a base brings.
 */
#ifndef CPUSHIM_NATIVE_H
#define CPUSHIM_NATIVE_H

#include "hook/domain/process.h"
#include "decide.h"

/* native_node: was this one installed without the wrapper? */
bool native_node(void);

/**
 * native_arrival: may a guest come in that asks for a site model?
 * @d: the domain at prepare, with the CPU that was recorded where it ran. One that libvirt made of
 * the model comes from a node like this one; native_start goes on with it.
 */
void native_arrival(const struct domain *d, const struct facts *f, const struct record *r,
		    struct reasons *reasons);

/**
 * native_start: has a guest of the CPU that libvirt made of a request exactly what was asked for?
 * @d: the domain at start. If libvirt doesn't show what it makes of the model (before 2.3), or has
 *     passed its name on, nothing is said: native_started looks at the process.
 * @reasons: receives each reason why it mustn't start
 */
void native_start(const struct domain *d, const struct facts *f, const struct record *r,
		  struct reasons *reasons);

/* native_started: the same of a QEMU that runs, by its arguments. */
void native_started(const struct process *qemu, const struct facts *f, const struct record *r,
		    struct reasons *reasons);

/**
 * native_argument: the -cpu that libvirt writes for the <cpu> of @d (qemuBuildCpuModelArgStr,
 * src/qemu/qemu_command.c, 1.2 to 11.3), features that aren't part of a definition left out.
 * -ENOTSUP: it has none, or names a feature that isn't known; @err says which
 */
int native_argument(struct text *out, const struct domain *d, struct error *err);

#endif
