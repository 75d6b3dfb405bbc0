/* SPDX-License-Identifier: Apache-2.0 */
/* A libvirt domain's XML: what it asks of its CPU, and the same with a site model expanded. */
#ifndef CPUSHIM_DOMAIN_H
#define CPUSHIM_DOMAIN_H

#include <stdbool.h>

#include "cpumap/core/error.h"
#include "cpumap/core/feature.h"
#include "cpumap/core/table.h"
#include "cpumap/core/util.h"
#include "hook/core/record.h"

struct domain {
	char *xml; /* the text it was read from; not its own */
	size_t len;
	char *name, *uuid, *emulator; /* NULL where the XML has none */
	char *machine;                /* its type; likewise */
	bool kvm;                     /* type='kvm' */
	bool kvm_hidden;       /* <features><kvm><hidden state='on'/>: no KVM leaves at all */
	bool eoi_off;          /* <features><apic eoi='off'/> */
	struct featset pv_off; /* paravirtual features that are switched off outside <cpu> */
	char *model;           /* of /domain/cpu with mode custom or none; NULL: none */
	char *match;           /* NULL: not said */
	char *vendor_id;       /* NULL: not said */
	struct strv own;       /* its features: name, policy, name, policy ... */
	size_t n_cpus, n_models, n_features; /* how many of each tag, in whatever namespace */
	size_t n_own;                        /* how many <feature> are libvirt's */
	char *mark_model, *mark_digest;      /* of the mark in its metadata (mark.h); NULL: none */
};

/**
 * domain_read: understand @len bytes of @xml, which must stay where they are.
 * @name: for errors
 * -EINVAL: not well-formed, a DOCTYPE, not a <domain>; -E2BIG: too many attributes
 */
int domain_read(struct domain *d, char *xml, size_t len, const char *name, struct error *err);

/**
 * domain_read_status: the same of libvirt's own file of a running domain, a <domstatus> with the
 * <domain> in it. Nothing can be spliced into that: domain_print refuses it.
 */
int domain_read_status(struct domain *d, char *xml, size_t len, const char *name,
		       struct error *err);

/**
 * domain_read_snapshot: the same of libvirt's own file of a snapshot, a <domainsnapshot>. Its CPU is
 * that with which the snapshot would come back: of the <cookie>, where there is one, as libvirt
 * takes it.
 */
int domain_read_snapshot(struct domain *d, char *xml, size_t len, const char *name,
			 struct error *err);
void domain_free(struct domain *d);
#define _cleanup_domain_ __attribute__((cleanup(domain_free)))

/* domain_same: are they one domain, by its UUID? */
bool domain_same(const struct domain *a, const struct domain *b);

/* domain_same_cpu: do both ask for the same CPU, in the same words? */
bool domain_same_cpu(const struct domain *a, const struct domain *b);

/* policy_is_off: disable and forbid. */
bool policy_is_off(const char *policy);

/* feature_name_valid: could it be a feature's name in any release? Nothing else is written down or
 * may get as far as an argument, where a comma would begin another property. */
bool feature_name_valid(const char *name);

/* domain_own: the domain's own features. */
void domain_own(const struct domain *d, struct own *own);

/**
 * domain_print: the XML with the site model of @row expanded: only bytes of /domain/cpu differ.
 * @sayable: features that libvirt's map has; others are left out, as libvirt would refuse the
 *           whole domain. NULL: say all
 * -ENOTSUP: its encoding isn't UTF-8, or the like
 */
int domain_print(struct text *out, const struct domain *d, const struct table_row *row,
		 const struct featset *sayable, struct error *err);

/* domain_print_cpu: the <cpu> element alone, of a domain that asks for nothing else. */
int domain_print_cpu(struct text *out, const struct table_row *row, struct error *err);

#endif
