/* SPDX-License-Identifier: Apache-2.0 */
/* What the guest of `cpushim verify` read (cpumap/guest/cpuid.h): its CPU as a host. */
#include "formats.h"

#include <errno.h>

#include "cpus.h"

#define HEADER "cpushim-guest 1"

bool guestdump_begins(const struct line *line)
{
	return line_is(line, HEADER);
}

/* "LEAF SUBLEAF EAX EBX ECX EDX", eight hexadecimal digits each */
static bool read_entry(struct line rest, struct cpuid_entry *e)
{
	uint32_t *const field[] = {&e->leaf,         &e->subleaf,      &e->reg[REG_EAX],
				   &e->reg[REG_EBX], &e->reg[REG_ECX], &e->reg[REG_EDX]};

	for (size_t i = 0; i < ARRAY_SIZE(field); i++)
		if ((i > 0 && !line_eat(&rest, " ")) || !line_hex(&rest, 8, field[i]))
			return false;
	return line_blank(&rest);
}

static int bad_line(struct session *s, const struct line *line)
{
	char shown[96];

	return input_bad(s->in, line->number, s->err, "neither a vCPU nor a leaf of it: '%s'",
			 line_shown(line, shown, sizeof(shown)));
}

/* @begun: vCPUs whose line was there. */
static int read_line(struct session *s, struct cpus *cpus, unsigned int *begun,
		     const struct line *line)
{
	struct line rest = *line;
	struct cpuid_entry e;
	uint64_t number;

	if (line_eat(&rest, "cpu ")) {
		if (!line_decimal(&rest, CPULIST_MAX - 1, &number) || number != *begun)
			return bad_line(s, line);
		++*begun;
		return number == 0 ? 0 : cpus_end(cpus, 1, s->in, line->number, s->err);
	}
	if (*begun == 0 || !read_entry(rest, &e))
		return bad_line(s, line);
	return cpus_add(cpus, &e, s->in, line->number, s->err);
}

static int read_lines(struct session *s, struct cpus *cpus)
{
	struct line line = {.number = s->in->number};
	unsigned int begun = 0;
	int n, r;

	while ((n = input_peek(s->in, &line, s->err)) > 0 && !line_is(&line, "end")) {
		r = read_line(s, cpus, &begun, &line);
		if (r < 0)
			return r;
		input_take(s->in);
	}
	if (n < 0)
		return n;
	if (n == 0)
		return input_bad(s->in, line.number, s->err,
				 "the guest's dump has no 'end': it was cut off here");
	input_take(s->in);
	return cpus_end(cpus, 1, s->in, line.number, s->err);
}

int guestdump_read(struct session *s, const struct format *format)
{
	_cleanup_cpus_ struct cpus cpus = {0};
	_cleanup_host_ struct host h = HOST_UNKNOWN;
	struct line header;
	int r = session_host(s, format, s->in->number, &h);

	if (r == 0)
		r = input_next(s->in, &header, s->err);
	if (r > 0)
		r = read_lines(s, &cpus);
	if (r < 0)
		return r;
	cpus_tell(&cpus, &h);
	return session_take(s, &h);
}
