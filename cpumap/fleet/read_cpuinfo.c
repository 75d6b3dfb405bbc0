/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc/cpuinfo of an x86 machine (show_cpuinfo, arch/x86/kernel/cpu/proc.c, 3.10 to 6.12): "KEY : VALUE", a
 * block for each logical CPU from "processor" to "power management", and a blank line behind it.
 */
#include "formats.h"

#include <errno.h>

#include "cpulist.h"
#include "kernelflags.h"
#include "likes.h"

struct cpuinfo {
	struct likes likes;
	struct text flags; /* the line of the last CPU */
	struct host now;   /* the CPU that is being read */
	bool flagged, ended;
	uint64_t number; /* of it */
	unsigned int line;
};

static bool is_processor(const struct line *line, uint64_t *number)
{
	struct line value;

	return line_value(line, "processor", ':', &value) &&
	       line_decimal(&value, CPULIST_MAX - 1, number) && value.len == 0;
}

bool cpuinfo_begins(const struct line *line)
{
	uint64_t number;

	return is_processor(line, &number);
}

static int end_cpu(struct session *s, struct cpuinfo *c)
{
	if (!c->flagged)
		return input_bad(
			s->in, c->line, s->err,
			"CPU %u has no 'flags': the text was cut off, or isn't of an x86 machine",
			c->likes.n);
	if (!c->ended)
		return input_bad(s->in, c->line, s->err,
				 "CPU %u has no 'power management': the text was cut off",
				 c->likes.n);
	c->flagged = c->ended = false;
	return likes_add(&c->likes, &c->now, s->in, c->line, s->err);
}

/* Most CPUs have the flags of the one in front of them, which aren't looked up again then. */
static int read_flags(struct session *s, struct cpuinfo *c, const struct line *value)
{
	if (c->flagged)
		return input_bad(s->in, value->number, s->err, "a CPU has 'flags' twice");
	c->flagged = true;
	if (c->flags.len == value->len && memcmp(c->flags.data, value->s, value->len) == 0)
		return 0;
	c->flags.len = 0;
	text_add(&c->flags, value->s, value->len);
	kernelflags_tell(c->now.id.vendor, *value, &c->now.view[HOST_CPU]);
	return c->flags.failed ? error_set(s->err, -ENOMEM, s->in->name, 0, "out of memory") : 0;
}

static int read_pair(struct session *s, struct cpuinfo *c, const struct line *line)
{
	struct line value;

	if (line_value(line, "flags", ':', &value))
		return line->whole ? read_flags(s, c, &value) : 0;
	if (line_value(line, "power management", ':', &value))
		c->ended = true;
	else if (line_value(line, "vendor_id", ':', &value))
		likes_vendor(&c->now, &value);
	else if (line_value(line, "cpu family", ':', &value))
		likes_number(&c->now.id.family, &value);
	else if (line_value(line, "model", ':', &value))
		likes_number(&c->now.id.model, &value);
	else if (line_value(line, "stepping", ':', &value))
		likes_number(&c->now.id.stepping, &value);
	else if (line_value(line, "model name", ':', &value))
		return likes_text(&c->now.brand, &value);
	else if (line_value(line, "microcode", ':', &value))
		return likes_text(&c->now.microcode, &value);
	else if (line_value(line, "address sizes", ':', &value))
		likes_physbits(&c->now, &value);
	return 0;
}

static int read_lines(struct session *s, struct cpuinfo *c, const struct format *format)
{
	struct line line;
	bool begun = false;
	int n, r;

	while ((n = input_peek(s->in, &line, s->err)) > 0) {
		uint64_t number;

		if (is_processor(&line, &number)) {
			if (begun && number <= c->number)
				return 0; /* another host */
			r = begun ? end_cpu(s, c) : 0;
			c->number = number;
			begun = true;
		} else if (format_of(&line) && format_of(&line) != format) {
			return 0;
		} else {
			r = read_pair(s, c, &line);
		}
		if (r < 0)
			return r;
		c->line = line.number;
		input_take(s->in);
	}
	return n;
}

int cpuinfo_read(struct session *s, const struct format *format)
{
	struct cpuinfo c = {.now = HOST_UNKNOWN, .line = s->in->number};
	_cleanup_host_ struct host h = HOST_UNKNOWN;
	int r = session_host(s, format, s->in->number, &h);

	if (r == 0)
		r = read_lines(s, &c, format);
	if (r == 0)
		r = end_cpu(s, &c);
	if (r == 0)
		likes_tell(&c.likes, &h);
	likes_free(&c.likes);
	host_free(&c.now);
	text_free(&c.flags);
	return r < 0 ? r : session_take(s, &h);
}
