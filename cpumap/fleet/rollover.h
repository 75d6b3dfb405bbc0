/* SPDX-License-Identifier: Apache-2.0 */
/* Which guests of a fleet still have a model that is to retire, by what `cpushim guests --json` answered
 * on each node. */
#ifndef CPUSHIM_ROLLOVER_H
#define CPUSHIM_ROLLOVER_H

#include "cpumap/core/error.h"
#include "cpumap/core/util.h"

/* A guest; all text is foreign. */
struct rollover_guest {
	char *node, *domain, *uuid, *accel;
	char *why; /* of one that can't be told; NULL: nothing was said */
};

struct rollover_guests {
	struct rollover_guest *item; /* by node, then by domain */
	size_t n, room;
};

/* How many guests have another model. */
struct rollover_model {
	char *name;
	size_t n;
};

/* Zero-initialise, with the model's name. */
struct rollover {
	const char *model;
	struct rollover_guests have;    /* that model */
	struct rollover_guests unclear; /* of which it can't be told */
	struct rollover_model *other;   /* by name */
	size_t n_others;
	struct strv nodes;   /* that have answered, sorted */
	struct strv missing; /* that should have; sorted */
	size_t broken;       /* answers that couldn't be read */
	size_t n_guests;     /* all; QEMUs that aren't libvirt's don't count */
};

/**
 * rollover_read: what a node, or several one behind the other, answered.
 * @name: the file, for errors
 * @node: what a node is called whose answer doesn't say it
 * -EINVAL: it isn't such an answer; @err has file and line. -ENOMEM
 */
int rollover_read(struct rollover *r, const char *name, const char *node, const char *text,
		  size_t len, struct error *err);

/* rollover_expect: @text has the names of all nodes, a line each; # begins a comment. -ENOMEM */
int rollover_expect(struct rollover *r, const char *text, size_t len);

/* rollover_end: sort, and find out which nodes are missing. -ENOMEM */
int rollover_end(struct rollover *r);

void rollover_free(struct rollover *r);
#define _cleanup_rollover_ __attribute__((cleanup(rollover_free)))

#endif
