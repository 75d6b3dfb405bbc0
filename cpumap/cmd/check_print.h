/* SPDX-License-Identifier: Apache-2.0 */
/* What `cpushim check` answers, for people and for programs. */
#ifndef CPUSHIM_CHECK_PRINT_H
#define CPUSHIM_CHECK_PRINT_H

#include <jansson.h>

#include "cpumap/fleet/catalogue.h"
#include "cpumap/fleet/fit.h"
#include "terminal.h"

/* A question and its answer. */
struct check {
	const struct catalogue_model *model;
	const char *domain; /* whose guest; NULL: none is meant */
	const struct fit_wish *wish;
	const struct fleet_rows *rows;
	const struct fits *fits;
};

void check_print(struct text *out, const struct check *c, const struct terminal *t);

/* check_json: a new reference, NULL without memory. */
json_t *check_json(const struct check *c);

/* check_fits: the answers alone, as both print them: a row each. */
void check_fits(struct text *out, const struct fits *fits, const struct fleet_rows *rows,
		const struct fit_wish *wish, const struct terminal *t);
json_t *check_fits_json(const struct fits *fits, const struct fleet *fleet);

#endif
