/* SPDX-License-Identifier: Apache-2.0 */
/* Which hosts cost a fleet which features, and what smaller fleets would share. */
#ifndef CPUSHIM_COSTS_H
#define CPUSHIM_COSTS_H

#include "baseline.h"

/* Features that the same rows of hosts lack, or don't tell of. */
struct cost {
	struct featset features;
	size_t n_rows, n_hosts; /* that lack them */
	size_t row;             /* the first such row */
	uint64_t key;           /* of the set of rows */
};

/* A row of hosts without which the rest would share more. */
struct gain {
	size_t row;
	struct featset features; /* that the rest would have beside */
};

struct costs {
	struct cost *cost; /* those that the fewest hosts cause first, then by their features */
	size_t n;
	struct gain *gain; /* those with the most features first, then by row */
	size_t n_gains;
};

/**
 * costs_find: of features that could be part of a definition and that some host has. A feature that
 * isn't known of a host costs as if the host lacked it.
 * Returns 0 or -ENOMEM.
 */
int costs_find(struct costs *c, const struct baseline *b, struct error *err);
void costs_free(struct costs *c);
#define _cleanup_costs_ __attribute__((cleanup(costs_free)))

/* costs_has_row: is @row one of those that cause @cost? */
bool costs_has_row(const struct cost *cost, const struct fleet_row *row);

#endif
