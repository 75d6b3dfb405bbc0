/* SPDX-License-Identifier: Apache-2.0 */
/* Is a running QEMU's CPU what the name that was asked for means today? */
#ifndef CPUSHIM_RUNNING_H
#define CPUSHIM_RUNNING_H

#include "cpumap/core/table.h"
#include "cpumap/define/published.h"
#include "hook/domain/domain.h"
#include "hook/domain/process.h"
#include "hook/domain/storedxml.h"

enum runs {
	RUNS_MODEL,   /* what the name means */
	RUNS_OTHER,   /* not that: why says how it differs */
	RUNS_NONE,    /* no site model is asked for, and none runs */
	RUNS_UNKNOWN, /* why says what keeps us from telling */
};

struct running {
	enum runs runs;
	char model[MODEL_NAME_MAX + 1]; /* the site model in question; "": none */
	char why[512];                  /* escaped */
	char own[256]; /* with RUNS_MODEL: what the domain itself has it add, escaped */
	bool expanded; /* its -cpu is one that the wrapper alone makes, of whatever model */
};

/* What names mean today, and what they ever meant. */
struct names {
	struct table table;
	struct published published;
};

/* names_published: the published ones of this root, beside the table that is there already. A
 * damaged list costs no more than names that are in no table. */
void names_published(struct names *n);
void names_free(struct names *n);
#define _cleanup_names_ __attribute__((cleanup(names_free)))

/* names_has: is or was that a site model's name? */
bool names_has(const struct names *n, const char *model);

/**
 * names_asked: which of what libvirt keeps of a domain asks for a site model: what it passed on is
 * in its status, what it translated in the definition alone.
 * @live, @saved: NULL: there is none
 * Returns one of them; NULL: neither asks.
 */
const struct storedxml *names_asked(const struct names *n, const struct storedxml *live,
				    const struct storedxml *saved);

/**
 * running_judge: hold a QEMU's -cpu against the model that its domain asks for.
 * @asked: the domain's XML with the name that it was started by; NULL: there is none
 * @qemu: the process
 * Without an XML, or where it asks for no site model, the argument is recognised by itself. On a node
 * without the wrapper the real QEMU is asked whether what libvirt made of the model is exact.
 */
void running_judge(struct running *r, const struct names *n, const struct domain *asked,
		   const struct process *qemu);

/**
 * running_note_arrival: a guest that arrived by a migration or from a file with a CPU of the kind that
 * libvirt translates to, and of which no file here says what it asked for, may have asked for a site
 * model: that can't be told.
 */
void running_note_arrival(struct running *r, const struct process *qemu);

/**
 * running_mark: note in why of a guest that is what its name means that it isn't marked so (mark.h).
 * @live: what libvirt keeps of it as it runs; NULL: nothing is known
 */
void running_mark(struct running *r, const struct names *n, const struct domain *live);

/* running_word: one word for programs: "model", "other", "none", "unknown". */
const char *running_word(enum runs runs);

/* running_shown: an argument for people: escaped, and cut where it is an expansion. */
char *running_shown(char *buf, size_t size, const char *arg);

#endif
