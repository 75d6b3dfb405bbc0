/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What lscpu(1) writes (util-linux 2.23 to 2.41, in English): "KEY: VALUE", from "Architecture:" on. It shows
 * one CPU's flags, and says nothing of others that differ.
 */
#include "formats.h"

#include <errno.h>

#include "cpulist.h"
#include "kernelflags.h"
#include "likes.h"

struct lscpu {
	struct host now;
	struct text flags;
	bool flagged;
	uint64_t cpus;
};

bool lscpu_begins(const struct line *line)
{
	return line_begins(line, "Architecture:");
}

static int read_pair(struct session *s, struct lscpu *l, const struct line *line)
{
	struct line value;
	char shown[64];

	if (line_value(line, "Architecture", ':', &value) && !line_is(&value, "x86_64") &&
	    !line_is(&value, "i686") && !line_is(&value, "i586"))
		return input_bad(s->in, line->number, s->err, "a CPU of '%s', not of x86",
				 line_shown(&value, shown, sizeof(shown)));
	if (line_value(line, "Flags", ':', &value)) {
		if (l->flagged)
			return input_bad(s->in, line->number, s->err, "'Flags' are there twice");
		l->flagged = line->whole;
		l->flags.len = 0;
		text_add(&l->flags, value.s, value.len);
	} else if (line_value(line, "Vendor ID", ':', &value)) {
		likes_vendor(&l->now, &value);
	} else if (line_value(line, "CPU family", ':', &value)) {
		likes_number(&l->now.id.family, &value);
	} else if (line_value(line, "Model", ':', &value)) {
		likes_number(&l->now.id.model, &value);
	} else if (line_value(line, "Stepping", ':', &value)) {
		likes_number(&l->now.id.stepping, &value);
	} else if (line_value(line, "CPU(s)", ':', &value)) {
		(void)line_decimal(&value, CPULIST_MAX, &l->cpus);
	} else if (line_value(line, "Address sizes", ':', &value)) {
		likes_physbits(&l->now, &value);
	} else if (line_value(line, "Model name", ':', &value)) {
		return likes_text(&l->now.brand, &value);
	}
	return 0;
}

static int read_lines(struct session *s, struct lscpu *l)
{
	unsigned int first = s->in->number, last = first;
	struct line line;
	int n, r;

	while ((n = input_peek(s->in, &line, s->err)) > 0 &&
	       (line.number == first || !format_of(&line))) {
		r = read_pair(s, l, &line);
		if (r < 0)
			return r;
		last = line.number;
		input_take(s->in);
	}
	if (n < 0)
		return n;
	return l->flagged
		       ? 0
		       : input_bad(
				 s->in, last, s->err,
				 "lscpu's 'Flags' aren't there, or not all: the text was cut off");
}

int lscpu_read(struct session *s, const struct format *format)
{
	struct lscpu l = {.now = HOST_UNKNOWN};
	int r = session_host(s, format, s->in->number, &l.now);

	if (r == 0)
		r = read_lines(s, &l);
	if (r == 0 && l.flags.failed)
		r = error_set(s->err, -ENOMEM, s->in->name, 0, "out of memory");
	if (r == 0) {
		const struct line flags = {.s = l.flags.data, .len = l.flags.len};

		kernelflags_tell(l.now.id.vendor, flags, &l.now.view[HOST_CPU]);
		l.now.cpus = (unsigned int)l.cpus;
		r = session_take(s, &l.now);
	}
	host_free(&l.now);
	text_free(&l.flags);
	return r;
}
