/* SPDX-License-Identifier: Apache-2.0 */
/*
 * This host: its CPUs, its system, and what its QEMU can give a guest. Asked at this moment, as any
 * user. What can't be asked stays unknown.
 */
#ifndef CPUSHIM_THISHOST_H
#define CPUSHIM_THISHOST_H

#include "cpumap/qemu/qemu.h"
#include "cpulist.h"
#include "answers.h"

/* Logical CPUs that answer alike. */
struct cpu_group {
	struct cpulist cpus;
	struct answers answers; /* the first one's, and the MSRs */
};

struct thishost {
	struct host host;
	struct cpu_group *group; /* by their first CPU */
	size_t n_groups;
	struct featset partly; /* features that are known of all CPUs, and that some of them lack */
	struct cpulist offline;
	struct cpulist unbound; /* online, but this process may not run on them */
	char *code_name;        /* by libcpuid; NULL: not known */
	char *emulator;         /* the real QEMU's file; NULL: there is none */
	struct qemu qemu;       /* empty where it couldn't be asked (no_qemu) */
	/* why it couldn't be asked; code 0: it was */
	struct error no_msrs, no_tsc, no_qemu, no_kvm, no_libvirt;
};

#define THISHOST_NONE ((struct thishost){.host = HOST_UNKNOWN})

/**
 * thishost_read: read every CPU that this process may run on, and ask the system, KVM, QEMU and libvirt.
 * The thread's affinity is as before afterwards.
 * @emulator: the QEMU that is asked; NULL: the first of those that distributions install
 * Returns 0, or -errno where not even one CPU could be read.
 */
int thishost_read(struct thishost *h, const char *emulator, struct error *err);

/**
 * thishost_add: one CPU more, with its answers (taken over): to those that answer alike, or to a new
 * group. -ENOMEM
 */
int thishost_add(struct thishost *h, size_t cpu, struct answers *answers);

/* thishost_judge: fill in the host's identity, features and what is uneven, from the groups. */
void thishost_judge(struct thishost *h);

/* thishost_microcode: "0x0800126e" of the text of /proc/cpuinfo, allocated; of several different ones
 * all, with blanks between them. NULL: it tells none. */
char *thishost_microcode(const char *cpuinfo);

/* thishost_dump: all of it as text (dump.h). */
void thishost_dump(struct text *out, const struct thishost *h);

void thishost_free(struct thishost *h);
#define _cleanup_thishost_ __attribute__((cleanup(thishost_free)))

#endif
