/* SPDX-License-Identifier: Apache-2.0 */
#include "psabi.h"

#include <string.h>

#define PSABI_NAMES 12

/* LZCNT is abm here; SCE is syscall; OSXSAVE needs xsave. */
static const char *const names[PSABI_LEVELS][PSABI_NAMES] = {
	{"cmov", "cx8", "fpu", "fxsr", "mmx", "syscall", "sse", "sse2", "lm"},
	{"cx16", "lahf_lm", "popcnt", "pni", "sse4.1", "sse4.2", "ssse3"},
	{"avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"},
	{"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"},
};

void psabi_features(unsigned int level, struct featset *set)
{
	*set = (struct featset){0};
	for (size_t i = 0; level >= 1 && level <= PSABI_LEVELS && i < PSABI_NAMES; i++) {
		const char *name = names[level - 1][i];
		int f = name ? feature_find(name, strlen(name)) : -1;

		if (f >= 0)
			featset_add(set, (size_t)f);
	}
}

unsigned int psabi_level(const struct featset *set)
{
	for (unsigned int level = 1; level <= PSABI_LEVELS; level++) {
		struct featset need;

		psabi_features(level, &need);
		featset_subtract(&need, set);
		if (featset_count(&need))
			return level - 1;
	}
	return PSABI_LEVELS;
}
