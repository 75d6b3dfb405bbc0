/* SPDX-License-Identifier: Apache-2.0 */
/* This machine's own CPU, asked at this moment. */
#ifndef CPUSHIM_HOSTCPU_H
#define CPUSHIM_HOSTCPU_H

#include "cpumap/core/feature.h"

/**
 * hostcpu_features: the features whose CPUID bit is set, by the CPUID instruction as user space
 * executes it (in a virtual machine: that machine's CPU). MSR features and paravirtual leaves are
 * left out.
 */
void hostcpu_features(struct featset *set);

#endif
