/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What on this node prevents site models from working. The facts are looked up once; other
 * functions make sentences of them, which say what is wrong and how to mend it. libvirt isn't
 * asked.
 */
#ifndef CPUSHIM_NODESTATE_H
#define CPUSHIM_NODESTATE_H

#include <stdbool.h>

#include "cpumap/core/table.h"
#include "cpumap/core/util.h"
#include "hook/core/daemon.h"
#include "fault.h"

/* A file in one of the two places where libvirt looks for the hook. */
struct hook_file {
	const char *path;
	bool there;
	bool ours;            /* our front, or a script that runs it */
	bool script;          /* such a script */
	bool runs;            /* it is executable; libvirt skips others with a warning */
	struct timespec time; /* when it was last changed */
};

struct emulator_state {
	const char *path;             /* the table's */
	bool wrapper;                 /* our wrapper is at this path */
	bool there, runs;             /* the real QEMU behind it is there, and can be run */
	const struct table_qemu *was; /* the table's note of its QEMU, if by now that is another
				       * one; NULL: it isn't */
};

struct node_daemon {
	struct daemon id;
	char name[16]; /* "libvirtd", "virtqemud" */
	struct timespec started;
};

#define DAEMONS_MAX 4 /* no node has more */

/* Without `libvirt` only `native` is valid. */
struct nodestate {
	bool libvirt;             /* libvirt has a CPU map here */
	bool native;              /* installed without the wrapper, on purpose */
	bool worker, proxy;       /* the programs are there and can be run */
	struct hook_file hook[2]; /* libvirt's own place, and the one beside a site's hook */
	struct {
		bool single;          /* one file (libvirt before 4.7) */
		unsigned int named;   /* how often the index names our include, or the single
				       * file has our block */
		bool include;         /* the include is there */
		struct error error;   /* why libvirt can't read its map; code 0: it can */
		struct strv unknown;  /* models of the table that the map should have and lacks */
		struct strv wanting;  /* "MODEL: FEATURES": models with features that the map
				       * lacks */
		struct strv other;    /* models of our include that the table hasn't so */
		struct timespec time; /* when a file of the map was last changed */
	} map;
	struct emulator_state *emulator; /* each of the table's emulators once */
	size_t n_emulators;
	struct strv unreadable; /* "PATH: WHO": what the user that QEMU runs as may not use */
	/* libvirt's daemons that run as root and have this map, the oldest first */
	struct node_daemon daemon[DAEMONS_MAX];
	size_t n_daemons;
};

/* nodestate_read: look at the node. What can't be found out counts as right. @t must live as long
 * as @s. */
void nodestate_read(struct nodestate *s, const struct table *t);
void nodestate_free(struct nodestate *s);
#define _cleanup_nodestate_ __attribute__((cleanup(nodestate_free)))

/**
 * nodestate_faults: what is wrong.
 * @emulator: the emulator of a domain, whose other faults are known already: of emulators only what
 *	      is wrong with the QEMU behind it is told. NULL: all of the table are judged
 */
void nodestate_faults(const struct nodestate *s, const char *emulator, struct faults *f);

/* nodestate_unknown: the fault that names the models which libvirt should know and doesn't. */
void nodestate_unknown(const struct nodestate *s, struct faults *f);

/* nodestate_lacks_model: why libvirt doesn't know @model; an allocated sentence. NULL: libvirt
 * knows it. */
char *nodestate_lacks_model(const struct nodestate *s, const char *model);

/* nodestate_restart: the command that restarts this node's libvirt, in backticks, into @buf. */
char *nodestate_restart(const struct nodestate *s, char *buf, size_t size);

/* nodestate_spoils_map: is it our include that keeps libvirt's map from being loaded? */
bool nodestate_spoils_map(const struct nodestate *s);

#endif
