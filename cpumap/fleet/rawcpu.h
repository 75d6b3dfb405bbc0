/* SPDX-License-Identifier: Apache-2.0 */
/* The CPU that this thread runs on, asked by libcpuid. libcpuid reads no file here. */
#ifndef CPUSHIM_RAWCPU_H
#define CPUSHIM_RAWCPU_H

#include "answers.h"

/**
 * rawcpu_read: all leaves, with the subleaves that they say they have and those that hold features. Leaves
 * above a range's highest one aren't read, nor the hypervisor's (40000000H), nor the processor's serial
 * number (3). The caller sees to it that the thread stays on one CPU.
 * -ENOMEM; -EOVERFLOW: more leaves than any CPU has
 */
int rawcpu_read(struct answers *l);

/**
 * rawcpu_alike: do two CPUs answer alike? What differs from CPU to CPU anyway, such as the APIC ID, is
 * left out.
 */
bool rawcpu_alike(const struct answers *a, const struct answers *b);

/**
 * rawcpu_code_name: "Ryzen 5 (Matisse)", as libcpuid's database has it, allocated. A CPU that is newer than
 * the database gets the name that matches best, which is wrong: say whose word it is.
 * libcpuid is asked in a child process: 0.6.2 divides by zero on some CPUs of VIA and Zhaoxin.
 * NULL: not known
 */
char *rawcpu_code_name(void);

/* rawcpu_library: libcpuid's release, "0.6.2". */
const char *rawcpu_library(void);

#endif
