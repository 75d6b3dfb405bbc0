/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of logical CPUs as Linux writes them, "0-3,8-11" (Documentation/admin-guide/cputopology.rst). */
#ifndef CPUSHIM_CPULIST_H
#define CPUSHIM_CPULIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CPULIST_MAX 8192 /* Linux's own limit on x86 (CONFIG_MAXSMP, 6.1) */

/* Zero-initialised: empty. */
struct cpulist {
	uint64_t word[CPULIST_MAX / 64];
};

static inline bool cpulist_has(const struct cpulist *l, size_t cpu)
{
	return l->word[cpu / 64] >> (cpu % 64) & 1;
}

static inline void cpulist_add(struct cpulist *l, size_t cpu)
{
	l->word[cpu / 64] |= UINT64_C(1) << (cpu % 64);
}

size_t cpulist_count(const struct cpulist *l);

/* cpulist_parse: @len bytes of text; spaces and newlines at its end don't count. Empty text is an empty
 * list. -EINVAL: it is no list, or names a CPU above the limit. */
int cpulist_parse(struct cpulist *l, const char *text, size_t len);

struct text;

/* cpulist_print: the reverse, in order and as short as it can be. */
void cpulist_print(struct text *out, const struct cpulist *l);

#endif
