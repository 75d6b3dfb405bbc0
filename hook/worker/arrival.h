/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes in by migration or from a saved file. At migrate and restore begin libvirt shows what
 * the domain asks for; at prepare already the CPU that was recorded where it ran (measured, 9.0).
 * So the first is kept as an arrival's record and prepare is judged by it.
 */
#ifndef CPUSHIM_ARRIVAL_H
#define CPUSHIM_ARRIVAL_H

#include "hook/core/record.h"
#include "worker.h"

/**
 * arrival_note: record that @d arrives and asks for the model of @row.
 * @name: the domain's, for errors
 */
int arrival_note(const struct domain *d, const struct table_row *row, const struct daemon *daemon,
		 const char *name, struct error *err);

/* arrival_forget: what an earlier arrival of this domain left. */
void arrival_forget(const struct domain *d);

/**
 * arrival_take: the arrival that goes on at this prepare; its record is gone then, so that it is
 * taken once.
 * Returns 0; -ENOENT if the domain was defined anew since it was recorded: then this is a start of
 * that definition, as an arrival goes straight on to prepare; or what record_read says.
 */
int arrival_take(const struct domain *d, const char *name, struct record *r, struct error *err);

#endif
