/* SPDX-License-Identifier: Apache-2.0 */
/* What doctor found, as a page, as one line, as JSON. */
#ifndef CPUSHIM_DOCTOR_PRINT_H
#define CPUSHIM_DOCTOR_PRINT_H

#include <jansson.h>

#include "cpumap/node/condition.h"
#include "terminal.h"

/* doctor_print: a line for each condition, and for each fault of one that has several. */
void doctor_print(struct text *out, const struct finding *findings, const struct terminal *t);

/* doctor_summary: one line: "cpushim: 31 conditions hold, 1 warning, 2 fail: index, hook, leftovers". The
 * names are those of all that aren't right, the worst first. */
void doctor_summary(struct text *out, const struct finding *findings);

/* doctor_json: the same for programs. NULL: out of memory. */
json_t *doctor_json(const struct finding *findings);

#endif
