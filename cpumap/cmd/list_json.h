/* SPDX-License-Identifier: Apache-2.0 */
/* The models of the table as JSON: `cpushim list --json`. */
#ifndef CPUSHIM_LIST_JSON_H
#define CPUSHIM_LIST_JSON_H

#include <jansson.h>

#include "accels.h"

/* list_json: @n rows of @t from @first on, and what each lacks here: a list. The accelerators are asked,
 * and what is wrong with KVM is told on stderr. NULL: out of memory. */
json_t *list_json(const struct table *t, size_t first, size_t n);

#endif
