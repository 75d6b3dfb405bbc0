/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `cpuid -r` and `cpuid -1r` write (cpuid(1), 20100909 to 20250513), leaf and subleaf in hexadecimal:
 *
 *	CPU 0:			(with -1: CPU:)
 *	   0x00000007 0x00: eax=0x00000001 ebx=0xf1bb03a9 ecx=0x18005f42 edx=0x00000110
 *
 * All extended leaves up to the highest are there. The oldest releases write no subleaf where a leaf has
 * one alone.
 */
#include "formats.h"

#include <errno.h>

#include "cpus.h"

struct listing {
	struct cpus cpus;
	unsigned int last; /* the line of the last leaf */
	uint64_t number;   /* of the CPU that is being read */
	bool numbered;
};

/* "CPU 0:" or "CPU:" */
static bool is_header(const struct line *line, bool *numbered, uint64_t *number)
{
	struct line rest = *line;

	if (!line_eat(&rest, "CPU"))
		return false;
	*number = 0;
	*numbered = line_eat(&rest, " ");
	if (*numbered && !line_decimal(&rest, CPULIST_MAX - 1, number))
		return false;
	return line_is(&rest, ":");
}

bool cpuid1_begins(const struct line *line)
{
	bool numbered;
	uint64_t number;

	return is_header(line, &numbered, &number);
}

static bool read_entry(struct line rest, struct cpuid_entry *e)
{
	static const char *const names[] = {"eax=0x", " ebx=0x", " ecx=0x", " edx=0x"};

	if (!line_eat(&rest, "0x") || !line_hex(&rest, 8, &e->leaf))
		return false;
	if (line_eat(&rest, " 0x") && !line_hex(&rest, 0, &e->subleaf))
		return false;
	if (!line_eat(&rest, ": "))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!line_eat(&rest, names[i]) || !line_hex(&rest, 8, &e->reg[i]))
			return false;
	return rest.len == 0;
}

static int read_leaf(struct session *s, struct listing *l, const struct line *line)
{
	struct line trimmed = *line;
	struct cpuid_entry e = {0};
	char shown[96];

	line_trim(&trimmed);
	if (!line_begins(&trimmed, "0x"))
		return 0;
	if (!read_entry(trimmed, &e))
		return input_bad(s->in, line->number, s->err, "not as cpuid -r writes a leaf: '%s'",
				 line_shown(&trimmed, shown, sizeof(shown)));
	l->last = line->number;
	return cpus_add(&l->cpus, &e, s->in, line->number, s->err);
}

static int end_cpu(struct session *s, struct listing *l)
{
	return cpus_end(&l->cpus, 1, s->in, l->last, s->err);
}

static int read_lines(struct session *s, struct listing *l, const struct format *format)
{
	struct line line;
	int n, done;

	while ((n = input_peek(s->in, &line, s->err)) > 0) {
		uint64_t number;
		bool numbered;

		if (is_header(&line, &numbered, &number)) {
			if (!numbered || !l->numbered || number <= l->number)
				return 0; /* another host */
			l->number = number;
			done = end_cpu(s, l);
		} else if (format_of(&line) && format_of(&line) != format) {
			return 0;
		} else {
			done = read_leaf(s, l, &line);
		}
		if (done < 0)
			return done;
		input_take(s->in);
	}
	return n;
}

int cpuid1_read(struct session *s, const struct format *format)
{
	struct listing l = {.cpus = {.lists_all = true}, .last = s->in->number};
	_cleanup_host_ struct host h = HOST_UNKNOWN;
	struct line header;
	int done = session_host(s, format, s->in->number, &h);

	if (done == 0)
		done = input_next(s->in, &header, s->err);
	if (done > 0) {
		(void)is_header(&header, &l.numbered, &l.number);
		done = read_lines(s, &l, format);
	}
	if (done == 0)
		done = end_cpu(s, &l);
	if (done == 0)
		cpus_tell(&l.cpus, &h);
	cpus_free(&l.cpus);
	return done < 0 ? done : session_take(s, &h);
}
