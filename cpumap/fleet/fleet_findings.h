/* SPDX-License-Identifier: Apache-2.0 */
/* All that is found out about a fleet. A page, JSON and a terminal print the same. */
#ifndef CPUSHIM_FLEET_FINDINGS_H
#define CPUSHIM_FLEET_FINDINGS_H

#include <time.h>

#include "baseline.h"
#include "catalogue.h"
#include "costs.h"
#include "fleet_stock.h"
#include "split.h"

/* Zero-initialise. The fleet has to stay as it is. */
struct fleet_findings {
	struct fleet_rows rows;
	struct baseline baseline;
	struct costs costs;
	struct split two, three; /* models, where one is too little */
	struct catalogue catalogue;
	struct fleet_stock stock;
	time_t when;
};

/* What is asked. */
struct fleet_wish {
	enum host_accel accel;
	struct baseline_wish baseline;
	const char *emulator; /* whose models are the stock ones; it must stay as it is, too */
	time_t when;
};

/**
 * fleet_find: find it all. Without QEMU or libvirt there are no models of theirs to compare with.
 * -EINVAL: some host tells nothing of the accelerator, so nothing is known to be shared; -ENOMEM
 */
int fleet_find(struct fleet_findings *f, const struct fleet *fleet, const struct fleet_wish *wish,
	       struct error *err);
void fleet_findings_free(struct fleet_findings *f);
#define _cleanup_fleet_findings_ __attribute__((cleanup(fleet_findings_free)))

/* fleet_notes: lines that say how the definition came to be, for the comment above it. -ENOMEM */
int fleet_notes(struct strv *notes, const struct fleet_findings *f);

#endif
