/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of this node stands in the way of site models: facts that are looked up once, and apart from
 * that the sentences that tell what is wrong and what mends it. Nothing is asked of libvirt.
 */
#ifndef CPUSHIM_NODESTATE_H
#define CPUSHIM_NODESTATE_H

#include <stdbool.h>

#include "cpumap/core/table.h"
#include "cpumap/core/util.h"
#include "hook/core/daemon.h"

/* The hook's front, in either of its places. */
enum hook_state {
	HOOK_OURS,
	HOOK_MISSING,
	HOOK_FOREIGN,        /* another tool's file, which doesn't run ours */
	HOOK_NOT_EXECUTABLE, /* libvirt passes over it with a warning */
};

struct emulator_state {
	const char *path; /* the table's */
	bool wrapper;     /* our wrapper stands there */
	bool real;        /* and the real QEMU behind it */
};

/* Everything but `native` says something only if `libvirt` is set. */
struct nodestate {
	bool libvirt;       /* it has a CPU map here */
	bool native;        /* installed without the wrapper, on purpose */
	bool worker, proxy; /* they are there and can be run */
	enum hook_state hook;
	struct {
		bool single;          /* one file (libvirt before 4.7) */
		bool named;           /* the index names our include, the one file has our block */
		bool include;         /* the include is there */
		struct error error;   /* why libvirt can't read it; code 0: it can */
		struct strv unknown;  /* the table's models that it should have and lacks */
		struct strv wanting;  /* "MODEL: FEATURES": models with features that it lacks */
		struct timespec time; /* when a file of it was changed last */
	} map;
	struct emulator_state *emulator; /* each of the table's once */
	size_t n_emulators;
	struct {
		struct daemon id; /* pid 0: none that is root's and has this map */
		struct timespec started;
	} daemon;
};

/* nodestate_read: look at the node; what can't be known counts as right. @t has to stay. */
void nodestate_read(struct nodestate *s, const struct table *t);
void nodestate_free(struct nodestate *s);
#define _cleanup_nodestate_ __attribute__((cleanup(nodestate_free)))

/**
 * nodestate_blocks: a sentence for each thing that keeps every guest of a site model from starting.
 * @emulator: the file of a domain's, which was judged already: of that it is told alone whether there
 *	      is a QEMU behind it; NULL: all of the table's are judged
 */
void nodestate_blocks(const struct nodestate *s, const char *emulator, struct strv *lines);

/* nodestate_doubts: a sentence for each thing that may keep one from starting, or from being
 * checked. */
void nodestate_doubts(const struct nodestate *s, struct strv *lines);

/* nodestate_unknown: a sentence that names the models which libvirt should know and doesn't. */
void nodestate_unknown(const struct nodestate *s, struct strv *lines);

/* nodestate_lacks_model: why libvirt doesn't know that one; an allocated sentence, or NULL. */
char *nodestate_lacks_model(const struct nodestate *s, const char *model);

#endif
