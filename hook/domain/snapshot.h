/* SPDX-License-Identifier: Apache-2.0 */
/* The snapshots of a domain: /var/lib/libvirt/qemu/snapshot/NAME holds a file for each. */
#ifndef CPUSHIM_SNAPSHOT_H
#define CPUSHIM_SNAPSHOT_H

#include "domain.h"

/**
 * snapshot_each: call @found for each snapshot's domain until it returns true. It passes over files
 * that can't be read or understood.
 * @name: the domain's
 * @snapshot: the name of the snapshot's file without .xml
 * Returns whether @found did.
 */
bool snapshot_each(const char *name,
		   bool (*found)(const struct domain *d, const char *snapshot, void *data),
		   void *data);

/* snapshot_holds: would a revert to one of them give @d: the same domain with the same CPU and the
 * same mark? libvirt begins with the CPU that the guest had (7.0, 9.0) or with the domain's
 * own (11.3, 12.8). */
bool snapshot_holds(const struct domain *d, const char *name);

#endif
