/* SPDX-License-Identifier: Apache-2.0 */
/* QEMU processes and their command lines, as /proc shows them. Others wrote these command lines. */
#ifndef CPUSHIM_PROCESS_H
#define CPUSHIM_PROCESS_H

#include <stdbool.h>
#include <stddef.h>

#include "cpumap/core/error.h"

#define PROCESS_LIMIT ((size_t)4 << 20)

/* Whose a process is, by the PID files of the system's libvirt. */
enum owner {
	OWNER_LIBVIRT,
	OWNER_OTHER,
	OWNER_UNKNOWN, /* only root may read the PID files */
};

struct process {
	int pid;
	long long uid; /* the user that it runs as; -1: not known */
	enum owner owner;
	char *cmdline; /* its arguments, each with a NUL behind it */
	char **argv;   /* the same as a vector, which points into cmdline */
	size_t argc;
};

struct process_list {
	struct process *item; /* by pid */
	size_t n;
};

/* process_read: the command line of @pid, seen in the proc file system at @proc. -ENOENT: it is
 * gone. */
int process_read(struct process *p, const char *proc, int pid);

/* process_program: the path at which the program of @pid can be looked at, also where its file was
 * replaced or deleted. NULL: out of memory */
char *process_program(const char *proc, int pid);

/* process_take: the same from @len bytes of a command line, which is taken over. -ENOMEM */
int process_take(struct process *p, char *cmdline, size_t len);
void process_free(struct process *p);
#define _cleanup_process_ __attribute__((cleanup(process_free)))

/* process_option: the last value of a QEMU option ("-cpu"); NULL: it has none. */
const char *process_option(const struct process *p, const char *option);

/**
 * process_domain: the domain's name of `-name guest=NAME,...` or `-name NAME,...`, where a comma is
 * written twice (QemuOpts). An allocated string, or NULL.
 */
char *process_domain(const struct process *p);

/* process_accel: "kvm", "tcg", or another text that was asked for ("kvm:tcg"), escaped and cut to
 * fit. */
void process_accel(const struct process *p, char *buf, size_t size);

/**
 * processes_qemu: the QEMUs that run a machine: those whose program is called qemu-system-*,
 * qemu-kvm, kvm or kvm-spice (also with .distrib behind it), without those that only answer what
 * they know (-machine none). Any user's process can have such a name, and claim a domain's name and
 * UUID; owner says which ones are libvirt's. -errno if /proc can't be read.
 */
int processes_qemu(struct process_list *l, struct error *err);
void process_list_free(struct process_list *l);
#define _cleanup_process_list_ __attribute__((cleanup(process_list_free)))

#endif
