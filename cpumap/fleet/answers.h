/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a CPU answers, raw: its CPUID leaves and the MSRs that tell features; and what they say of a host.
 *
 * A feature is known if its leaf was answered, or if what was answered says that there is no such leaf:
 * the range's highest leaf, leaf 7's highest subleaf, or a feature that the leaf goes with. A leaf that
 * nobody recorded leaves its features unknown.
 */
#ifndef CPUSHIM_ANSWERS_H
#define CPUSHIM_ANSWERS_H

#include "cpumap/guest/cpuid.h"
#include "host.h"

#define ANSWERS_MAX     4096 /* of one CPU, with all subleaves: real ones have under 200 */
#define ANSWERS_MSR_MAX 64

struct msr {
	uint32_t number;
	uint64_t value;
};

/* Zero-initialise; fill with answers_add, then answers_sort. */
struct answers {
	struct cpuid_cpu cpu;
	size_t room;
	struct msr msr[ANSWERS_MSR_MAX];
	size_t n_msrs;
};

/* answers_add: one more answer. -EOVERFLOW above ANSWERS_MAX; -ENOMEM. */
int answers_add(struct answers *l, const struct cpuid_entry *e);

/* answers_add_msr: one more MSR. -EOVERFLOW above ANSWERS_MSR_MAX. */
int answers_add_msr(struct answers *l, uint32_t number, uint64_t value);

/**
 * answers_sort: put them in order, as all that look into them need it.
 * Returns -EEXIST if a leaf or an MSR is there twice with different answers; the same answer is kept
 * once.
 */
int answers_sort(struct answers *l);

/* answers_find: an answer, or NULL: not recorded. */
const struct cpuid_entry *answers_find(const struct answers *l, uint32_t leaf, uint32_t subleaf);

/* answers_deny: do the answers say that there is no such leaf? */
bool answers_deny(const struct answers *l, uint32_t leaf, uint32_t subleaf);

/* answers_view: the features that are there, and those that are known. Those of kind FEATURE_OTHER, which
 * something else than the CPU decides, are neither. */
void answers_view(const struct answers *l, struct host_view *view);

/* answers_brand: "AMD EPYC 7601 32-Core Processor", allocated, without blanks around it; NULL: the CPU
 * tells none (or memory ran out). Foreign text. */
char *answers_brand(const struct answers *l);

/* answers_physbits: physical address bits, 0: not known. Source: SDM 2A, CPUID, 80000008H: without that
 * leaf 36 with pae, else 32. */
unsigned int answers_physbits(const struct answers *l);

/* answers_host: fill in @h's identity, brand, physbits and view of its CPU; nothing without leaf 0. */
void answers_host(const struct answers *l, struct host *h);

void answers_free(struct answers *l);
#define _cleanup_answers_ __attribute__((cleanup(answers_free)))

#endif
