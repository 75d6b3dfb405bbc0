/* SPDX-License-Identifier: Apache-2.0 */
#include "cpulist.h"

#include <errno.h>

#include "cpumap/core/util.h"

size_t cpulist_count(const struct cpulist *l)
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(l->word); i++)
		n += (size_t)__builtin_popcountll(l->word[i]);
	return n;
}

/* "3" or "0-3" */
static int parse_range(struct cpulist *l, const char *text, size_t len)
{
	const char *dash = memchr(text, '-', len);
	size_t first_len = dash ? (size_t)(dash - text) : len;
	uint64_t first, last;

	if (number_parse(text, first_len, 10, CPULIST_MAX - 1, &first) < 0)
		return -EINVAL;
	last = first;
	if (dash && number_parse(dash + 1, len - first_len - 1, 10, CPULIST_MAX - 1, &last) < 0)
		return -EINVAL;
	if (last < first)
		return -EINVAL;
	for (uint64_t cpu = first; cpu <= last; cpu++)
		cpulist_add(l, cpu);
	return 0;
}

int cpulist_parse(struct cpulist *l, const char *text, size_t len)
{
	*l = (struct cpulist){0};
	while (len && (text[len - 1] == '\n' || text[len - 1] == ' '))
		len--;
	while (len) {
		const char *comma = memchr(text, ',', len);
		size_t n = comma ? (size_t)(comma - text) : len;

		if (parse_range(l, text, n) < 0 || (comma && n + 1 == len))
			return -EINVAL;
		text += comma ? n + 1 : n;
		len -= comma ? n + 1 : n;
	}
	return 0;
}

void cpulist_print(struct text *out, const struct cpulist *l)
{
	const char *between = "";

	for (size_t cpu = 0; cpu < CPULIST_MAX; cpu++) {
		size_t last = cpu;

		if (!cpulist_has(l, cpu))
			continue;
		while (last + 1 < CPULIST_MAX && cpulist_has(l, last + 1))
			last++;
		text_addf(out, "%s%zu", between, cpu);
		if (last > cpu)
			text_addf(out, "-%zu", last);
		between = ",";
		cpu = last;
	}
}
