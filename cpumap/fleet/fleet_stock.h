/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a model that exists already would do for a fleet. */
#ifndef CPUSHIM_FLEET_STOCK_H
#define CPUSHIM_FLEET_STOCK_H

#include "baseline.h"
#include "catalogue.h"

/* The nearest model of one origin that all hosts are known to run. */
struct fleet_near {
	const struct catalogue_model *model; /* NULL: none */
	struct featset lacks;                /* of the baseline */
	unsigned int level;                  /* its psABI level (cpumap/fleet/psabi.h) */
};

/* How far the best of them goes. */
enum stock_does {
	STOCK_NOTHING, /* below the level that the hosts share, or there is none */
	STOCK_LEVEL,   /* it has the psABI level that the hosts share */
	STOCK_ALL,     /* it has all that they share */
};

struct fleet_stock {
	struct fleet_near near[CATALOGUE_FROMS];
	unsigned int level; /* the baseline's */
	enum stock_does does;
	enum catalogue_from best; /* the origin of the one that does it */
	bool vendor_changes; /* with a guest of the best one, when it migrates between these hosts */
};

/* fleet_stock_find: of what is loaded of @c. A model is left out if no guest of it starts, or if it is
 * called @own. */
void fleet_stock_find(struct fleet_stock *s, const struct catalogue *c, const struct baseline *b,
		      const char *own);

#endif
