/* SPDX-License-Identifier: Apache-2.0 */
/* How `cpushim list` looks: all models as a table, or one of them whole. */
#ifndef CPUSHIM_LIST_PRINT_H
#define CPUSHIM_LIST_PRINT_H

#include "accels.h"
#include "terminal.h"

/* list_print: the table @t as a table, and below it what is lacking, in short. Asks @a. */
void list_print(struct text *out, const struct table *t, struct accels *a,
		const struct terminal *terminal);

/* list_print_model: one model whole, of @t's @n rows from @first on. Asks @a. */
void list_print_model(struct text *out, const struct table *t, size_t first, size_t n,
		      struct accels *a, const struct terminal *terminal);

#endif
