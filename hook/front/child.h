/* SPDX-License-Identifier: Apache-2.0 */
/* Running a program for a limited time. libc alone. */
#ifndef CPUSHIM_CHILD_H
#define CPUSHIM_CHILD_H

#include <stddef.h>

#include "cpumap/core/util.h"

/* What a program printed. */
struct child_said {
	struct text out, err;
};

/**
 * child_run: run @path with @in as its standard input, in a new session, and gather what it prints
 * until it ends. After @seconds it is killed, with its whole process group. Processes that it
 * leaves behind aren't waited for, even if they hold its standard output open.
 * @out_limit: in bytes; a program that prints more is killed. Only the beginning of its errors is
 *        gathered
 * Returns its exit status; -ETIME: it took too long; -EFBIG: it printed too much; -ENOMEM;
 * -ECANCELED: a signal ended it; or why it couldn't be started. The caller frees @said.
 */
int child_run(const char *path, char *const argv[], int in, unsigned int seconds, size_t out_limit,
	      struct child_said *said);

static inline void child_said_free(struct child_said *said)
{
	text_free(&said->out);
	text_free(&said->err);
}
#define _cleanup_said_ __attribute__((cleanup(child_said_free)))

#endif
