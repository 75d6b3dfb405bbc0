/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcpuid's raw data (cpuid_serialize_raw_data and cpuid_serialize_all_raw_data, 0.6.2):
 *
 *	_________________ Logical CPU #0 _________________	(only in the second)
 *	basic_cpuid[0]=0000000d 68747541 444d4163 69746e65
 *	...
 *	ext_cpuid[0]=8000001e ...
 *	intel_fn4[0]=...
 *
 * Decimal numbers in brackets, EAX to EDX. It executes 32 leaves of each range (subleaf 0) whatever the
 * CPU's highest one is, and all of them are written. Of the lines behind those, SGX's and processor
 * trace's subleaves alone hold features.
 */
#include "formats.h"

#include <errno.h>

#include "cpus.h"

#define HEADER    "_________________ Logical CPU #"
#define LEAVES    32 /* of each range */
#define SUBLEAVES 64

struct record {
	struct cpus cpus;
	uint32_t basic, extended; /* a bit for each leaf that was read */
	unsigned int last;        /* the line of the last one */
	uint64_t number;          /* of the CPU */
	bool headed;
};

bool libcpuid_begins(const struct line *line)
{
	return line_begins(line, "basic_cpuid[0]=") || line_begins(line, HEADER);
}

/* "68747541 444d4163 ...": EAX to EDX. */
static bool read_registers(struct line *l, struct cpuid_entry *e)
{
	for (size_t i = 0; i < 4; i++)
		if ((i > 0 && !line_eat(l, " ")) || !line_hex(l, 8, &e->reg[i]))
			return false;
	return line_blank(l);
}

/* "7]=REGISTERS" behind the name. */
static bool read_value(struct line *l, uint64_t max, uint64_t *index, struct cpuid_entry *e)
{
	return line_decimal(l, max, index) && line_eat(l, "]=") && read_registers(l, e);
}

static int bad_line(struct session *s, const struct line *l)
{
	char shown[96];

	return input_bad(s->in, l->number, s->err, "not as libcpuid writes raw data: '%s'",
			 line_shown(l, shown, sizeof(shown)));
}

/* A leaf of one of the two ranges, from @first on. */
static int read_leaf(struct session *s, struct record *r, struct line rest, uint32_t first,
		     uint32_t *seen)
{
	struct cpuid_entry e = {0};
	struct line whole = rest;
	uint64_t index;

	if (!read_value(&rest, LEAVES - 1, &index, &e))
		return bad_line(s, &whole);
	if (*seen >> index & 1)
		return input_bad(s->in, rest.number, s->err, "that leaf is there twice");
	*seen |= UINT32_C(1) << index;
	e.leaf = first + (uint32_t)index;
	return cpus_add(&r->cpus, &e, s->in, rest.number, s->err);
}

/* A subleaf; the first one is the leaf itself. */
static int read_subleaf(struct session *s, struct record *r, struct line rest, uint32_t leaf)
{
	struct cpuid_entry e = {.leaf = leaf};
	struct line whole = rest;
	uint64_t index;

	if (!read_value(&rest, SUBLEAVES, &index, &e))
		return bad_line(s, &whole);
	e.subleaf = (uint32_t)index;
	return index == 0 ? 0 : cpus_add(&r->cpus, &e, s->in, rest.number, s->err);
}

static int read_data(struct session *s, struct record *r, const struct line *line)
{
	struct line rest = *line;

	if (line_eat(&rest, "basic_cpuid["))
		return read_leaf(s, r, rest, 0, &r->basic);
	if (line_eat(&rest, "ext_cpuid["))
		return read_leaf(s, r, rest, UINT32_C(0x80000000), &r->extended);
	if (line_eat(&rest, "intel_fn12h["))
		return read_subleaf(s, r, rest, 0x12);
	if (line_eat(&rest, "intel_fn14h["))
		return read_subleaf(s, r, rest, 0x14);
	return 0;
}

static int end_cpu(struct session *s, struct record *r)
{
	if (r->basic == 0 && r->extended == 0)
		return input_bad(s->in, r->last, s->err,
				 "libcpuid's raw data without a leaf of an x86 CPU");
	if (r->basic != UINT32_MAX || r->extended != UINT32_MAX)
		return input_bad(
			s->in, r->last, s->err,
			"libcpuid's raw data of CPU %u isn't complete: the text was cut off",
			r->cpus.n);
	r->basic = r->extended = 0;
	return cpus_end(&r->cpus, 1, s->in, r->last, s->err);
}

/* The line between two CPUs. @ends: it begins another host. */
static int read_header(struct session *s, struct record *r, struct line rest, bool *ends)
{
	struct line whole = rest;
	bool first = !r->headed && r->basic == 0;
	uint64_t number;
	int done = 0;

	if (!line_eat(&rest, HEADER) || !line_decimal(&rest, CPULIST_MAX - 1, &number))
		return bad_line(s, &whole);
	*ends = !first && (!r->headed || number <= r->number);
	if (!first && !*ends)
		done = end_cpu(s, r);
	r->headed = true;
	r->number = number;
	return done;
}

/* One line. @ends: it begins another host. */
static int read_line(struct session *s, struct record *r, const struct line *line, bool *ends)
{
	if (line_begins(line, HEADER))
		return read_header(s, r, *line, ends);
	*ends = !r->headed && r->basic & 1 && line_begins(line, "basic_cpuid[0]=");
	return *ends ? 0 : read_data(s, r, line);
}

static int read_lines(struct session *s, struct record *r, const struct format *format)
{
	struct line line;
	bool ends = false;
	int n;

	while ((n = input_peek(s->in, &line, s->err)) > 0) {
		const struct format *other = format_of(&line);
		int done;

		if (other && other != format)
			break;
		done = read_line(s, r, &line, &ends);
		if (done < 0 || ends)
			return done;
		r->last = line.number;
		input_take(s->in);
	}
	return n < 0 ? n : 0;
}

int libcpuid_read(struct session *s, const struct format *format)
{
	struct record r = {0};
	_cleanup_host_ struct host h = HOST_UNKNOWN;
	int done = session_host(s, format, s->in->number, &h);

	if (done == 0)
		done = read_lines(s, &r, format);
	if (done == 0)
		done = end_cpu(s, &r);
	if (done == 0)
		cpus_tell(&r.cpus, &h);
	cpus_free(&r.cpus);
	return done < 0 ? done : session_take(s, &h);
}
