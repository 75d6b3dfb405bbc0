/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running the guest that reads its own CPUID (guest.S) on a real QEMU, and asking that QEMU which
 * CPU it gives.
 */
#ifndef CPUSHIM_GUEST_H
#define CPUSHIM_GUEST_H

#include "cpumap/core/error.h"
#include "cpumap/core/feature.h"
#include "cpuid.h"

/* Enough for a start on a busy node, also under nested KVM. */
#define GUEST_TIMEOUT_MS 30000

struct guest_run {
	const char *emulator; /* the real QEMU's binary */
	const char *guest;    /* the image */
	const char *cpu;      /* the value of -cpu */
	const char *accel;    /* "tcg", "kvm" */
	const char *machine;  /* NULL: QEMU's default */
	unsigned int cpus;
	int timeout_ms; /* a QEMU that takes longer gets SIGKILL; each vCPU adds a little */
};

/* Why a QEMU refused a -cpu that has enforce, in its own words. */
struct guest_refusal {
	struct featset lacks;     /* what the accelerator can't provide */
	struct featset dependent; /* features that need another one which wasn't asked for */
};

/**
 * guest_read: start QEMU without a shell and in an empty environment, wait for the guest's end and
 * parse what each of its vCPUs read. Without apic only the boot CPU's reading comes back, as no
 * other vCPU can be started.
 * Returns 0; -ENOTSUP: QEMU refused the CPU for features (@refusal says which, where QEMU has a
 * name for them; @err has its words); another error: it couldn't be read.
 */
int guest_read(const struct guest_run *run, struct cpuid_dump *d, struct guest_refusal *refusal,
	       struct error *err);

/**
 * guest_words: what QEMU says over QMP that it gives vCPU 0 (identity and feature-words), in the
 * form of a guest's dump. A guest reads the same, unless the accelerator doesn't obey.
 */
int guest_words(const struct guest_run *run, struct cpuid_dump *d, struct error *err);

#endif
