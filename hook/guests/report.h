/* SPDX-License-Identifier: Apache-2.0 */
/* The report on one guest: what it asks for, what libvirt made of it, what runs, and what prevents
 * it from starting. libvirt isn't asked. */
#ifndef CPUSHIM_REPORT_H
#define CPUSHIM_REPORT_H

#include "hook/domain/storedxml.h"
#include "hook/worker/worker.h"
#include "running.h"

struct report {
	const char *name;     /* the domain's name, its UUID until it is found, or the file's
			       * name */
	char *found;          /* the name of the domain that a UUID led to */
	bool is_file;         /* a file or standard input, and no domain */
	const char *asked_in; /* the file that says what is asked for */
	struct names names;
	struct storedxml live, saved;
	bool has_live, has_saved;
	char *xml; /* of a file */
	struct asked asked;
	struct process_list qemus;
	const struct process *qemu; /* NULL: the domain doesn't run */
	struct running running;
	struct strv blocks; /* what prevents it from starting here */
	struct strv doubts; /* what may prevent it */
	bool node_is_wrong; /* some of these are faults of this node */
	char *log;
};

/**
 * report_find: fill the report.
 * @report: with names.table loaded, and name set: a domain's name or UUID, a file's (known by a
 *     slash or .xml in it), or "-"
 * -ENOENT: there is no such domain or file; -EACCES: only root may read it
 */
int report_find(struct report *report, struct error *err);
void report_free(struct report *report);
#define _cleanup_report_ __attribute__((cleanup(report_free)))

#endif
