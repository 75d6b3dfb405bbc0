/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guests that arrive by migration or from a saved file. At migrate and restore begin libvirt shows
 * what the domain asks for. At prepare it shows the CPU that was recorded where the guest ran
 * (measured, 9.0). So the former is recorded as an arrival, and prepare is judged by that record.
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

/* arrival_forget: remove the record that an earlier arrival of this domain left. */
void arrival_forget(const struct domain *d);

/**
 * arrival_take: read the arrival that goes on at this prepare, and remove its record, so that it is
 * taken once.
 * Returns 0; -ENOENT if the domain was defined anew since the arrival was recorded: then this is a
 * start of that definition, as nothing happens between an arrival and its prepare; or an error of
 * record_read.
 */
int arrival_take(const struct domain *d, const char *name, struct record *r, struct error *err);

#endif
