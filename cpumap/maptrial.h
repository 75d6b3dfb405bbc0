/* SPDX-License-Identifier: Apache-2.0 */
/* Trying an include on libvirt itself before it is put in place: a wrong one breaks all of its CPU
 * calls. */
#ifndef CPUSHIM_MAPTRIAL_H
#define CPUSHIM_MAPTRIAL_H

#include "error.h"

/**
 * maptrial: does libvirt load its CPU map with the file at @staged in the place of @include?
 * `virsh -c test:///default` loads the map in its own process; it runs in a mount namespace of its
 * own where @staged is bound over @include. Needs root, and an index.xml that names @include.
 * Returns 0; -EINVAL if libvirt refuses it (its words in @err); -ENOENT without virsh; or what kept
 * us from trying.
 */
int maptrial(const char *staged, const char *include, struct error *err);

#endif
