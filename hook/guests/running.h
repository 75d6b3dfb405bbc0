/* SPDX-License-Identifier: Apache-2.0 */
/* Does a running QEMU have the CPU that its model's name means today? */
#ifndef CPUSHIM_RUNNING_H
#define CPUSHIM_RUNNING_H

#include "cpumap/core/table.h"
#include "cpumap/define/published.h"
#include "hook/domain/domain.h"
#include "hook/domain/process.h"
#include "hook/domain/storedxml.h"

enum runs {
	RUNS_MODEL,   /* what the name means */
	RUNS_OTHER,   /* another CPU: why says how it differs */
	RUNS_NONE,    /* no site model is asked for, and none runs */
	RUNS_UNKNOWN, /* it can't be told, and why says the reason */
};

struct running {
	enum runs runs;
	char model[MODEL_NAME_MAX + 1]; /* the site model in question; "": none */
	char why[512];                  /* escaped */
	char own[256];                  /* with RUNS_MODEL: the domain's own features, escaped */
	bool expanded;                  /* only the wrapper makes such a -cpu, of any model */
};

/* What names mean today, and what they have meant. */
struct names {
	struct table table;
	struct published published;
};

/* names_published: load the published names of this root; the table is loaded already. If the list
 * is damaged only names without a row are missing. */
void names_published(struct names *n);
void names_free(struct names *n);
#define _cleanup_names_ __attribute__((cleanup(names_free)))

/* names_has: is or was @model a site model's name? */
bool names_has(const struct names *n, const char *model);

/**
 * names_asked: which stored XML of a domain asks for a site model. If libvirt passed the name on it
 * is in the status; if libvirt translated the model the name is in the definition alone.
 * @live, @saved: NULL: there is none
 * Returns one of them; NULL: neither asks.
 */
const struct storedxml *names_asked(const struct names *n, const struct storedxml *live,
				    const struct storedxml *saved);

/**
 * running_judge: compare a QEMU's -cpu with the model that its domain asks for.
 * @asked: the domain's XML with the name that was asked for at its start; NULL: there is none
 * @qemu: the process
 * Without an XML, or if that asks for no site model, the model is recognised from the argument. On
 * a node without the wrapper the real QEMU is asked whether libvirt's translation is exact.
 */
void running_judge(struct running *r, const struct names *n, const struct domain *asked,
		   const struct process *qemu);

/**
 * running_note_arrival: note that a guest may have asked for a site model. That can't be told if it
 * arrived by a migration or from a file, has a CPU that may be libvirt's translation, and no file
 * here says what it asked for.
 */
void running_note_arrival(struct running *r, const struct process *qemu);

/**
 * running_mark: note in why that a guest lacks the mark of its model (mark.h), although its CPU is
 * right.
 * @live: the guest's stored status; NULL: nothing is known
 */
void running_mark(struct running *r, const struct names *n, const struct domain *live);

/* running_word: one word for programs: "model", "other", "none", "unknown". */
const char *running_word(enum runs runs);

/* running_shown: an argument for people: escaped, and cut if it is an expansion. */
char *running_shown(char *buf, size_t size, const char *arg);

#endif
