/* SPDX-License-Identifier: Apache-2.0 */
#include "costs.h"

#include <errno.h>

/* ---- which rows lack which features ---- */

/* For each feature: how many rows and hosts lack it, the first of them, and a key that only features
 * with the same rows share (a sum of one number for each row, as splitmix64 makes them). */
struct column {
	size_t n_rows, n_hosts, row;
	uint64_t key;
};

static uint64_t number_of(size_t row)
{
	uint64_t z = (row + 1) * UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static void add_row(struct column *column, const struct featset *lacks, size_t row, size_t n_hosts)
{
	uint64_t number = number_of(row);

	for (size_t w = 0; w < ARRAY_SIZE(lacks->word); w++)
		for (uint64_t bits = lacks->word[w]; bits; bits &= bits - 1) {
			struct column *c = &column[w * 64 + (size_t)__builtin_ctzll(bits)];

			if (c->n_rows++ == 0)
				c->row = row;
			c->n_hosts += n_hosts;
			c->key += number;
		}
}

/* What could be shared: some host has it. */
static struct featset wanted(const struct baseline *b)
{
	struct featset set = b->possible;

	for (size_t i = 0; i < n_features; i++)
		if (!b->has[i])
			featset_remove(&set, i);
	return set;
}

/* ---- the answer ---- */

static void add_feature(struct costs *c, const struct column *column, size_t feature)
{
	struct cost *cost = c->cost;

	while (cost < c->cost + c->n && cost->key != column->key)
		cost++;
	if (cost == c->cost + c->n) {
		*cost = (struct cost){.n_rows = column->n_rows,
				      .n_hosts = column->n_hosts,
				      .row = column->row,
				      .key = column->key};
		c->n++;
	}
	featset_add(&cost->features, feature);
}

static int compare_sets(const struct featset *a, const struct featset *b)
{
	size_t n = featset_count(a), m = featset_count(b);

	if (n != m)
		return n > m ? -1 : 1;
	/* the lower feature first */
	for (size_t w = 0; w < ARRAY_SIZE(a->word); w++) {
		uint64_t differ = a->word[w] ^ b->word[w];

		if (differ)
			return a->word[w] & differ & -differ ? -1 : 1;
	}
	return 0;
}

static int compare_costs(const void *x, const void *y)
{
	const struct cost *a = x, *b = y;

	if (a->n_hosts != b->n_hosts)
		return a->n_hosts < b->n_hosts ? -1 : 1;
	return compare_sets(&a->features, &b->features);
}

static int compare_gains(const void *x, const void *y)
{
	const struct gain *a = x, *b = y;
	size_t n = featset_count(&a->features), m = featset_count(&b->features);

	if (n != m)
		return n > m ? -1 : 1;
	return a->row == b->row ? 0 : a->row < b->row ? -1 : 1;
}

/* The gains are the costs that one row causes alone. */
static void add_gains(struct costs *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->cost[i].n_rows == 1)
			c->gain[c->n_gains++] = (struct gain){.row = c->cost[i].row,
							      .features = c->cost[i].features};
	qsort(c->gain, c->n_gains, sizeof(*c->gain), compare_gains);
}

int costs_find(struct costs *c, const struct baseline *b, struct error *err)
{
	_cleanup_free_ struct column *column = calloc(FEATURE_MAX, sizeof(*column));
	struct featset want = wanted(b);

	*c = (struct costs){.cost = calloc(FEATURE_MAX, sizeof(*c->cost)),
			    .gain = calloc(FEATURE_MAX, sizeof(*c->gain))};
	if (!column || !c->cost || !c->gain) {
		costs_free(c);
		return error_set(err, -ENOMEM, NULL, 0, "out of memory");
	}
	for (size_t i = 0; i < b->rows->n; i++) {
		struct featset lacks = want;

		featset_subtract(&lacks, &b->rows->row[i].view.has);
		add_row(column, &lacks, i, b->rows->row[i].n);
	}
	for (size_t i = 0; i < n_features; i++)
		if (column[i].n_rows)
			add_feature(c, &column[i], i);
	qsort(c->cost, c->n, sizeof(*c->cost), compare_costs);
	add_gains(c);
	return 0;
}

void costs_free(struct costs *c)
{
	free(c->cost);
	free(c->gain);
	*c = (struct costs){0};
}

bool costs_has_row(const struct cost *cost, const struct fleet_row *row)
{
	struct featset lacks = cost->features;

	featset_subtract(&lacks, &row->view.has);
	return featset_equal(&lacks, &cost->features);
}
