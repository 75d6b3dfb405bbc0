/* SPDX-License-Identifier: Apache-2.0 */
/* Two or three models for a fleet, where one for all is too little. */
#ifndef CPUSHIM_SPLIT_H
#define CPUSHIM_SPLIT_H

#include "baseline.h"

#define SPLIT_MAX 3

/* One of the models. */
struct part {
	struct featset features;
	size_t n_hosts; /* for which it is the richest of the models that they run */
	size_t n_run;   /* that run it */
};

struct split {
	struct part part[SPLIT_MAX]; /* the one with the most features first */
	size_t n; /* fewer than were asked for, if the hosts have no more different features */
};

/**
 * split_find: @n models, 2 or 3, of features that could be part of a definition, so that each host
 * runs at least one of them and the hosts have many features in sum. Hosts are joined step by step,
 * each time where the fewest features get lost; a fleet of very many different hosts is first brought
 * down to those that most hosts are like. So it is a good answer, and the best one in most cases.
 * Returns 0 or -ENOMEM.
 */
int split_find(struct split *s, const struct baseline *b, size_t n, struct error *err);

#endif
