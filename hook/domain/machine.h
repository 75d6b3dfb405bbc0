/* SPDX-License-Identifier: Apache-2.0 */
/* What decides a running QEMU's CPU, by its arguments: machine type, accelerator and -cpu. */
#ifndef CPUSHIM_MACHINE_H
#define CPUSHIM_MACHINE_H

#include "cpumap/core/error.h"
#include "process.h"

struct machine {
	char type[64];
	const char *accel; /* "tcg", "kvm" */
	const char *cpu;   /* its last -cpu; points into the command line */
};

/**
 * machine_read: read it from a command line. -ENOTSUP: there is something in it that may change the
 * CPU beside -cpu, or that leaves machine or accelerator open.
 */
int machine_read(struct machine *m, const struct process *qemu, struct error *err);

#endif
