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

/* The hook's front, in one of the two places where it may be. */
enum hook_state {
	HOOK_OURS,
	HOOK_MISSING,
	HOOK_FOREIGN,        /* another tool's file, which doesn't run our hook */
	HOOK_NOT_EXECUTABLE, /* libvirt skips it with a warning */
};

struct emulator_state {
	const char *path; /* the table's */
	bool wrapper;     /* our wrapper is at this path */
	int no_real;      /* why no real QEMU behind it can be run, an errno; 0: one can */
	const struct table_qemu *was; /* the table's note of its QEMU, if by now that is another
				       * one; NULL: it isn't */
};

/* Without `libvirt` only `native` and the emulators are valid. */
struct nodestate {
	bool libvirt;       /* libvirt has a CPU map here */
	bool native;        /* installed without the wrapper, on purpose */
	bool worker, proxy; /* the programs are there and can be run */
	enum hook_state hook;
	struct {
		bool single;          /* one file (libvirt before 4.7) */
		bool named;           /* the index names our include, or the single file has our
				       * block */
		bool include;         /* the include is there */
		struct error error;   /* why libvirt can't read its map; code 0: it can */
		struct strv unknown;  /* models of the table that the map should have and lacks */
		struct strv wanting;  /* "MODEL: FEATURES": models with features that the map
				       * lacks */
		struct timespec time; /* when a file of the map was last changed */
	} map;
	struct emulator_state *emulator; /* each of the table's emulators once */
	size_t n_emulators;
	struct {
		struct daemon id; /* pid 0: no daemon runs as root and has this map */
		struct timespec started;
	} daemon;
};

/* nodestate_read: look at the node. What can't be found out counts as right. @t must live as long
 * as @s. */
void nodestate_read(struct nodestate *s, const struct table *t);
void nodestate_free(struct nodestate *s);
#define _cleanup_nodestate_ __attribute__((cleanup(nodestate_free)))

/**
 * nodestate_blocks: a sentence for each fault that prevents all guests of site models from
 * starting.
 * @emulator: the emulator of a domain, whose other faults are known already: only a missing QEMU
 *	      behind it is told. NULL: all emulators of the table are judged
 */
void nodestate_blocks(const struct nodestate *s, const char *emulator, struct strv *lines);

/**
 * nodestate_changed: a sentence for each emulator whose QEMU is another than the table's. Models that
 * QEMU's own definitions are the base of go on all the same.
 * @emulator: as for nodestate_blocks
 */
void nodestate_changed(const struct nodestate *s, const char *emulator, struct strv *lines);

/* nodestate_doubts: a sentence for each fault that may prevent a guest from starting, or from being
 * checked. */
void nodestate_doubts(const struct nodestate *s, struct strv *lines);

/* nodestate_unknown: a sentence that names the models which libvirt should know and doesn't. */
void nodestate_unknown(const struct nodestate *s, struct strv *lines);

/* nodestate_lacks_model: why libvirt doesn't know @model; an allocated sentence. NULL: libvirt
 * knows it. */
char *nodestate_lacks_model(const struct nodestate *s, const char *model);

#endif
