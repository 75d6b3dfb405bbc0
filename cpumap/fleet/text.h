/* SPDX-License-Identifier: Apache-2.0 */
/* One text with hosts: what begins in it is recognised, and read by its format. */
#ifndef CPUSHIM_TEXT_H
#define CPUSHIM_TEXT_H

#include "input.h"
#include "read.h"

struct text_source {
	const char *name; /* for errors */
	const char *stem; /* what a host without a name is called */
	input_fill *fill;
	void *source;
	bool in_archive; /* it is a member of one */
};

/**
 * text_read: read all hosts of a text, which may be an archive of texts.
 * Returns 0 (also for a text that @r->bad was told of), what @r->take returned, or -errno.
 */
int text_read(struct read *r, const struct text_source *from, struct error *err);

#endif
