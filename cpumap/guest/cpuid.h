/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a guest read by CPUID: the dump that cpumap/guest/guest.S writes, parsed as hostile text, decoded,
 * and compared with a model's definition.
 */
#ifndef CPUSHIM_CPUID_H
#define CPUSHIM_CPUID_H

#include "cpumap/core/error.h"
#include "cpumap/core/table.h"
#include "cpumap/core/feature.h"
#include "cpumap/core/model.h"
#include "cpumap/core/util.h"

#define CPUID_DUMP_LIMIT ((size_t)64 << 20)

struct cpuid_entry {
	uint32_t leaf, subleaf;
	uint32_t reg[4]; /* by enum cpuid_reg */
};

/* One vCPU's answers, sorted by leaf and subleaf. */
struct cpuid_cpu {
	struct cpuid_entry *entry;
	size_t n;
};

struct cpuid_dump {
	struct cpuid_cpu *cpu;
	size_t n;
};

/**
 * cpuid_parse: the last complete dump ("cpushim-guest 1" to "end") in @text, which may be all that
 * a serial port has said. What is before and after it is ignored.
 * @name: what errors call it
 * Returns 0; -ENODATA: no complete dump; -EINVAL: one that isn't well formed (@err names the line).
 */
int cpuid_parse(struct cpuid_dump *d, const char *text, size_t len, const char *name,
		struct error *err);
void cpuid_dump_free(struct cpuid_dump *d);
#define _cleanup_cpuid_dump_ __attribute__((cleanup(cpuid_dump_free)))

/* cpuid_word: a register. 0 if the dump lacks the leaf, or if the leaf is above its range's highest
 * one, or the subleaf above leaf 7's highest one. */
uint32_t cpuid_word(const struct cpuid_cpu *cpu, uint32_t leaf, uint32_t subleaf,
		    enum cpuid_reg reg);

/* cpuid_identity: leaf 0, and leaf 1's EAX with the extended parts (SDM 2A, CPUID, figure 3-6). */
void cpuid_identity(const struct cpuid_cpu *cpu, struct identity *id);

/* cpuid_features: the FEATURE_CPUID ones that are on. */
void cpuid_features(const struct cpuid_cpu *cpu, struct featset *set);

/* How a CPU differs from a definition. Zero-initialise; free with cpuid_diff_free. */
struct cpuid_diff {
	struct featset missing, extra;
	struct strv other; /* a line each: identity, unnamed bits, a vCPU unlike the first */
};

/**
 * cpuid_compare: is each vCPU of @d what @m defines? Compared are the identity (without a vendor
 * "host" and numbers that are -1), every feature of kind FEATURE_CPUID, and the unnamed bits of the
 * words that hold features, which must be 0. The copies of leaf 1 in 0x80000001.EDX must be there
 * with vendor AMD, and only then.
 * Returns 0 and the differences in @diff (cpuid_diff_none: there are none), or -ENOMEM.
 */
int cpuid_compare(const struct cpuid_dump *d, const struct model *m, struct cpuid_diff *diff);
bool cpuid_diff_none(const struct cpuid_diff *diff);
void cpuid_diff_free(struct cpuid_diff *diff);
#define _cleanup_cpuid_diff_ __attribute__((cleanup(cpuid_diff_free)))

/* cpuid_diff_print: a line for each difference, each ended by a newline. */
void cpuid_diff_print(struct text *out, const struct cpuid_diff *diff);

/**
 * cpuid_digest: SHA-256 of the part of the reading that the definition decides: the identity, and
 * the feature words without FEATURE_OTHER and AMD's copies. The same CPU has the same digest on
 * every machine type and with any number of vCPUs.
 * -EXDEV: the vCPUs don't agree.
 */
int cpuid_digest(const struct cpuid_dump *d, char hex[DIGEST_HEX], struct error *err);

#endif
