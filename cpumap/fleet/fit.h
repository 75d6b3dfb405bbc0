/* SPDX-License-Identifier: Apache-2.0 */
/* Which hosts of a fleet can run a guest's CPU, and what each lacks for it. */
#ifndef CPUSHIM_FIT_H
#define CPUSHIM_FIT_H

#include "fleet.h"

/* What a guest asks of a host. */
struct fit_wish {
	struct featset needs, forbids;
	char vendor[13];             /* the host's must be this one; "": any */
	unsigned int physbits;       /* physical address bits, at least; 0: any */
	bool physbits_host;          /* it gets those of its host */
	unsigned int physbits_limit; /* but no more than these; 0: all */
	uint64_t tsc_hz;             /* of the guest's TSC; 0: any */
};

enum fit_verdict { FIT_NO, FIT_UNKNOWN, FIT_YES };

/* Why not, or why it can't be told. */
struct fit_why {
	struct featset lacks, unknown;   /* of what is needed */
	struct featset has;              /* of what is forbidden */
	struct featset perhaps;          /* of what is forbidden, and isn't known */
	bool silent;                     /* nothing is known of the accelerator */
	bool vendor, vendor_unknown;     /* another one */
	bool physbits, physbits_unknown; /* too few */
	bool tsc, tsc_unknown;           /* another frequency, and KVM can't scale it */
};

/* Hosts with the same answer. */
struct fit {
	enum fit_verdict verdict;
	struct fit_why why;
	const struct fleet_host **host; /* by name */
	size_t n;
};

struct fits {
	struct fit
		*item; /* those that can't first, then those of which it isn't known; the most hosts
			   * first */
	size_t n;
	const struct fleet_host **host; /* of all */
	size_t count[FIT_YES + 1];      /* how many hosts have each verdict */
};

/* The part of a TSC frequency, in 1/1000000, by which libvirt and KVM let a guest's differ from the host's
 * (TSC_TOLERANCE, src/qemu/qemu_process.c, 5.2 to 11.3; tsc_tolerance_ppm of the module kvm). */
#define FIT_TSC_PPM 250

/**
 * fits_find: ask all hosts of @rows, which must stay as they are. Returns 0 or -ENOMEM.
 * A feature that isn't known of a host is neither there nor lacking.
 */
int fits_find(struct fits *f, const struct fleet_rows *rows, const struct fit_wish *wish,
	      struct error *err);
void fits_free(struct fits *f);
#define _cleanup_fits_ __attribute__((cleanup(fits_free)))

/* The TSCs of hosts, as far as they tell. */
struct fit_tscs {
	uint64_t least, most; /* Hz; 0: none tells */
	size_t n_fixed;       /* hosts that are known not to scale it */
	bool differ;          /* by more than a guest may differ from its host */
};

struct fit_tscs fit_tscs(const struct fleet_rows *rows);

/* The physical address bits that a guest gets on hosts, as far as they tell, where it gets its host's. */
struct fit_bits {
	unsigned int least, most; /* 0: none tells */
};

struct fit_bits fit_bits(const struct fleet_rows *rows, const struct fit_wish *wish);

/* fit_verdict_name: "no", "unknown", "yes" */
const char *fit_verdict_name(enum fit_verdict verdict);

#endif
