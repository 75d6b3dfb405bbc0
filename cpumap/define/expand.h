/* SPDX-License-Identifier: Apache-2.0 */
/* From a model to the -cpu argument that makes it, exactly, with one QEMU binary. */
#ifndef CPUSHIM_EXPAND_H
#define CPUSHIM_EXPAND_H

#include "cpumap/core/model.h"
#include "cpumap/qemu/qemu.h"

/**
 * expand_identity: fill what the definition leaves open by the base's own.
 * Returns 0; -ENOENT: this QEMU lacks the base, or the base an identity; -ENOTSUP: the base can't
 * have this one.
 */
int expand_identity(struct model *m, const struct qemu *q, struct error *err);

/**
 * expand_full: the full statement:
 *
 *	BASE,vendor=,family=,model=,stepping=,[min-level=,][min-xlevel=,]
 *	[level-func7=,][pmu=on,][avx10-version=0,]
 *
 * then every CPUID feature that this QEMU has as a property =on or =off, MSR features but VMX's
 * =off, enforce. It depends on the definition and the binary alone.
 * -ENOTSUP: this QEMU has no property for a feature of the definition (@err names all of them),
 * or no guest can see one.
 */
int expand_full(struct text *out, const struct model *m, const struct qemu *q, struct error *err);

/**
 * expand_short: for people: the base, the identity, what the base lacks =on, and what it (in any of
 * its versions) or an accelerator's defaults would add =off.
 */
void expand_short(struct text *out, const struct model *m, const struct qemu *q);

#endif
