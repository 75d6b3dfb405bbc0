/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host: what its CPU has and, where that was told, what its QEMU can give a guest. Known and unknown
 * are kept apart: a feature that nobody looked at is neither there nor absent.
 */
#ifndef CPUSHIM_HOST_H
#define CPUSHIM_HOST_H

#include "cpumap/core/feature.h"
#include "cpumap/core/model.h"

/* Whose features are meant. */
enum host_accel {
	HOST_CPU, /* the CPU's own, by CPUID */
	HOST_TCG, /* what the host's QEMU emulates */
	HOST_KVM, /* what the host's QEMU gives under KVM */
	HOST_ACCELS,
};

/* Features that are known to be there, and those that are known at all: @has is a part of @known. */
struct host_view {
	struct featset has, known;
};

struct host {
	char *name;         /* the host's own, or made from the file's name; never NULL */
	char *origin;       /* FILE:LINE where it begins, for errors */
	const char *format; /* which of the formats that was (cpumap/fleet/read.h); static */
	struct identity id; /* of the CPU; "" and -1 where it isn't told */
	char *brand;        /* "AMD EPYC 7601 32-Core Processor"; NULL: not told */
	struct host_view view[HOST_ACCELS]; /* all empty: not told */
	bool uneven;       /* its CPUs differ in features or identity; view has what all share */
	unsigned int cpus; /* logical CPUs that were read; 0: not told */
	unsigned int physbits; /* physical address bits; 0: not told */
	uint64_t tsc_hz;       /* 0: not told */
	int tsc_scaling;       /* can KVM scale the TSC? 1, 0; -1: not told */
	/* where a dump of ours tells them; else NULL */
	char *kernel, *microcode, *qemu_version, *libvirt_version;
};

#define HOST_UNKNOWN ((struct host){.id = IDENTITY_NONE, .tsc_scaling = -1})

void host_free(struct host *h);
#define _cleanup_host_ __attribute__((cleanup(host_free)))

/* host_tells: does the host tell anything of that accelerator? */
bool host_tells(const struct host *h, enum host_accel accel);

/* host_accel_name: "cpu", "tcg", "kvm". host_accel_find: the reverse, or -1. */
const char *host_accel_name(enum host_accel accel);
int host_accel_find(const char *name);

#endif
