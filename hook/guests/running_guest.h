/* SPDX-License-Identifier: Apache-2.0 */
/* One QEMU that runs here, what its domain asked for by libvirt's files, and whether it has it. */
#ifndef CPUSHIM_RUNNING_GUEST_H
#define CPUSHIM_RUNNING_GUEST_H

#include "hook/domain/storedxml.h"
#include "running.h"

#define ACCEL_MAX 24

struct running_guest {
	const struct process *process;
	char *domain;      /* NULL: it names none */
	const char *uuid;  /* "": it has none */
	const char *cpu;   /* NULL: none */
	const char *asked; /* the file that says what it asked for; NULL: none does */
	char accel[ACCEL_MAX];
	struct storedxml live,
		saved; /* its status and definition; empty: it has none that is its */
	struct running running;
};

/* guest_read: find out all about the guest of @p, which must live as long as @g. */
void running_guest_read(struct running_guest *g, const struct process *p, const struct names *n);
void running_guest_free(struct running_guest *g);
#define _cleanup_running_guest_ __attribute__((cleanup(running_guest_free)))

#endif
