/* SPDX-License-Identifier: Apache-2.0 */
/* The features of a model that an accelerator can't give here, and why. */
#ifndef CPUSHIM_SHORTFALL_H
#define CPUSHIM_SHORTFALL_H

#include "cpumap/core/error.h"
#include "cpumap/core/feature.h"
#include "cpumap/core/util.h"

enum lack {
	LACK_QEMU,     /* QEMU has no such property */
	LACK_CPU,      /* the CPU lacks it */
	LACK_KVM,      /* KVM doesn't offer it, though the CPU has it */
	LACK_WITHHELD, /* KVM offers it, and QEMU doesn't pass it on */
	LACK_TCG,      /* QEMU's TCG doesn't emulate it */
	LACK_KINDS,
};

/* What this host supports at this moment. */
struct support {
	struct featset properties; /* what QEMU has a name for */
	struct featset provided;   /* what QEMU provides with KVM */
	struct featset offered;    /* what KVM offers to QEMU */
	struct featset cpu;        /* what the CPU has */
	struct error no_kvm;       /* code: KVM can't be asked, and the above is empty */
};

/* Features that are lacking, by the reason why. */
struct shortfall {
	struct featset all;
	struct featset by[LACK_KINDS];
};

/* support_ask: ask QEMU, KVM and the CPU. @qemu: the real QEMU's binary */
void support_ask(struct support *support, const char *qemu);

/* shortfall_kvm: the features of @wanted that KVM can't give here. shortfall_tcg: @lacking as a
 * shortfall of TCG. */
void shortfall_kvm(struct shortfall *s, const struct support *support,
		   const struct featset *wanted);
void shortfall_tcg(struct shortfall *s, const struct featset *lacking);

/**
 * shortfall_boot: why Linux doesn't boot with @features under TCG, though a guest that reads its
 * CPUID finds them all; NULL: no reason is known. The text goes behind "model 'X': ".
 * Source: cr4_reserved_bits in target/i386/cpu.h of QEMU, which looks for xsave in leaf 0xD.1 (7.2
 * and 10.0 measured). KVM has no such limit.
 */
const char *shortfall_boot(const struct featset *features);

/* lack_why: a reason in words: "the CPU lacks", "KVM doesn't offer", ... */
const char *lack_why(enum lack kind);

/* shortfall_print: the reason. With several reasons, each with its features. */
void shortfall_print(struct text *out, const struct shortfall *s);

#endif
