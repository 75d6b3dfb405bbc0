/* SPDX-License-Identifier: Apache-2.0 */
/* The x86-64 psABI's microarchitecture levels, which distributions build for. */
#ifndef CPUSHIM_PSABI_H
#define CPUSHIM_PSABI_H

#include "cpumap/core/feature.h"

#define PSABI_LEVELS 4

/**
 * psabi_level: the highest level, 1 to 4, that has all of its features and all of those below it in
 * @set; 0: not even the first. OSFXSR and OSXSAVE, which the guest's system sets, aren't looked at.
 * Source: x86-64 psABI 1.0, chapter 3.1.1, table 3.1.
 */
unsigned int psabi_level(const struct featset *set);

/* psabi_features: the features that @level adds to the one below it. */
void psabi_features(unsigned int level, struct featset *set);

#endif
