/* SPDX-License-Identifier: Apache-2.0 */
/* The psABI's levels: each needs all below it. */
#include "cpumap/core/util.h"
#include "cpumap/fleet/psabi.h"
#include "check.h"

static unsigned int level_of(const char *names)
{
	struct featset s = {0};

	CHECK(featset_parse(&s, names, strlen(names), ' ', NULL) == 0);
	return psabi_level(&s);
}

#define V1 "cmov cx8 fpu fxsr mmx syscall sse sse2 lm"
#define V2 V1 " cx16 lahf_lm popcnt pni sse4.1 sse4.2 ssse3"
#define V3 V2 " avx avx2 bmi1 bmi2 f16c fma abm movbe xsave"
#define V4 V3 " avx512f avx512bw avx512cd avx512dq avx512vl"

int main(void)
{
	static const size_t counts[] = {9, 7, 9, 5};

	CHECK(level_of("fpu mmx") == 0);
	CHECK(level_of(V1) == 1);
	CHECK(level_of(V2) == 2);
	CHECK(level_of(V3 " aes") == 3);
	CHECK(level_of(V4) == 4);
	/* a gap below */
	CHECK(level_of(V1 " avx avx2 bmi1 bmi2 f16c fma abm movbe xsave") == 1);
	for (unsigned int level = 1; level <= PSABI_LEVELS; level++) {
		struct featset set;

		psabi_features(level, &set);
		/* each name of the table is a feature's */
		CHECK(featset_count(&set) == counts[level - 1]);
	}
	return check_done();
}
