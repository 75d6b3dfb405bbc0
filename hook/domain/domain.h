/* SPDX-License-Identifier: Apache-2.0 */
/* A libvirt domain's XML: which CPU it asks for, and the same XML with the site model expanded. */
#ifndef CPUSHIM_DOMAIN_H
#define CPUSHIM_DOMAIN_H

#include <stdbool.h>

#include "cpumap/core/error.h"
#include "cpumap/core/feature.h"
#include "cpumap/core/table.h"
#include "cpumap/core/util.h"
#include "hook/core/record.h"

struct domain {
	char *xml; /* the text that it was read from, which others own */
	size_t len;
	char *name, *uuid, *emulator; /* NULL where the XML has none */
	char *machine;                /* the machine type; NULL likewise */
	char *type, *arch;            /* "kvm", "x86_64"; NULL likewise */
	bool kvm;                     /* type='kvm' */
	bool kvm_hidden;              /* <features><kvm><hidden state='on'/>: the guest sees no KVM
			        * leaves */
	bool eoi_off;                 /* <features><apic eoi='off'/> */
	struct featset pv_off;        /* paravirtual features that are switched off outside <cpu> */
	char *mode;                   /* of /domain/cpu; NULL: not said */
	char *model;                  /* of /domain/cpu with mode custom or none; NULL: none */
	char *match;                  /* NULL: not said */
	char *vendor_id;              /* NULL: not said */
	char *vendor;                 /* of the host, in libvirt's name; NULL: not said */
	char *check;                  /* of /domain/cpu; NULL: not said */
	struct strv own;              /* its features: name, policy, name, policy ... */
	uint64_t vcpus;               /* <vcpu>, those to be added later included; 0: not said */
	unsigned int physbits;        /* <maxphysaddr mode='emulate' bits=>; 0: not said */
	bool physbits_host;           /* <maxphysaddr mode='passthrough'> */
	unsigned int physbits_limit;  /* of that mode, limit=; 0: not said */
	const char *bad_address;      /* why libvirt takes no such <maxphysaddr>; NULL: it does */
	uint64_t tsc_hz;              /* <timer name='tsc' frequency=>; 0: not said */
	const char *bad_number;       /* which of these numbers libvirt couldn't read; NULL: none */
	size_t n_cpus, n_models, n_features; /* how many of each tag, in any namespace */
	size_t n_own;                        /* how many <feature> libvirt reads */
	char *mark_model, *mark_digest;      /* of the mark in its metadata (mark.h); NULL: none */
};

/**
 * domain_read: read @len bytes of @xml, which must stay in place as long as @d.
 * @name: for errors
 * -EINVAL: not well-formed, a DOCTYPE, not a <domain>; -E2BIG: too many attributes
 */
int domain_read(struct domain *d, char *xml, size_t len, const char *name, struct error *err);

/**
 * domain_read_status: the same for libvirt's own file of a running domain, a <domstatus> that holds
 * the <domain>. domain_print refuses such a domain.
 */
int domain_read_status(struct domain *d, char *xml, size_t len, const char *name,
		       struct error *err);

/**
 * domain_read_snapshot: the same for libvirt's own file of a snapshot, a <domainsnapshot>.
 * @live: with the CPU that the guest had, which the <cookie> tells, if there is one
 */
int domain_read_snapshot(struct domain *d, char *xml, size_t len, bool live, const char *name,
			 struct error *err);

/**
 * domain_read_saved: the same for what a saved image holds: a <domain>, and a <cookie> behind it, which may
 * be NULL. libvirt 11.3 and 12.8 write the domain's own <cpu> into the former, 9.0 the CPU that it had.
 */
int domain_read_saved(struct domain *d, char *xml, char *cookie, const char *name,
		      struct error *err);
void domain_free(struct domain *d);
#define _cleanup_domain_ __attribute__((cleanup(domain_free)))

/* domain_same: have both the same UUID? */
bool domain_same(const struct domain *a, const struct domain *b);

/* domain_same_cpu: do both ask for the same CPU, in the same words? */
bool domain_same_cpu(const struct domain *a, const struct domain *b);

/* policy_is_off: disable and forbid. */
bool policy_is_off(const char *policy);

/* feature_name_valid: could it be a feature's name in any release? Only such names get into records
 * and arguments, where a comma would begin another property. */
bool feature_name_valid(const char *name);

/* domain_own: the domain's own features. */
void domain_own(const struct domain *d, struct own *own);

/**
 * domain_print: the XML with the site model of @row expanded: only bytes of /domain/cpu differ.
 * @sayable: features that libvirt's map has; others are left out, as libvirt would refuse the whole
 *           domain. NULL: all are written
 * -ENOTSUP: its encoding isn't UTF-8, or the like
 */
int domain_print(struct text *out, const struct domain *d, const struct table_row *row,
		 const struct featset *sayable, struct error *err);

/* domain_print_cpu: the <cpu> element alone, of a domain that asks for nothing else. */
int domain_print_cpu(struct text *out, const struct table_row *row, struct error *err);

#endif
