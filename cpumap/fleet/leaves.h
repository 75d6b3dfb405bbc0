/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a CPU answers, raw: its CPUID leaves and the MSRs that tell features; and what they say of a host.
 *
 * A feature is known if its leaf was answered, or if what was answered says that there is no such leaf:
 * the range's highest leaf, leaf 7's highest subleaf, or a feature that the leaf goes with. A leaf that
 * nobody recorded leaves its features unknown.
 */
#ifndef CPUSHIM_LEAVES_H
#define CPUSHIM_LEAVES_H

#include "cpumap/guest/cpuid.h"
#include "host.h"

#define LEAVES_MAX     4096 /* of one CPU, with all subleaves: real ones have under 200 */
#define LEAVES_MSR_MAX 64

struct msr {
	uint32_t number;
	uint64_t value;
};

/* Zero-initialise; fill with leaves_add, then leaves_sort. */
struct leaves {
	struct cpuid_cpu cpu;
	size_t room;
	struct msr msr[LEAVES_MSR_MAX];
	size_t n_msrs;
};

/* leaves_add: one more answer. -EOVERFLOW above LEAVES_MAX; -ENOMEM. */
int leaves_add(struct leaves *l, const struct cpuid_entry *e);

/* leaves_add_msr: one more MSR. -EOVERFLOW above LEAVES_MSR_MAX. */
int leaves_add_msr(struct leaves *l, uint32_t number, uint64_t value);

/**
 * leaves_sort: put them in order, as all that look into them need it.
 * Returns -EEXIST if a leaf or an MSR is there twice with different answers; the same answer is kept
 * once.
 */
int leaves_sort(struct leaves *l);

/* leaves_find: an answer, or NULL: not recorded. */
const struct cpuid_entry *leaves_find(const struct leaves *l, uint32_t leaf, uint32_t subleaf);

/* leaves_view: the features that are there, and those that are known. Paravirtual features, which are a
 * hypervisor's, aren't known. */
void leaves_view(const struct leaves *l, struct host_view *view);

/* leaves_brand: "AMD EPYC 7601 32-Core Processor", allocated, without blanks around it; NULL: the CPU
 * tells none (or memory ran out). Foreign text. */
char *leaves_brand(const struct leaves *l);

/* leaves_physbits: physical address bits, 0: not known. Source: SDM 2A, CPUID, 80000008H: without that
 * leaf 36 with pae, else 32. */
unsigned int leaves_physbits(const struct leaves *l);

/* leaves_host: fill in @h's identity, brand, physbits and view of its CPU; nothing without leaf 0. */
void leaves_host(const struct leaves *l, struct host *h);

void leaves_free(struct leaves *l);
#define _cleanup_leaves_ __attribute__((cleanup(leaves_free)))

#endif
