/* SPDX-License-Identifier: Apache-2.0 */
/* The CPU that all hosts of a fleet can give to a guest, as a definition. */
#ifndef CPUSHIM_BASELINE_H
#define CPUSHIM_BASELINE_H

#include "cpumap/core/model.h"
#include "fleet.h"

/* Why features that all hosts have aren't part of the definition. */
enum left {
	LEFT_OTHER,  /* topology, the guest's system or the hypervisor decide it */
	LEFT_MSR,    /* it lives in an MSR: no guest can prove it by CPUID */
	LEFT_QEMU,   /* QEMU has no property for it */
	LEFT_KVM,    /* no KVM gives it (cpumap/fleet/kvmgives.h) */
	LEFT_STAYS,  /* a guest that has it can't migrate */
	LEFT_UNSEEN, /* no guest sees it without another feature, which isn't shared */
	LEFT_KINDS,
};

/* left_why: in words, behind "left out, as": "no guest can migrate with it". */
const char *left_why(enum left kind);

struct baseline {
	const struct fleet_rows *rows;
	struct featset common; /* all hosts have it, and it is known that they do */
	struct featset
		unknown; /* no host is known to lack it, some host has it, and it isn't known of
				 * all */
	struct featset possible;         /* could be part of a definition, if all hosts had it */
	struct featset left[LEFT_KINDS]; /* of common: not in the definition */
	size_t has[FEATURE_MAX],
		unknown_hosts[FEATURE_MAX]; /* how many hosts have each feature, and of
							      * how many it isn't known */
	char vendor[13];    /* that all hosts have; "": they differ, or some don't tell */
	struct model model; /* the definition; without features if nothing is shared */
};

/* What the caller wants of it. */
struct baseline_wish {
	const char *name; /* of the definition */
	const char
		*vendor; /* 12 characters; "": the base's own; NULL: the hosts', if they have one */
};

/**
 * baseline_find: the baseline of @rows, which must stay as they are.
 *
 * The definition is made from kvm64, which every QEMU has: an expansion is exact from any base. With
 * the hosts' common vendor comes the signature of the oldest of them (the lowest family, model and
 * stepping), as a guest takes its CPU's faults and their mitigations from that.
 * Returns 0 or -ENOMEM.
 */
int baseline_find(struct baseline *b, const struct fleet_rows *rows,
		  const struct baseline_wish *wish, struct error *err);
void baseline_free(struct baseline *b);
#define _cleanup_baseline_ __attribute__((cleanup(baseline_free)))

#endif
