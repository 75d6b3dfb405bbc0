/* SPDX-License-Identifier: Apache-2.0 */
/* One guest's whole way, as far as it can be told without asking libvirt. */
#ifndef CPUSHIM_WAY_H
#define CPUSHIM_WAY_H

#include "hook/domain/kept.h"
#include "hook/worker/worker.h"
#include "running.h"

struct way {
	const char *name;     /* the domain's, its UUID until it is found, or the file's */
	char *found;          /* the name of a UUID's domain */
	bool is_file;         /* or standard input */
	const char *asked_in; /* the file that says what is asked for */
	struct names names;
	struct kept live, saved;
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
 * way_find: gather it.
 * @w: names.table is loaded already; name is a domain's, its UUID, a file's (by a slash or .xml in
 *     it), or "-"
 * -ENOENT: there is no such domain or file; -EACCES: only root may know
 */
int way_find(struct way *w, struct error *err);
void way_free(struct way *w);
#define _cleanup_way_ __attribute__((cleanup(way_free)))

#endif
