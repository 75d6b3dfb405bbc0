/* SPDX-License-Identifier: Apache-2.0 */
#include "hostcpu.h"

#include <cpuid.h>

#define HYPERVISOR 0x40000000u
#define RANGE      0xffff0000u

/* A leaf above its range's highest one answers with another leaf's content (SDM vol. 2A, CPUID).
 * Where a range is missing, its "highest leaf" lies outside the range. */
static bool has_leaf(uint32_t leaf)
{
	/* clang 14 declares an int */
	uint32_t highest = (uint32_t)__get_cpuid_max(leaf & RANGE, NULL);

	return (highest & RANGE) == (leaf & RANGE) && highest >= leaf;
}

/* Leaf 7's EAX says its highest subleaf. 0DH and 14H always have the subleaves that are asked
 * for. */
static bool has_subleaf(uint32_t leaf, uint32_t subleaf)
{
	uint32_t eax, ebx, ecx, edx;

	if (leaf != 7 || subleaf == 0)
		return true;
	__cpuid_count(7, 0, eax, ebx, ecx, edx);
	return subleaf <= eax;
}

void hostcpu_features(struct featset *set)
{
	*set = (struct featset){0};
	for (size_t i = 0; i < n_features; i++) {
		const struct feature *f = &features[i];
		uint32_t reg[4];

		if (f->kind == FEATURE_MSR || (f->leaf & RANGE) == HYPERVISOR ||
		    !has_leaf(f->leaf) || !has_subleaf(f->leaf, f->subleaf))
			continue;
		__cpuid_count(f->leaf, f->subleaf, reg[REG_EAX], reg[REG_EBX], reg[REG_ECX],
			      reg[REG_EDX]);
		if (reg[f->reg] >> f->bit & 1)
			featset_add(set, i);
	}
}
