/* SPDX-License-Identifier: Apache-2.0 */
#include "suggest.h"

#include <string.h>

#include "cpumap/core/feature.h"
#include "cpumap/core/util.h"

#define NAME_MAX_LEN 64
#define TOO_FAR      3

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Levenshtein's distance: how many letters have to be added, dropped or replaced. It goes through
 * the usual matrix row by row. */
static size_t distance(const char *a, const char *b)
{
	size_t row[NAME_MAX_LEN + 1], len = strlen(b);

	if (len > NAME_MAX_LEN)
		return TOO_FAR;
	for (size_t j = 0; j <= len; j++)
		row[j] = j;
	for (size_t i = 0; a[i]; i++) {
		size_t diagonal = row[0];

		row[0] = i + 1;
		for (size_t j = 0; j < len; j++) {
			size_t replaced = diagonal + (a[i] != b[j]);

			diagonal = row[j + 1];
			row[j + 1] = least(replaced, 1 + least(row[j], row[j + 1]));
		}
	}
	return row[len];
}

void suggest_try(struct suggestion *n, const char *spelling, const char *means)
{
	size_t len = strlen(n->name),
	       d = len > NAME_MAX_LEN ? TOO_FAR : distance(n->name, spelling);

	/* half of the letters replaced are another name */
	if (d >= TOO_FAR || 2 * d >= len || (n->found && d >= n->distance))
		return;
	n->distance = d;
	n->found = means;
}

const char *feature_suggest(const char *name)
{
	struct suggestion n = {.name = name};

	for (size_t i = 0; i < n_features; i++) {
		const struct feature *f = &features[i];

		if (f->kind != FEATURE_CPUID)
			continue;
		suggest_try(&n, f->name, f->name);
		if (f->qemu)
			suggest_try(&n, f->qemu, f->name);
		for (size_t k = 0; k < ARRAY_SIZE(f->alias) && f->alias[k]; k++)
			suggest_try(&n, f->alias[k], f->name);
	}
	return n.found;
}
