/* SPDX-License-Identifier: Apache-2.0 */
/* Running a program to its end: what it wrote, and how it ended. */
#ifndef PROOF_RUN_H
#define PROOF_RUN_H

#include <jansson.h>

#include "cpumap/core/util.h"

#define RUN_TIMED_OUT (-1)

struct outcome {
	int status; /* its exit status; 128 and the signal that ended it; RUN_TIMED_OUT */
	struct text out, err;
};

/**
 * run: start @argv (the last is NULL) with @input on standard input, and wait for its end.
 * What can't be done ends the test itself: without it there is no proof.
 */
void run(struct outcome *o, const char *const *argv, const char *input);
void outcome_free(struct outcome *o);
#define _cleanup_outcome_ __attribute__((cleanup(outcome_free)))

/**
 * ask: start @emulator with @args (the last is NULL) and a monitor on its standard input, and ask
 * all of @commands (JSON objects, one after the other). Returns an array of what "return" has of
 * each, null where it answered an error; NULL if QEMU refused to start (@o, may be NULL, has why).
 */
json_t *ask(const char *emulator, const char *const *args, const char *commands, struct outcome *o);

/* die: say why there can be no proof, and end with status 2. */
void __attribute__((noreturn, format(printf, 1, 2))) die(const char *fmt, ...);

#endif
