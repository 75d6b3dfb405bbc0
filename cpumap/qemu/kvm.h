/* SPDX-License-Identifier: Apache-2.0 */
/* What this machine's KVM can give a guest. /dev/kvm is asked at this moment. */
#ifndef CPUSHIM_KVM_H
#define CPUSHIM_KVM_H

#include "cpumap/core/error.h"
#include "cpumap/core/feature.h"

/**
 * kvm_offers: the features that a guest may get: those of KVM_GET_SUPPORTED_CPUID, and those that
 * QEMU adds or asks for elsewhere. In doubt a feature is in the set.
 * -ENODEV: /dev/kvm can't be opened or asked
 */
int kvm_offers(struct featset *set, struct error *err);

/**
 * kvm_defaults: the paravirtual features that QEMU switches on by itself in every named model under
 * KVM. They aren't part of a definition, but `enforce` insists on them.
 */
void kvm_defaults(struct featset *set);

#endif
