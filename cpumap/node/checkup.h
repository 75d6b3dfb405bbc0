/* SPDX-License-Identifier: Apache-2.0 */
/* The facts that the conditions of a node are judged by. Each is found out once; what takes time only
 * when a condition asks for it. */
#ifndef CPUSHIM_CHECKUP_H
#define CPUSHIM_CHECKUP_H

#include "cpumap/core/emulator.h"
#include "cpumap/define/compile.h"
#include "hook/guests/access.h"
#include "hook/guests/nodestate.h"
#include "hook/guests/running.h"
#include "receipt.h"

/* An emulator of the table (without a table, the usual one), and its QEMU. */
struct checkup_qemu {
	const char *emulator;
	char *real;         /* NULL: there is none */
	struct error error; /* why it doesn't answer; code 0: it does */
	struct qemu qemu;
	struct compiled compiled; /* what it makes of the definitions today */
	struct error refuses;     /* why it couldn't be asked for that; code 0: compiled is valid */
};

/* What the system's libvirt says. */
struct checkup_libvirt {
	struct error error; /* why it says nothing; code 0: it answers */
	struct strv models;
};

struct checkup {
	bool live; /* this machine itself, and not a root at CPUSHIM_ROOT */
	struct table table;
	struct error no_table; /* why it can't be read; code 0: it is loaded */
	struct nodestate state;
	struct faults told; /* all of nodestate's */
	char restart[64];   /* the command that restarts libvirt, in backticks */
	struct user user;   /* that QEMU runs as */
	bool has_user;
	struct receipt receipt;
	struct error no_receipt;
	/* asked about in the place of those that nova's configuration names; NULL: those */
	const char *nova_model;
	/* below: by the functions alone */
	struct names names;
	struct libvirtmap map, stock;
	struct checkup_libvirt libvirt;
	struct checkup_qemu *qemu;
	size_t n_qemus;
	struct process_list processes;
	bool named, mapped, asked, probed, listed;
};

/* checkup_begin: look at what costs nothing. */
void checkup_begin(struct checkup *c);
void checkup_free(struct checkup *c);
#define _cleanup_checkup_ __attribute__((cleanup(checkup_free)))

/* checkup_libvirt: ask the system's libvirt, for some seconds at most. With CPUSHIM_ROOT it isn't
 * asked. */
const struct checkup_libvirt *checkup_libvirt(struct checkup *c);

/* checkup_map, checkup_stock: libvirt's CPU map with our include, and without it; empty if it can't be
 * read. */
const struct libvirtmap *checkup_map(struct checkup *c);
const struct libvirtmap *checkup_stock(struct checkup *c);

/* checkup_qemus: each emulator's QEMU, asked, and what it makes of the definitions. */
const struct checkup_qemu *checkup_qemus(struct checkup *c, size_t *n);

/* checkup_names: what names mean today, and what they have meant. */
const struct names *checkup_names(struct checkup *c);

/* checkup_processes: the QEMUs that run. */
const struct process_list *checkup_processes(struct checkup *c);

/**
 * checkup_domains: call @look for each domain that libvirt has a definition of, or of those that run.
 * @kind: DOMAINFILE_DEFINITION or DOMAINFILE_STATUS
 */
void checkup_domains(struct checkup *c, enum domainfile kind,
		     void (*look)(struct checkup *c, const char *name, const struct domain *d,
				  void *data),
		     void *data);

/* checkup_text: what a text file holds, allocated; NULL: it can't be read. @path: not under CPUSHIM_ROOT */
char *checkup_text(const char *path);

/* checkup_leftovers: what leftovers_find finds here, and can't be in use. 0 or -ENOMEM. */
int checkup_leftovers(const struct checkup *c, struct strv *paths);

/* checkup_has: is there something at @path, not under CPUSHIM_ROOT? */
bool checkup_has(const char *path);

#endif
