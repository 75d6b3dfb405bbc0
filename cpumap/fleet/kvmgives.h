/* SPDX-License-Identifier: Apache-2.0 */
/* What KVM gives to guests, as far as the CPU alone tells: for hosts whose KVM nobody has asked. */
#ifndef CPUSHIM_KVMGIVES_H
#define CPUSHIM_KVMGIVES_H

#include "host.h"

/**
 * kvmgives_view: what KVM gives on a host with that CPU. A feature is there if the CPU has it and KVM
 * passes it on, or if KVM emulates it; it is absent if the CPU lacks it, or KVM never gives it. What
 * depends on the kernel's release, on options of KVM's modules or on mitigations isn't known.
 */
void kvmgives_view(struct host_view *kvm, const struct host_view *cpu);

/* kvmgives_never: the features that no KVM gives to guests of QEMU. */
void kvmgives_never(struct featset *set);

#endif
