/* SPDX-License-Identifier: Apache-2.0 */
#include "split.h"

#include <errno.h>

/* So many clusters are compared with one another. */
#define CLUSTERS_MAX 256

/* Hosts, and the features that all of them have. */
struct cluster {
	struct featset features;
	size_t n_hosts;
	size_t nearest; /* the cluster behind this one that joins with the smallest loss */
	size_t loss;
};

/* How many features, summed over hosts, are lost if they are joined. */
static size_t loss_of(const struct cluster *a, const struct cluster *b)
{
	size_t n = 0, m = 0;

	for (size_t w = 0; w < ARRAY_SIZE(a->features.word); w++) {
		uint64_t x = a->features.word[w], y = b->features.word[w];

		n += (size_t)__builtin_popcountll(x & ~y);
		m += (size_t)__builtin_popcountll(y & ~x);
	}
	return n * a->n_hosts + m * b->n_hosts;
}

static void join(struct cluster *a, const struct cluster *b)
{
	featset_intersect(&a->features, &b->features);
	a->n_hosts += b->n_hosts;
}

/* ---- the first clusters ---- */

static int by_content(const void *x, const void *y)
{
	const struct cluster *a = x, *b = y;

	return memcmp(&a->features, &b->features, sizeof(a->features));
}

static int by_hosts(const void *x, const void *y)
{
	const struct cluster *a = x, *b = y;

	if (a->n_hosts != b->n_hosts)
		return a->n_hosts > b->n_hosts ? -1 : 1;
	return by_content(x, y);
}

/* Joins those with the same features; returns how many are left. */
static size_t unite(struct cluster *c, size_t n)
{
	size_t left = 0;

	qsort(c, n, sizeof(*c), by_content);
	for (size_t i = 0; i < n; i++) {
		if (left && by_content(&c[left - 1], &c[i]) == 0)
			c[left - 1].n_hosts += c[i].n_hosts;
		else
			c[left++] = c[i];
	}
	qsort(c, left, sizeof(*c), by_hosts);
	return left;
}

static size_t first_clusters(struct cluster *c, const struct baseline *b)
{
	for (size_t i = 0; i < b->rows->n; i++) {
		c[i] = (struct cluster){.features = b->rows->row[i].view.has,
					.n_hosts = b->rows->row[i].n};
		featset_intersect(&c[i].features, &b->possible);
	}
	return unite(c, b->rows->n);
}

/* Joins what is too many to the one that it is most like. The clusters that stay don't change
 * meanwhile, or their features would melt away. */
static size_t reduce(struct cluster *c, size_t n)
{
	struct cluster stay[CLUSTERS_MAX];

	if (n <= CLUSTERS_MAX)
		return n;
	memcpy(stay, c, sizeof(stay));
	for (size_t i = CLUSTERS_MAX; i < n; i++) {
		size_t best = 0, least = SIZE_MAX;

		for (size_t k = 0; k < CLUSTERS_MAX && least; k++) {
			size_t loss = loss_of(&stay[k], &c[i]);

			if (loss < least) {
				least = loss;
				best = k;
			}
		}
		join(&c[best], &c[i]);
	}
	return unite(c, CLUSTERS_MAX);
}

/* ---- joining ---- */

static void find_nearest(struct cluster *c, size_t n, size_t i)
{
	c[i].loss = SIZE_MAX;
	for (size_t k = i + 1; k < n; k++) {
		size_t loss = loss_of(&c[i], &c[k]);

		if (loss < c[i].loss) {
			c[i].loss = loss;
			c[i].nearest = k;
		}
	}
}

/* Puts the nearest ones right after the cluster at @i was joined with another one, and the one that was
 * at @n was moved to @gone. */
static void renew(struct cluster *c, size_t n, size_t i, size_t gone)
{
	for (size_t k = 0; k + 1 < n; k++) {
		if (k == i || k == gone || c[k].nearest == i || c[k].nearest == gone ||
		    c[k].nearest == n)
			find_nearest(c, n, k);
		else if (k < i && loss_of(&c[k], &c[i]) < c[k].loss)
			find_nearest(c, n, k);
	}
}

/* Joins the two that lose the least. The last cluster takes the place of the one that is gone. */
static size_t step(struct cluster *c, size_t n)
{
	size_t i = 0, gone;

	for (size_t k = 1; k + 1 < n; k++)
		if (c[k].loss < c[i].loss)
			i = k;
	gone = c[i].nearest;
	join(&c[i], &c[gone]);
	c[gone] = c[--n];
	renew(c, n, i, gone);
	return n;
}

/* ---- the answer ---- */

static bool runs(const struct featset *host, const struct featset *model)
{
	struct featset lacks = *model;

	featset_subtract(&lacks, host);
	return featset_count(&lacks) == 0;
}

static int by_features(const void *x, const void *y)
{
	const struct part *a = x, *b = y;
	size_t n = featset_count(&a->features), m = featset_count(&b->features);

	if (n != m)
		return n > m ? -1 : 1;
	return memcmp(&a->features, &b->features, sizeof(a->features));
}

/* Two models may have become the same, and a host may run a richer one than that of its cluster. */
static void count_hosts(struct split *s, const struct fleet_rows *rows)
{
	for (size_t i = 0; i < rows->n; i++) {
		bool counted = false;

		for (size_t p = 0; p < s->n; p++) {
			if (!runs(&rows->row[i].view.has, &s->part[p].features))
				continue;
			s->part[p].n_run += rows->row[i].n;
			if (!counted)
				s->part[p].n_hosts += rows->row[i].n;
			counted = true;
		}
	}
}

int split_find(struct split *s, const struct baseline *b, size_t n, struct error *err)
{
	_cleanup_free_ struct cluster *c = calloc(b->rows->n + 1, sizeof(*c));
	size_t left;

	*s = (struct split){0};
	if (!c)
		return error_set(err, -ENOMEM, NULL, 0, "out of memory");
	left = reduce(c, first_clusters(c, b));
	for (size_t i = 0; i + 1 < left; i++)
		find_nearest(c, left, i);
	while (left > (n < SPLIT_MAX ? n : SPLIT_MAX))
		left = step(c, left);
	for (size_t i = 0; i < left; i++)
		s->part[s->n++].features = c[i].features;
	qsort(s->part, s->n, sizeof(s->part[0]), by_features);
	count_hosts(s, b->rows);
	return 0;
}
