/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call of the hook, and how the front passes it on to the worker: the one place for what both
 * agree on. libc alone.
 *
 *	cpushim hook --libvirt=PID|--by-hand [--record] -- NAME OPERATION SUB-OPERATION EXTRA < XML
 */
#ifndef CPUSHIM_CALL_H
#define CPUSHIM_CALL_H

#include <stdbool.h>

/* What libvirt calls the hook for (docs/hooks.html.in, libvirt 1.2 to 11.3), as far as it matters. */
enum operation {
	OPERATION_OTHER, /* passed unread: an error at reconnect or attach kills a running guest */
	OPERATION_PREPARE,
	OPERATION_START,
	OPERATION_STARTED,
	OPERATION_MIGRATE, /* a guest comes in */
	OPERATION_RESTORE, /* from a saved file */
	OPERATION_STOP,    /* stopped and release */
};

/* operation_of: of the hook's second and third argument. */
enum operation operation_of(const char *name, const char *sub);

/* operation_arrives: does a guest come in that ran before? */
static inline bool operation_arrives(enum operation operation)
{
	return operation == OPERATION_MIGRATE || operation == OPERATION_RESTORE;
}

/* The worker's options: who calls, and that the domain has a record. */
#define CALL_LIBVIRT "libvirt"
#define CALL_BY_HAND "by-hand"
#define CALL_RECORD  "record"

/* The worker's exit statuses. The front passes the first three on. */
enum {
	CALL_PASS = 0,
	CALL_REFUSED = 1,
	CALL_UNKNOWN = 2,
	CALL_FRONT = 3, /* it can't tell, so the front goes by what it knows by itself */
};

#endif
