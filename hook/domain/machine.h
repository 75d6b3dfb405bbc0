/* SPDX-License-Identifier: Apache-2.0 */
/* What decides about a running QEMU's CPU: the machine type, the accelerator and -cpu, read from
 * its arguments. */
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
 * machine_read: read them from a command line. -ENOTSUP: another argument may change the CPU, or
 * the machine or accelerator can't be told.
 */
int machine_read(struct machine *m, const struct process *qemu, struct error *err);

#endif
