/* SPDX-License-Identifier: Apache-2.0 */
/* What `cpushim baseline` tells of a fleet, for people and for programs. */
#ifndef CPUSHIM_BASELINE_PRINT_H
#define CPUSHIM_BASELINE_PRINT_H

#include <jansson.h>

#include "cpumap/fleet/fleet_findings.h"
#include "terminal.h"

/* baseline_short: some lines, for standard error beside the definition. */
void baseline_short(struct text *out, const struct fleet_findings *f);

/* baseline_explain: all of it. */
void baseline_explain(struct text *out, const struct fleet_findings *f, const struct terminal *t);

/* baseline_stock: whether a stock model would do, a sentence a line. */
void baseline_stock(struct text *out, const struct fleet_findings *f);

/* baseline_json: a new reference, NULL without memory. */
json_t *baseline_json(const struct fleet_findings *f);

#endif
