/* SPDX-License-Identifier: Apache-2.0 */
/* Why an accelerator can't give a model's features here. */
#ifndef CPUSHIM_LACKS_H
#define CPUSHIM_LACKS_H

#include "cpumap/core/error.h"
#include "cpumap/core/feature.h"
#include "cpumap/core/util.h"

enum lack {
	LACK_QEMU,     /* QEMU has no such property */
	LACK_CPU,      /* the CPU hasn't it */
	LACK_KVM,      /* KVM doesn't offer it, though the CPU has it */
	LACK_WITHHELD, /* KVM offers it, and QEMU doesn't pass it on */
	LACK_TCG,      /* QEMU's TCG doesn't emulate it */
	LACK_KINDS,
};

/* What there is here, asked at this moment. */
struct here {
	struct featset properties; /* what QEMU has a name for */
	struct featset provided;   /* what it provides with KVM */
	struct featset offered;    /* what KVM offers it */
	struct featset cpu;        /* what the CPU has */
	struct error no_kvm;       /* code: KVM can't be asked, and the above is empty */
};

/* A set of features, by the reason why it isn't to be had. */
struct lacks {
	struct featset all;
	struct featset by[LACK_KINDS];
};

/* here_ask: @qemu: the real one's binary */
void here_ask(struct here *here, const char *qemu);

/* lacks_of_kvm: which of @wanted KVM can't give here; lacks_of_tcg: @lacking, by TCG. */
void lacks_of_kvm(struct lacks *l, const struct here *here, const struct featset *wanted);
void lacks_of_tcg(struct lacks *l, const struct featset *lacking);

/**
 * lacks_boot: why Linux doesn't boot with @features under TCG, though a guest that reads its CPUID
 * finds them all; NULL: nothing is known against it. The text goes behind "model 'X': ".
 * Source: cr4_reserved_bits in target/i386/cpu.h of QEMU, which looks for xsave in leaf 0xD.1
 * (7.2 and 10.0 measured). KVM isn't concerned.
 */
const char *lacks_boot(const struct featset *features);

/* lack_why: a reason for people: "the CPU lacks", "KVM doesn't offer", ... */
const char *lack_why(enum lack kind);

/* lacks_print: the reason, and where there are several, which features each is of. */
void lacks_print(struct text *out, const struct lacks *l);

#endif
