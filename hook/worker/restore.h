/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes back from a saved image or from a snapshot. Before cpushim came, libvirt translated a
 * site model and recorded the translation alone (measured, 9.0: Opteron_G1 for gate64), so it would
 * come back as that; what was asked for is only in the domain's definition. And a snapshot may have
 * been taken when a model's name had another definition.
 */
#ifndef CPUSHIM_RESTORE_H
#define CPUSHIM_RESTORE_H

#include "worker.h"

/**
 * restore_image: may a saved image that asks for no site model be restored?
 * @a: the domain as restore begin shows it
 * @name: the domain's
 * @reasons: receives a line for each reason why not
 * Returns the row of the model that its definition asks for; NULL: it asks for none.
 */
const struct table_row *restore_image(const struct asked *a, const char *name,
				      struct reasons *reasons);

/**
 * restore_snapshot: the same of a domain that libvirt prepares without an arrival: is it one of its
 * snapshots, and may it come back? libvirt runs no hook for a revert but those of a start. It is one
 * if a snapshot of the domain has exactly this CPU, as it was recorded, and this mark. A migration
 * never is: libvirt migrates no domain with snapshots (qemuMigrationSrcIsAllowed,
 * src/qemu/qemu_migration.c, 1.2 to 9.0).
 */
const struct table_row *restore_snapshot(const struct asked *a, const char *name,
					 struct reasons *reasons);

#endif
