/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guests that come back from a saved image or a snapshot. Before cpushim came, libvirt translated a
 * site model and recorded only the translation (measured, 9.0: Opteron_G1 for gate64). Such a guest
 * would come back with that CPU; only the domain's definition still says what was asked for. And
 * when a snapshot was taken, the model's name may have had another definition.
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
const struct table_row *restore_image(struct asked *a, const char *name, struct reasons *reasons);

/**
 * restore_snapshot: the same for a domain that libvirt prepares without an arrival: is this a
 * revert to a snapshot, and may it go on? libvirt runs no other hooks for a revert than for a
 * start. It is a revert if a snapshot of the domain has exactly this recorded CPU and this mark. A
 * migration never is one: libvirt migrates no domain with snapshots (qemuMigrationSrcIsAllowed,
 * src/qemu/qemu_migration.c, 1.2 to 9.0).
 */
const struct table_row *restore_snapshot(struct asked *a, const char *name,
					 struct reasons *reasons);

#endif
