/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running the guest that reads its own CPUID (guest.S) on a real QEMU, and asking that QEMU what
 * CPU it means to give.
 */
#ifndef CPUSHIM_GUEST_H
#define CPUSHIM_GUEST_H

#include "cpumap/core/error.h"
#include "cpumap/core/feature.h"
#include "cpuid.h"

/* Enough for a start on a busy node, and under a KVM that is emulated itself. */
#define GUEST_TIMEOUT_MS 30000

struct guest_run {
	const char *emulator; /* the real QEMU's binary */
	const char *guest;    /* the image */
	const char *cpu;      /* the value of -cpu */
	const char *accel;    /* "tcg", "kvm" */
	const char *machine;  /* NULL: QEMU's default */
	unsigned int cpus;
	int timeout_ms; /* a QEMU that takes longer (a little more for each vCPU) gets SIGKILL */
};

/* Why a QEMU refused a -cpu that has enforce, in its own words. */
struct guest_refusal {
	struct featset lacks;     /* what the accelerator can't provide */
	struct featset dependent; /* what needs a feature that isn't asked for */
};

/**
 * guest_read: start QEMU without a shell and in an empty environment, wait for the guest's end and
 * parse what each of its vCPUs read. A CPU without apic can't start another: there the boot
 * CPU's reading alone comes back.
 * Returns 0; -ENOTSUP: QEMU refused the CPU for features (@refusal says which, where QEMU has a
 * name for them; @err has its words); anything else: could not tell.
 */
int guest_read(const struct guest_run *run, struct cpuid_dump *d, struct guest_refusal *refusal,
	       struct error *err);

/**
 * guest_words: what QEMU itself says that it gives vCPU 0 (QMP: identity and feature-words), as if
 * a guest had read it. With an accelerator that obeys, that is what a guest reads.
 */
int guest_words(const struct guest_run *run, struct cpuid_dump *d, struct error *err);

#endif
