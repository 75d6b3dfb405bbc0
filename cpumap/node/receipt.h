/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The receipt: what `cpushim ready` has done to this node, so that `cpushim remove` can take it
 * back. Each line is written and synced before what it tells is done. Format:
 *
 *	cpushim-receipt 2 [rebuilt]
 *	KIND<TAB>PATH<TAB>SHA256<TAB>MODE<TAB>UID:GID<TAB>BEFORE
 *	end<TAB>LINES
 *
 * SHA256, MODE and UID:GID are those of the file that was put there, and BEFORE is the SHA-256 of
 * the file that was there. What isn't known, or wasn't there, is "-". A line of an unknown kind
 * stays as it is, so that another release may add some.
 */
#ifndef CPUSHIM_RECEIPT_H
#define CPUSHIM_RECEIPT_H

#include "cpumap/core/error.h"
#include "cpumap/core/util.h"

/* What was done. */
#define RECEIPT_FILE   "file"   /* a file was put there */
#define RECEIPT_DIR    "dir"    /* a directory was made */
#define RECEIPT_MADE   "made"   /* a file for several was made, which didn't exist */
#define RECEIPT_REAL   "real"   /* the real QEMU got this name */
#define RECEIPT_DIVERT "divert" /* dpkg puts the QEMU of this path elsewhere */
#define RECEIPT_ONLY   "only"   /* this emulator was named, and the usual ones weren't meant */
#define RECEIPT_EDIT   "edit"   /* a line of ours was put into a file of others */

/* Zero-initialise; free with receipt_free. */
struct receipt {
	char *path; /* under CPUSHIM_ROOT */
	struct strv lines;
	bool lost; /* there was none when it was loaded, a damaged one, or one begun after a loss */
	bool rebuilt; /* it is to say that it was begun after a loss, and doesn't tell all */
};

/* What a line tells, besides its kind and path. NULL is "-". */
struct receipt_entry {
	const char *sha256, *mode, *owner, *before;
};

/**
 * receipt_load: read this node's receipt, or the manifest that a release before receipts wrote. If
 * there is neither it is empty, and lost is set. Of a damaged one it has the lines that are whole.
 */
int receipt_load(struct receipt *r, struct error *err);
void receipt_free(struct receipt *r);
#define _cleanup_receipt_ __attribute__((cleanup(receipt_free)))

/* receipt_has: is there a line of @kind about @path? @sha256: NULL: with any digest */
bool receipt_has(const struct receipt *r, const char *kind, const char *path, const char *sha256);

/* receipt_note: add a line, and sync it, unless it is there. */
int receipt_note(struct receipt *r, const char *kind, const char *path,
		 const struct receipt_entry *e, struct error *err);

/* receipt_forget: take all lines of @kind about @path away. */
int receipt_forget(struct receipt *r, const char *kind, const char *path, struct error *err);

/* receipt_paths: the paths of all lines of @kind, sorted, each once. 0 or -ENOMEM. */
int receipt_paths(const struct receipt *r, const char *kind, struct strv *paths);

#endif
