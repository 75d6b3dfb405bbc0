/* SPDX-License-Identifier: Apache-2.0 */
/* What the hook answers. It is computed from facts, without side effects. */
#ifndef CPUSHIM_DECIDE_H
#define CPUSHIM_DECIDE_H

#include "cpumap/core/table.h"
#include "cpumap/core/util.h"
#include "hook/core/record.h"
#include "hook/core/refusal.h"
#include "hook/domain/domain.h"

/* What a decision rests on. */
struct facts {
	const struct table *table;
	const struct table_row *row; /* the row of the domain's model and emulator; NULL: none */
	const char *emulator; /* the file that <emulator> resolves to; NULL: the XML has none */
	bool wrapper;         /* the emulator is our wrapper */
	bool native;          /* the emulator is the table's QEMU itself, on a node without the
			       * wrapper */
	const struct table_qemu *was; /* the table's note of the QEMU behind the emulator, if by now
				       * that is another one; NULL: it is the same */
	const struct featset *kvm;    /* what KVM offers here; NULL: it can't be asked */
	const struct featset *map;    /* the features of libvirt's map; NULL: not known */
	unsigned long libvirt; /* release of the libvirt that calls (daemon.h); 0: not known */
};

/**
 * decide_request: may this domain, which asks for a site model, run here?
 * @reasons: receives each reason why not. No reason: it may
 */
void decide_request(const struct domain *d, const struct facts *f, struct reasons *reasons);

/* decide_qemu: has the model's base other features by now, as QEMU computes it and is another than
 * the table's? */
void decide_qemu(const struct facts *f, struct reasons *reasons);

/* decide_same: is the model's definition still the one that was asked for? */
bool decide_same(const struct facts *f, const struct record *r, struct reasons *reasons);

/**
 * decide_arrival: is what is prepared still what arrived?
 * @d: the domain at prepare, with the CPU that was recorded where it ran
 * @r: the arrival's record
 */
void decide_arrival(const struct domain *d, const struct facts *f, const struct record *r,
		    struct reasons *reasons);

/**
 * decide_mark: does the model's name mean here what it meant where the guest was started? A domain
 * without a mark, or with another model's mark, passes: that says nothing about this model.
 */
void decide_mark(const struct domain *d, const struct table_row *row, struct reasons *reasons);

/**
 * decide_start: does libvirt pass on what was asked for at prepare?
 * @d: the domain at start, as libvirt has changed it
 */
void decide_start(const struct domain *d, const struct facts *f, const struct record *r,
		  struct reasons *reasons);

/**
 * decide_started: does the running QEMU have the model's argument?
 * @arg: its last -cpu; NULL: none
 */
void decide_started(const char *arg, const struct facts *f, const struct record *r,
		    struct reasons *reasons);

/* decide_record: fill a record with what a domain asks for. */
void decide_record(const struct domain *d, const struct table_row *row, struct record *r);

#endif
