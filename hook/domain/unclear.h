/* SPDX-License-Identifier: Apache-2.0 */
/* A domain's XML that we couldn't understand. */
#ifndef CPUSHIM_UNCLEAR_H
#define CPUSHIM_UNCLEAR_H

#include <stdbool.h>

#include "cpumap/core/error.h"
#include "cpumap/core/table.h"

/**
 * unclear_may_ask: could libvirt find a request for one of the table's models in this XML?
 * @err: what domain_read said of it
 */
bool unclear_may_ask(const struct table *t, const char *xml, size_t len, const struct error *err);

#endif
