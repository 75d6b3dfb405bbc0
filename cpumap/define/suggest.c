/* SPDX-License-Identifier: Apache-2.0 */
#include "suggest.h"

#include <string.h>

#include "cpumap/core/feature.h"
#include "cpumap/core/util.h"

#define NAME_MAX_LEN 63
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

static size_t distance_to(const struct feature *f, const char *name)
{
	size_t d = distance(name, f->name);

	if (f->qemu)
		d = least(d, distance(name, f->qemu));
	for (size_t i = 0; i < ARRAY_SIZE(f->alias) && f->alias[i]; i++)
		d = least(d, distance(name, f->alias[i]));
	return d;
}

const char *feature_suggest(const char *name)
{
	size_t nearest = TOO_FAR, len = strlen(name);
	const char *found = NULL;

	if (len > NAME_MAX_LEN)
		return NULL;
	for (size_t i = 0; i < n_features; i++) {
		size_t d = features[i].kind == FEATURE_CPUID ? distance_to(&features[i], name)
							     : TOO_FAR;

		/* with half of its letters replaced it is another name */
		if (d < nearest && 2 * d < len) {
			nearest = d;
			found = features[i].name;
		}
	}
	return found;
}
