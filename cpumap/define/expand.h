/* SPDX-License-Identifier: Apache-2.0 */
/* From a model to the -cpu argument with which one QEMU binary gives exactly that CPU. */
#ifndef CPUSHIM_EXPAND_H
#define CPUSHIM_EXPAND_H

#include "cpumap/core/model.h"
#include "cpumap/qemu/qemu.h"

/**
 * expand_identity: fill what the definition leaves open with the base's identity.
 * Returns 0; -ENOENT: this QEMU lacks the base, or the base has no identity; -ENOTSUP: the base
 * can't have this identity.
 */
int expand_identity(struct model *m, const struct qemu *q, struct error *err);

/**
 * expand_full: the full statement:
 *
 *	BASE,vendor=,family=,model=,stepping=,[min-level=,][min-xlevel=,]
 *	[level-func7=,][pmu=on,][avx10-version=0,]
 *
 * then every CPUID feature that this QEMU has as a property, =on or =off; then MSR features
 * (without VMX's), =off; then enforce. It depends on the definition and the binary alone.
 * -ENOTSUP: this QEMU has no property for a feature of the definition (@err names all of them),
 * or no guest can see one.
 */
int expand_full(struct text *out, const struct model *m, const struct qemu *q, struct error *err);

/**
 * expand_short: a short form for people: the base, the identity, what the base lacks =on, and what
 * any version of the base or an accelerator's defaults would add =off.
 */
void expand_short(struct text *out, const struct model *m, const struct qemu *q);

#endif
