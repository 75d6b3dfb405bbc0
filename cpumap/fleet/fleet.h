/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fleet: hosts that are streamed in one by one, and kept as groups of those that tell the same. A
 * host costs its name and 32 bytes, a group some 400, whatever the host's file was. What is told of a
 * fleet doesn't depend on the order in which its hosts came.
 */
#ifndef CPUSHIM_FLEET_H
#define CPUSHIM_FLEET_H

#include "cpumap/core/error.h"
#include "cpumap/core/util.h"
#include "host.h"

/* One host, with what isn't the same for its group. */
struct fleet_host {
	uint32_t name, brand; /* for fleet_text; brand 0: not told */
	uint64_t tsc_hz;      /* this and the next three as in struct host */
	uint8_t physbits;
	int8_t tsc_scaling;
	bool uneven;
	int8_t stepping; /* -1: not told */
	int16_t family, model;
};

/* Hosts with the same vendor and the same views. */
struct fleet_group {
	char vendor[13];
	struct host_view view[HOST_ACCELS];
	struct fleet_host *host;
	size_t n, room;
};

/* Texts, each kept once; by its offset. */
struct fleet_texts {
	struct text text;
	uint32_t *slot;
	size_t n, n_slots;
};

/* Zero-initialise. */
struct fleet {
	struct fleet_group *group;
	size_t n_groups, room;
	uint32_t *slot; /* the groups' index + 1 by hash; 0: free */
	size_t n_slots;
	struct fleet_texts texts;
	size_t n_hosts;
};

/* fleet_add: one more host; @h stays the caller's. -ENOMEM, -E2BIG: more text than 4 GiB */
int fleet_add(struct fleet *f, const struct host *h, struct error *err);
void fleet_free(struct fleet *f);
#define _cleanup_fleet_ __attribute__((cleanup(fleet_free)))

/* fleet_text: a name or a brand. Foreign text. "" for 0 */
const char *fleet_text(const struct fleet *f, uint32_t at);

/* fleet_accel: the accelerator that is meant if none is named: KVM if some host tells of it, else the
 * CPUs themselves, else TCG. */
enum host_accel fleet_accel(const struct fleet *f);

/* Hosts of the same vendor, with the same features for one accelerator. */
struct fleet_row {
	char vendor[13];
	struct host_view view;
	struct featset
		withheld; /* not known of KVM, which wasn't asked, though some of their CPUs have it */
	size_t first, n; /* of the rows' hosts */
};

/* A fleet as one accelerator sees it. Free with fleet_rows_free, before the fleet. */
struct fleet_rows {
	const struct fleet *fleet;
	enum host_accel accel;
	struct fleet_row
		*row; /* those with the most hosts first, then those with the most features */
	size_t n;
	const struct fleet_host **host; /* of all rows, one behind the other; by name in each */
	size_t n_hosts;
	size_t n_silent;  /* hosts that tell nothing of this accelerator */
	size_t n_guessed; /* hosts whose KVM nobody asked: cpumap/fleet/kvmgives.h */
};

/* fleet_rows: see @f, which must stay as it is, through @accel. -ENOMEM */
int fleet_rows(struct fleet_rows *r, const struct fleet *f, enum host_accel accel,
	       struct error *err);
void fleet_rows_free(struct fleet_rows *r);
#define _cleanup_fleet_rows_ __attribute__((cleanup(fleet_rows_free)))

/* What a row's hosts are called by people: their most frequent brand (of several the first by
 * alphabet), and how many other brands there are. */
struct fleet_brand {
	const char *name; /* foreign text; NULL: none is told */
	size_t others;
};

struct fleet_brand fleet_row_brand(const struct fleet_rows *r, const struct fleet_row *row);

/* fleet_row_uneven: how many of a row's hosts have unlike CPUs, so that what these share is what counts. */
size_t fleet_row_uneven(const struct fleet_rows *r, const struct fleet_row *row);

/**
 * fleet_doubled: a name that several hosts have, the first by alphabet; NULL: all differ.
 * @n: receives how many hosts have it. -ENOMEM is taken for NULL.
 */
const char *fleet_doubled(const struct fleet *f, size_t *n);

#endif
