/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that are replaced together or not at all: each is written whole beside its place, with
 * all that may run out or be forbidden, before the first one is put there; and what was put is taken
 * back unless all went well.
 */
#ifndef CPUSHIM_STAGING_H
#define CPUSHIM_STAGING_H

#include "error.h"
#include "util.h"

/* Zero-initialise; free with staging_free (or _cleanup_staging_). */
struct staging {
	struct staged {
		char *path;
		char *new; /* what it is going to be, on disk */
		char *old; /* a second name of what it was; NULL: there was nothing */
		bool placed;
	} * file;
	size_t n;
	bool committed;
};

/**
 * staging_add: @path is to have @len bytes of @data, and @mode. Nothing is staged if it has them.
 * @changed: if not NULL, set if it doesn't
 * Returns 0, or what kept the file from being written, and then nothing has changed.
 */
int staging_add(struct staging *s, const char *path, mode_t mode, const char *data, size_t len,
		bool *changed, struct error *err);

/* staging_file: where the new content of @path is, to be tried; NULL: it stays as it is. */
const char *staging_file(const struct staging *s, const char *path);

/**
 * staging_place: put them all in their places, in the order in which they were added, each by a
 * rename. On failure what was put is taken back, and the error says what couldn't be.
 */
int staging_place(struct staging *s, struct error *err);

/* staging_commit: that was it. Without it staging_free takes back what was placed. */
void staging_commit(struct staging *s);

void staging_free(struct staging *s);
#define _cleanup_staging_ __attribute__((cleanup(staging_free)))

#endif
