/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A node: a machine, or a root that becomes one (CPUSHIM_ROOT), with libvirt and QEMU. `cpushim
 * ready` makes it right by steps, and `cpushim remove` takes them back in the opposite order. A step
 * looks before it does something, so what is done already is left alone.
 */
#ifndef CPUSHIM_NODE_H
#define CPUSHIM_NODE_H

#include "cpumap/core/error.h"
#include "cpumap/core/util.h"
#include "receipt.h"

struct node {
	/* what was asked for */
	const char *source;   /* a tree that `make install` made; NULL: a package put the files */
	struct strv chosen;   /* the emulators that are to have the wrapper; none: the usual ones */
	bool no_wrapper;      /* leave QEMU alone */
	bool allow_missing;   /* QEMU and libvirt may come later */
	bool restart;         /* restart libvirt where that is needed */
	bool force, purge;    /* remove: whatever guests there are; the site's definitions, too */
	bool removing;        /* on the way back nothing is noted */
	bool dry_run;         /* only tell what would be done */
	unsigned int stop_at; /* for the tests: end as if killed before that change; 0: never */

	/* how to tell it: @line has no line end. Both are set by the command. */
	void (*say)(const char *line);
	void (*warn)(const char *line);

	/* what was found, and done */
	bool no_qemu, no_libvirt; /* missing, and allowed to be */
	struct strv emulators;    /* that have the wrapper, or get it */
	struct receipt receipt;
	struct strv told; /* with dry_run: the changes that would be made */
	unsigned int changes;
	bool falls_short; /* something needs a hand, and was told */
};

void node_free(struct node *n);
#define _cleanup_node_ __attribute__((cleanup(node_free)))

/* node_say: tell what is done or would be done. */
void node_say(struct node *n, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* node_warn: tell what is worth to know on stderr. */
void node_warn(struct node *n, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* node_fall_short: tell what needs a hand; the others steps go on. */
void node_fall_short(struct node *n, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* node_is_live: is it this machine itself, and not a root that is prepared? */
bool node_is_live(void);

/* node_has: is there something at @path, below the node's root? Links aren't followed. */
bool node_has(const char *path);

/* A step, of ready or of the way back. It does only what is needed. It returns 0, or -errno with
 * @err, and then no later step runs. */
struct step {
	const char *what; /* "put the hook in its place" */
	int (*run)(struct node *n, struct error *err);
};

/**
 * ready: make the node right. @n: zeroed except for what was asked for and how to tell it.
 * Returns 0, or -errno and @err. n->falls_short: done, but something needs a hand.
 */
int ready(struct node *n, struct error *err);

/**
 * ready_before_libvirt: systemd is about to start libvirt: see to it that libvirt can read its map,
 * with our models if possible. Takes no lock, as whoever restarts libvirt may hold it. Costs a few
 * stat(2) if nothing has changed since libvirt last took the map.
 */
int ready_before_libvirt(struct node *n, struct error *err);

/* node_remove: take cpushim off the node. -EBUSY: guests need it, and they were told; -EAGAIN:
 * libvirt has to be restarted first. */
int node_remove(struct node *n, struct error *err);

#endif
