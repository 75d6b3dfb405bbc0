/* SPDX-License-Identifier: Apache-2.0 */
/* Trying an include with libvirt itself before it is put in place: a wrong one breaks all CPU calls
 * of libvirt. */
#ifndef CPUSHIM_MAPTRIAL_H
#define CPUSHIM_MAPTRIAL_H

#include <stdbool.h>

#include "cpumap/core/error.h"

/**
 * maptrial: does libvirt load its CPU map with the file at @staged in the place of @include? `virsh
 * -c test:///default` loads the map in its own process; it runs in a private mount namespace where
 * @staged is bound over @include. Needs root, and an index.xml that names @include.
 * Returns 0; -EINVAL if libvirt refuses it (its words in @err); -ENOENT without virsh; or why it
 * couldn't be tried.
 */
int maptrial(const char *staged, const char *include, struct error *err);

/* maptrial_possible: is there a virsh? */
bool maptrial_possible(void);

/**
 * maptrial_baseline: the same, with any file of the map, and `virsh cpu-baseline @cpus` (the test
 * driver has it since 1.2.0): its answer in @answer, allocated.
 */
int maptrial_baseline(const char *staged, const char *path, const char *cpus, char **answer,
		      struct error *err);

#endif
