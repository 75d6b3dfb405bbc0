/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host by what its logical CPUs answered, one after the other: what all of them share. Each must be there
 * as a whole: a CPU that was cut off is an error. Topology and APIC IDs don't make CPUs unlike.
 */
#ifndef CPUSHIM_CPUS_H
#define CPUSHIM_CPUS_H

#include "answers.h"
#include "cpulist.h"
#include "input.h"

/* Zero-initialise; free with cpus_free. */
struct cpus {
	/* the text lists extended leaves to the highest one: where that is missing, it was cut off */
	bool lists_all;
	struct answers now; /* of the CPU that is being read */
	struct answers first;
	struct host shared; /* identity, brand, address bits and features of all of them */
	unsigned int n;     /* CPUs that were read to their end */
	bool uneven;
};

/* cpus_add: an answer, which line @number of @in gives, of the CPU that is being read. */
int cpus_add(struct cpus *c, const struct cpuid_entry *entry, const struct input *in,
	     unsigned int number, struct error *err);

/* cpus_add_msr: an MSR of it. */
int cpus_add_msr(struct cpus *c, uint32_t msr, uint64_t value, const struct input *in,
		 unsigned int number, struct error *err);

/**
 * cpus_end: the CPU that is being read ended with line @number. @times: it stands for so many that answer
 * alike.
 * -EINVAL: it isn't a whole CPU of the host (@err says what is missing).
 */
int cpus_end(struct cpus *c, unsigned int times, const struct input *in, unsigned int number,
	     struct error *err);

/* cpus_tell: give @h what is known by the CPUs. */
void cpus_tell(struct cpus *c, struct host *h);

void cpus_free(struct cpus *c);
#define _cleanup_cpus_ __attribute__((cleanup(cpus_free)))

#endif
