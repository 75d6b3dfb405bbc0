/* SPDX-License-Identifier: Apache-2.0 */
/* What the hook does for a domain that may ask for a site model. */
#ifndef CPUSHIM_WORKER_H
#define CPUSHIM_WORKER_H

#include "cpumap/core/error.h"
#include "cpumap/core/table.h"
#include "hook/domain/domain.h"
#include "decide.h"

/* Everything that facts need, kept together. */
struct asked {
	struct table table; /* the rows of the model that the domain asks for */
	struct table other; /* of the model that asked_row was asked for last */
	struct domain domain;
	struct facts facts;
	char *emulator;
	struct featset kvm, map;
};

/**
 * asked_read: understand a domain's XML and gather what a decision about it rests on.
 * @xml: must stay as long as @a
 * @name: the domain's, for errors
 * Returns 0 (then facts.row is NULL if it asks for no site model), or what domain_read says.
 */
int asked_read(struct asked *a, char *xml, size_t len, const char *name, struct error *err);

/* asked_domain: the same of a domain that was read before; takes it over, also on error. */
int asked_domain(struct asked *a, struct domain *d, struct error *err);
void asked_free(struct asked *a);
#define _cleanup_asked_ __attribute__((cleanup(asked_free)))

/**
 * asked_row: the row of any model, for an emulator (NULL: its first one). NULL: there is none.
 * It is good until the next call.
 */
const struct table_row *asked_row(struct asked *a, const char *model, const char *emulator);

/* asked_map: learn which features libvirt's map has a name for; without a map they all may be
 * said. */
void asked_map(struct asked *a);

/* unsaid_print: what a domain XML has no words for, on stderr. */
void unsaid_print(const char *name, const struct facts *f);

#endif
