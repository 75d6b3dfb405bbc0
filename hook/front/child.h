/* SPDX-License-Identifier: Apache-2.0 */
/* Running a program that can't make its caller wait. libc alone. */
#ifndef CPUSHIM_CHILD_H
#define CPUSHIM_CHILD_H

#include <stddef.h>

#include "cpumap/core/util.h"

/* What a program printed. */
struct child_said {
	struct text out, err;
};

/**
 * child_run: run @path with @in as its standard input, in a session of its own, and gather what it
 * prints until it ends. After @seconds it is killed, with all of its process group. What it leaves
 * behind is not waited for, also where that holds its standard output open.
 * @out_limit: in bytes; a program that prints more is killed. Of its errors a little is kept
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
