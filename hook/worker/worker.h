/* SPDX-License-Identifier: Apache-2.0 */
/* What the hook does for a domain that may ask for a site model. */
#ifndef CPUSHIM_WORKER_H
#define CPUSHIM_WORKER_H

#include "cpumap/core/error.h"
#include "cpumap/core/table.h"
#include "hook/domain/domain.h"
#include "decide.h"

/* The facts about a domain, and what they point to. */
struct asked {
	struct table table; /* the rows of the model that the domain asks for */
	struct table other; /* of the model that asked_row was asked for last */
	struct domain domain;
	struct facts facts;
	char *emulator;
	struct featset kvm, map;
};

/**
 * asked_read: read a domain's XML and gather the facts for a decision about it.
 * @xml: must stay as long as @a
 * @name: the domain's, for errors
 * Returns 0 (then facts.row is NULL if it asks for no site model), or an error of domain_read.
 */
int asked_read(struct asked *a, char *xml, size_t len, const char *name, struct error *err);

/* asked_domain: the same for a domain that was read before. It is taken over, also on error. */
int asked_domain(struct asked *a, struct domain *d, struct error *err);
void asked_free(struct asked *a);
#define _cleanup_asked_ __attribute__((cleanup(asked_free)))

/**
 * asked_row: the row of any model, for an emulator (NULL: its first one). NULL: there is none.
 * It is good until the next call.
 */
const struct table_row *asked_row(struct asked *a, const char *model, const char *emulator);

/* asked_program: let facts.was be about a running QEMU's own program. It may be the table's while
 * another one stands behind the emulator already, or the other way round. */
void asked_program(struct asked *a, const char *program);

/* asked_map: learn which features libvirt's map names. Without a map all names may be used. */
void asked_map(struct asked *a);

/* unsaid_print: print on stderr what a domain's XML can't say. */
void unsaid_print(const char *name, const struct facts *f);

#endif
