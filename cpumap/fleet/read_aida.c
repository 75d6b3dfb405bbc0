/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AIDA64's report of a CPU's registers, and that of EVEREST, from which it comes: a line in front of each
 * logical CPU, in one of four forms, and one line a leaf, EAX to EDX.
 *
 *	------[ CPUID Registers / Logical CPU #0 ]------
 *	------[ Logical CPU #0 ]------
 *	CPU#000 AffMask: 0x0000000000000001
 *	CPUID Registers (CPU #1):
 *	CPUID 00000007: 00000001-F1BF97A9-00405FCE-10000010 [SL 00]
 *	CPUID 00000007  	00000000-00000000-00000000-00000000
 *
 * The subleaf behind SL is hexadecimal. Old releases don't write it, and leave subleaves out: what stands
 * behind the first line of a leaf can be any other one then. All extended leaves up to the highest are
 * there. Other lines of a report are passed over. (Read from some 80 reports of 2009 to 2025.)
 */
#include "formats.h"

#include <errno.h>

#include "cpus.h"

struct report {
	struct cpus cpus;
	unsigned int last; /* the line of the last leaf */
	uint64_t number;   /* of the CPU that is being read */
	size_t form;       /* of the line in front of it */
	bool headed, told; /* a line in front of a CPU was there; a leaf of this CPU was */
	uint32_t leaf;     /* the last one */
};

/* ---- lines ---- */

/* Is it the line in front of a logical CPU, in which form, and of which CPU? */
static bool is_header(const struct line *line, size_t *form, uint64_t *number)
{
	static const char *const forms[] = {"CPUID Registers / Logical CPU #", "Logical CPU #",
					    "CPUID Registers (CPU #", "CPU#"};
	struct line rest = *line;

	while (rest.len > 0 && rest.s[0] == '-')
		line_skip(&rest, 1);
	(void)line_eat(&rest, "[ ");
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		struct line at = rest;

		*form = i;
		if (line_eat(&at, forms[i]) && line_decimal(&at, CPULIST_MAX - 1, number))
			return at.len > 0 && memchr(" ]):", at.s[0], 4);
	}
	return false;
}

/* "CPUID 0000000D" and a colon or a blank: @rest is what follows. */
static bool is_leaf(const struct line *line, uint32_t *leaf, struct line *rest)
{
	*rest = *line;
	if (!line_eat(rest, "CPUID ") || !line_hex(rest, 8, leaf) || rest->len == 0)
		return false;
	return rest->s[0] == ':' || rest->s[0] == ' ' || rest->s[0] == '\t';
}

bool aida_begins(const struct line *line)
{
	struct line trimmed = *line, rest;
	uint64_t number;
	uint32_t leaf;
	size_t form;

	line_trim(&trimmed);
	return is_header(&trimmed, &form, &number) ||
	       (is_leaf(&trimmed, &leaf, &rest) && leaf == 0);
}

/* "H-H-H-H", and nothing or a blank behind it. */
static bool read_registers(struct line *rest, struct cpuid_entry *e)
{
	for (size_t i = 0; i < 4; i++)
		if ((i > 0 && !line_eat(rest, "-")) || !line_hex(rest, 8, &e->reg[i]))
			return false;
	return rest->len == 0 || rest->s[0] == ' ' || rest->s[0] == '\t';
}

/* The number in " [SL 0B]"; false: it isn't there. @bad: it can't be read. */
static bool read_subleaf(struct line rest, uint32_t *subleaf, bool *bad)
{
	line_trim(&rest);
	*bad = false;
	if (!line_eat(&rest, "[SL"))
		return false;
	*bad = !line_eat(&rest, " ") || !line_hex(&rest, 0, subleaf) || !line_eat(&rest, "]");
	return true;
}

/* ---- a host ---- */

static int bad_line(struct session *s, const struct line *line)
{
	char shown[96];

	return input_bad(s->in, line->number, s->err, "not as AIDA64 writes a leaf: '%s'",
			 line_shown(line, shown, sizeof(shown)));
}

static int read_leaf(struct session *s, struct report *r, const struct line *line, uint32_t leaf,
		     struct line rest)
{
	struct cpuid_entry e = {.leaf = leaf};
	bool bad, told;

	(void)line_eat(&rest, ":");
	line_trim(&rest);
	if (!read_registers(&rest, &e))
		return bad_line(s, line);
	told = read_subleaf(rest, &e.subleaf, &bad);
	/* the end of a line is where a text that was cut off lacks it */
	if (bad || (!line->whole && rest.len > 0 && line->s[line->len - 1] != ']'))
		return bad_line(s, line);
	if (!told && r->told && r->leaf == leaf)
		return 0; /* a subleaf, and nobody says which */
	r->told = true;
	r->leaf = leaf;
	r->last = line->number;
	return cpus_add(&r->cpus, &e, s->in, line->number, s->err);
}

static int end_cpu(struct session *s, struct report *r)
{
	r->told = false;
	return cpus_end(&r->cpus, 1, s->in, r->last, s->err);
}

/* The line in front of CPU @number. @ends: it is another host's. A report has one form. */
static int read_header(struct session *s, struct report *r, const struct line *line, size_t form,
		       uint64_t number, bool *ends)
{
	bool first = !r->headed && !r->told;
	int done = 0;

	*ends = !first && (!r->headed || form != r->form || number <= r->number);
	if (*ends)
		return 0;
	if (!first)
		done = end_cpu(s, r);
	r->headed = true;
	r->number = number;
	r->form = form;
	r->last = line->number;
	return done;
}

/* One line. @ends: it begins another host. */
static int read_line(struct session *s, struct report *r, const struct format *format,
		     const struct line *line, bool *ends)
{
	struct line trimmed = *line, rest;
	uint64_t number;
	uint32_t leaf;
	size_t form;

	line_trim(&trimmed);
	if (is_header(&trimmed, &form, &number))
		return read_header(s, r, line, form, number, ends);
	if (is_leaf(&trimmed, &leaf, &rest)) {
		*ends = leaf == 0 && r->told && !r->headed;
		return *ends ? 0 : read_leaf(s, r, &trimmed, leaf, rest);
	}
	if (line_begins(&trimmed, "CPUID ") && !line->whole)
		return bad_line(s, line);
	*ends = format_of(line) && format_of(line) != format;
	return 0;
}

static int read_lines(struct session *s, struct report *r, const struct format *format)
{
	struct line line;
	int n, done;

	while ((n = input_peek(s->in, &line, s->err)) > 0) {
		bool ends = false;

		done = read_line(s, r, format, &line, &ends);
		if (done < 0 || ends)
			return done;
		input_take(s->in);
	}
	return n;
}

int aida_read(struct session *s, const struct format *format)
{
	struct report r = {.cpus = {.lists_all = true}, .last = s->in->number};
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
