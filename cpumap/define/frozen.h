/* SPDX-License-Identifier: Apache-2.0 */
/* Does a definition say what its name has meant so far? */
#ifndef CPUSHIM_FROZEN_H
#define CPUSHIM_FROZEN_H

#include "compile.h"

/* frozen_row: what a table that was in use says of a published name; NULL: it doesn't. */
const struct table_row *frozen_row(const struct meanings *before, const char *model);

/**
 * frozen_check: may the definition @now, as a row of the new table, stand under its name?
 * Returns 0, or -EEXIST and in @why both digests and, where the old table tells, what differs.
 */
int frozen_check(const struct table_row *now, const struct meanings *before, struct error *why);

#endif
