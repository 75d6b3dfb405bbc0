/* SPDX-License-Identifier: Apache-2.0 */
/* What commands that look at many hosts share: reading them, and naming them. */
#ifndef CPUSHIM_HOSTS_H
#define CPUSHIM_HOSTS_H

#include "cpumap/core/error.h"
#include "cpumap/core/util.h"
#include "cpumap/fleet/fleet.h"
#include "cmd.h"

/* Which hosts are wanted. Zero-initialise. */
struct hosts_wish {
	char **path; /* files, directories, archives, "-" */
	int n_paths;
	struct strv leave_out; /* names of hosts; each has to be there */
	bool skip_bad;         /* files that can't be read are named and left out */
	int accel;             /* enum host_accel, -1: fleet_accel's */
};

/**
 * hosts_read: read them. On a terminal standard error shows how many were read so far. Files that are
 * left out are told there, and hosts of one name.
 * @n_bad: receives how many files were left out
 * -EINVAL also if there is no host.
 */
int hosts_read(struct fleet *f, const struct hosts_wish *wish, size_t *n_bad, struct error *err);

/* hosts_see: the fleet through the accelerator that is wanted. */
int hosts_see(struct fleet_rows *rows, const struct fleet *f, const struct hosts_wish *wish,
	      struct error *err);

/* hosts_tell_uneven: name the hosts with unlike CPUs on standard error. */
void hosts_tell_uneven(const struct fleet_rows *rows);

/* hosts_accel_said: add what is said of the choice: "kvm: asked of 3 hosts, taken from the CPU of 2". */
void hosts_accel_said(struct text *out, const struct fleet_rows *rows);

/**
 * hosts_names: add the names of @n hosts: "a, b, c and 12 more". Foreign text; grid_add or the like
 * makes it fit for a terminal.
 * @max: how many are named
 */
void hosts_names(struct text *out, const struct fleet *f, const struct fleet_host *const *host,
		 size_t n, size_t max);

/* hosts_json: their names, a list. */
json_t *hosts_json(const struct fleet *f, const struct fleet_host *const *host, size_t n);

/* plural: "1 host", "2 hosts" */
#define HOSTS(n) (n), (n) == 1 ? "host" : "hosts"

#endif
