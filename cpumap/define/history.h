/* SPDX-License-Identifier: Apache-2.0 */
/* What the models' names have meant so far on this node, and whether a definition still says so. */
#ifndef CPUSHIM_HISTORY_H
#define CPUSHIM_HISTORY_H

#include "cpumap/core/table.h"
#include "published.h"

struct history {
	struct published published;
	struct table table; /* the one in use, which tells what differs; may be empty */
	bool force;         /* definitions may give names another meaning */
};

/* history_load: the history of this root. The names of the table count as published, too. */
int history_load(struct history *h, struct error *err);
void history_free(struct history *h);
#define _cleanup_history_ __attribute__((cleanup(history_free)))

/* history_row: the table's row with the meaning that @model was published with. NULL: the table has
 * none. */
const struct table_row *history_row(const struct history *before, const char *model);

/**
 * history_check: may the definition @now, as a row of the new table, stand under its name?
 * Returns 0, or -EEXIST and in @why both digests and, where the old table tells, what differs.
 */
int history_check(const struct table_row *now, const struct history *before, struct error *why);

#endif
