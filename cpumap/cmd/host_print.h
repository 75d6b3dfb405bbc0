/* SPDX-License-Identifier: Apache-2.0 */
/* How `cpushim host` looks: what is known of this host, for people and as JSON. */
#ifndef CPUSHIM_HOST_PRINT_H
#define CPUSHIM_HOST_PRINT_H

#include <jansson.h>

#include "cpumap/fleet/nearest.h"
#include "cpumap/fleet/thishost.h"
#include "terminal.h"

#define HOST_NEAREST 3

/* What is shown: the host, and QEMU's models that are nearest to it. */
struct host_shown {
	const struct thishost *host;
	struct stock stock; /* nearest[] points into it */
	struct nearest nearest[HOST_NEAREST];
	size_t n_nearest;
	struct nearest
		runs; /* the nearest model that lacks nothing; model NULL: none, or one of those */
};

/* host_compare: fill in what is nearest: under KVM, where that was asked, else by the CPU. The caller frees
 * @s with host_shown_free. -ENOMEM */
int host_compare(struct host_shown *s, const struct thishost *host);
void host_shown_free(struct host_shown *s);
#define _cleanup_host_shown_ __attribute__((cleanup(host_shown_free)))

/* host_print: for people, without the site's models. */
void host_print(struct text *out, const struct host_shown *s, const struct terminal *terminal);

/* host_json: the same, NULL: out of memory. */
json_t *host_json(const struct host_shown *s);

/* host_unasked: a line for each thing that couldn't be asked, "WHAT isn't known: WHERE: WHY". */
void host_unasked(struct text *out, const struct thishost *h);

#endif
