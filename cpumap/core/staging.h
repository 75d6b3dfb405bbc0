/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that are replaced together or not at all. Each is first written whole beside its place, so
 * that a full disk or a missing right shows before the first file is replaced. What was placed is
 * taken back unless all went well.
 */
#ifndef CPUSHIM_STAGING_H
#define CPUSHIM_STAGING_H

#include "error.h"
#include "util.h"

/* Zero-initialise; free with staging_free (or _cleanup_staging_). */
struct staging {
	struct staged {
		char *path;
		char *new; /* the file with the new content, on disk */
		char *old; /* a second name of the old file; NULL: there was none */
		bool placed;
	} * file;
	size_t n;
	bool committed;
};

/**
 * staging_add: stage @len bytes of @data, and @mode, for @path. Nothing is staged if the file has
 * them already.
 * @changed: if not NULL, set when something was staged
 * Returns 0, or why the file couldn't be written, and then nothing has changed.
 */
int staging_add(struct staging *s, const char *path, mode_t mode, const char *data, size_t len,
		bool *changed, struct error *err);

/* staging_edit: the same for a file of others, which keeps its mode and owner. It has to be there. */
int staging_edit(struct staging *s, const char *path, const char *data, size_t len, bool *changed,
		 struct error *err);

/* staging_file: the file with the new content of @path, for a trial; NULL: @path stays as it is. */
const char *staging_file(const struct staging *s, const char *path);

/**
 * staging_place: put them all in their places, in the order in which they were added, each by a
 * rename. On failure what was placed is taken back, and the error names what couldn't be taken
 * back.
 */
int staging_place(struct staging *s, struct error *err);

/* staging_commit: what was placed stays. Without this staging_free takes it back. */
void staging_commit(struct staging *s);

void staging_free(struct staging *s);
#define _cleanup_staging_ __attribute__((cleanup(staging_free)))

#endif
