/* SPDX-License-Identifier: Apache-2.0 */
/* The snapshots that libvirt keeps of a domain: /var/lib/libvirt/qemu/snapshot/NAME, a file each. */
#ifndef CPUSHIM_SNAPSHOT_H
#define CPUSHIM_SNAPSHOT_H

#include "domain.h"

/**
 * snapshot_each: call @found for each snapshot's domain until it returns true. Files that can't be
 * read or understood are passed over.
 * @name: the domain's
 * @snapshot: the snapshot's file's name without .xml
 * Returns whether it did.
 */
bool snapshot_each(const char *name,
		   bool (*found)(const struct domain *d, const char *snapshot, void *data),
		   void *data);

/* snapshot_holds: would one of them come back as @d stands there: the same domain with the same CPU
 * and the same mark? */
bool snapshot_holds(const struct domain *d, const char *name);

#endif
