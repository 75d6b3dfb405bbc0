/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A node without the wrapper (cpushim ready --no-wrapper): libvirt translates a site model to one of
 * QEMU's. Here a guest may run if libvirt's translation has exactly the model's features. The real
 * QEMU is asked what it gives for that -cpu with the guest's machine type and accelerator. So its
 * own models, their versions for old machine types, the accelerator's defaults and silently dropped
 * features all count. The identity is that of the base that libvirt chooses.
 */
#ifndef CPUSHIM_NATIVE_H
#define CPUSHIM_NATIVE_H

#include "hook/domain/process.h"
#include "decide.h"

/* native_node: was this node installed without the wrapper? */
bool native_node(void);

/**
 * native_arrival: may a guest arrive that asks for a site model?
 * @d: the domain at prepare, with the CPU that was recorded where it ran. A translation comes from
 *     another node without the wrapper, and native_start judges it.
 */
void native_arrival(const struct domain *d, const struct facts *f, const struct record *r,
		    struct reasons *reasons);

/**
 * native_start: has the CPU that libvirt made of a request exactly what was asked for?
 * @d: the domain at start. If libvirt doesn't show its translation (before 2.3), or has passed the
 *     name on, there is nothing to judge yet: native_started looks at the process.
 * @reasons: receives each reason why it mustn't start
 */
void native_start(const struct domain *d, const struct facts *f, const struct record *r,
		  struct reasons *reasons);

/* native_started: the same for a running QEMU, by its arguments. */
void native_started(const struct process *qemu, const struct facts *f, const struct record *r,
		    struct reasons *reasons);

/**
 * native_argument: the -cpu that libvirt writes for the <cpu> of @d (qemuBuildCpuModelArgStr,
 * src/qemu/qemu_command.c, 1.2 to 11.3), without features that aren't part of a definition.
 * -ENOTSUP: it has none, or names a feature that isn't known; @err says which
 */
int native_argument(struct text *out, const struct domain *d, struct error *err);

#endif
