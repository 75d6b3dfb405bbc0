/* SPDX-License-Identifier: Apache-2.0 */
/* What compile makes of the definitions with each emulator: which are asked, and what becomes of those
 * whose wrapper is lost or whose QEMU gives no answer. What is wrong with one is told on stderr. */
#ifndef CPUSHIM_MADE_H
#define CPUSHIM_MADE_H

#include "cpumap/core/emulator.h"
#include "cpumap/core/table.h"
#include "cpumap/define/compile.h"

/* An emulator whose QEMU answered. */
struct one {
	const char *emulator;
	char *real; /* the QEMU's file, as it will be called once the wrapper stands before it */
	struct emulator_file file;        /* and what tells it from others */
	char script[EMULATOR_SCRIPT_MAX]; /* as in struct table_qemu */
	const struct table_qemu *was;     /* the former table's note, if that was another QEMU */
	struct qemu qemu;
	struct compiled compiled;
};

/* An emulator whose QEMU couldn't be asked. */
struct silent {
	const char *emulator;
	struct error why;
	const struct table_qemu *was; /* the former table's note; NULL: it has none */
	struct compiled rows;         /* that it keeps */
};

struct made {
	struct strv emulators; /* not under CPUSHIM_ROOT, the usual one first */
	struct one *one;       /* at least one, in that order */
	size_t n;
	struct silent *silent;
	size_t n_silent;
	bool left_out;  /* an emulator of the former table is gone */
	bool unwrapped; /* one has no wrapper, and it wasn't named as one that is going to */
	bool lost;      /* our include is there, but libvirt's index doesn't name it once: a
			 * package's upgrade replaced it, say */
};

/**
 * made_choose: fill in the emulators: those that are @named, those where our wrapper stands, and those
 * of the former table. One of these that has no wrapper any more is asked, too, while it has a QEMU:
 * the wrapper may come back, and its rows must mean the same as the others.
 */
int made_choose(struct made *m, const struct strv *named, const struct table *former,
		struct error *err);

/**
 * made_ask: ask the QEMU of each emulator what it has. One that hangs or is broken doesn't keep the
 * others from being compiled.
 * Returns 0; or an error, if none answered.
 */
int made_ask(struct made *m, const struct table *former, struct error *err);

/* made_keep: fill in the rows of those that couldn't be asked, by what the first of the others made of
 * the definitions (unasked.h), and name them. */
int made_keep(struct made *m, const struct history *before, struct error *err);

/* made_table: all rows, and the QEMUs that they were made from. @m still owns the strings. -ENOMEM */
int made_table(struct table *t, const struct made *m);

void made_free(struct made *m);
#define _cleanup_made_ __attribute__((cleanup(made_free)))

#endif
