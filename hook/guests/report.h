/* SPDX-License-Identifier: Apache-2.0 */
/* One guest's whole way, as far as it can be told without asking libvirt. */
#ifndef CPUSHIM_REPORT_H
#define CPUSHIM_REPORT_H

#include "hook/domain/storedxml.h"
#include "hook/worker/worker.h"
#include "running.h"

struct report {
	const char *name;     /* the domain's, its UUID until it is found, or the file's */
	char *found;          /* the name of a UUID's domain */
	bool is_file;         /* or standard input */
	const char *asked_in; /* the file that says what is asked for */
	struct names names;
	struct storedxml live, saved;
	bool has_live, has_saved;
	char *xml; /* of a file */
	struct asked asked;
	struct process_list qemus;
	const struct process *qemu; /* NULL: it doesn't run */
	struct running running;
	struct strv blocks; /* what keeps it from starting here */
	struct strv doubts; /* what may */
	char *log;
};

/**
 * report_find: gather it.
 * @report: names.table is loaded already; name is a domain's, its UUID, a file's (by a slash or .xml in
 *     it), or "-"
 * -ENOENT: there is no such domain or file; -EACCES: only root may know
 */
int report_find(struct report *report, struct error *err);
void report_free(struct report *report);
#define _cleanup_report_ __attribute__((cleanup(report_free)))

#endif
