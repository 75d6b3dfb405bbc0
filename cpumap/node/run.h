/* SPDX-License-Identifier: Apache-2.0 */
/* Running another program to its end, with a clean environment and for a limited time. */
#ifndef CPUSHIM_RUN_H
#define CPUSHIM_RUN_H

#include "cpumap/core/error.h"
#include "cpumap/core/util.h"

/**
 * run_program: run @argv (argv[0] is looked for in the usual directories) with /dev/null as its
 * input. It sees nothing of the caller's environment, except CPUSHIM_ROOT and what dpkg tells its
 * maintainer scripts.
 * @seconds: after so many it is killed, with all that it started
 * @out: receives what it printed on both outputs; NULL: the caller's own outputs are used
 * Returns its exit status; -ENOENT: there is no such program; -ETIMEDOUT: it was killed; -EIO: it
 * ended by a signal. @err says which.
 */
int run_program(const char *const argv[], unsigned int seconds, struct text *out,
		struct error *err);

#endif
