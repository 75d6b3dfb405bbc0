/* SPDX-License-Identifier: Apache-2.0 */
/* What this machine's KVM can give a guest. /dev/kvm is asked at this moment. */
#ifndef CPUSHIM_KVM_H
#define CPUSHIM_KVM_H

#include "cpumap/core/error.h"
#include "cpumap/core/feature.h"

/* kvm_usable: can this user open /dev/kvm? -ENODEV: no */
int kvm_usable(struct error *err);

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

/**
 * kvm_msr: an MSR that tells features, as libvirt asks for it where /dev/cpu/0/msr can't be read
 * (virHostCPUGetMSRFromKVM, src/util/virhostcpu.c, 5.4 to 12.8).
 * -ENODEV: no usable /dev/kvm, or Linux before 4.17 (KVM_CAP_GET_MSR_FEATURES); -ENOENT: this KVM has
 * no such MSR
 */
int kvm_msr(uint32_t number, uint64_t *value, struct error *err);

/**
 * kvm_tsc: how fast the TSC of a new virtual CPU runs, in Hz, and whether KVM can scale it to another
 * frequency, as libvirt asks for both (virHostCPUGetTscInfo, src/util/virhostcpu.c, 5.2 to 12.8).
 * -ENODEV: no usable /dev/kvm, or it can't tell
 */
int kvm_tsc(uint64_t *hz, bool *scaling, struct error *err);

#endif
