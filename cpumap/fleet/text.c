/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include <errno.h>

#include "archive.h"
#include "formats.h"

/* Lines without a host that may stand in front of one: a report of a whole machine has a few MB. */
#define BETWEEN_MAX ((size_t)64 << 20)

#define HEAD_OF_LINE ((size_t)512) /* in which a host begins, if it does in that line */

/* ---- what a format does with a host ---- */

int session_host(struct session *s, const struct format *format, unsigned int number,
		 struct host *h)
{
	*h = HOST_UNKNOWN;
	h->format = format->name;
	if (asprintf(&h->origin, "%s:%u", s->in->name, number) < 0) {
		h->origin = NULL;
		return error_set(s->err, -ENOMEM, s->in->name, 0, "out of memory");
	}
	return 0;
}

/* A host without a name has that of its file; the second one there STEM:2, and so on. */
static char *name_by_file(const struct session *s)
{
	char *name;

	if (s->n_hosts == 1)
		return strdup(s->stem);
	return asprintf(&name, "%s:%zu", s->stem, s->n_hosts) < 0 ? NULL : name;
}

int session_take(struct session *s, struct host *h)
{
	s->n_hosts++;
	if (!h->name)
		h->name = name_by_file(s);
	if (!h->name)
		return error_set(s->err, -ENOMEM, s->in->name, 0, "out of memory");
	s->read->n_hosts++;
	s->read->stopped = s->read->take(h, s->read->data);
	return s->read->stopped;
}

/* ---- the text ---- */

/* What a text can't be, by its first bytes; NULL: it may be one. */
static const char *unreadable(const char *bytes, size_t n)
{
	static const struct {
		const char *magic;
		size_t len;
		const char *what;
	} known[] = {
		{"\x1f\x8b", 2, "is compressed by gzip: unpack it first (zcat)"},
		{"\xfd"
		 "7zXZ",
		 5, "is compressed by xz: unpack it first (xzcat)"},
		{"\x28\xb5\x2f\xfd", 4, "is compressed by zstd: unpack it first (zstdcat)"},
		{"BZh", 3, "is compressed by bzip2: unpack it first (bzcat)"},
		{"PK\x03\x04", 4, "is a ZIP archive: unpack it first"},
		{"\xff\xfe", 2, "is UTF-16: convert it first (iconv -f UTF-16 -t UTF-8)"},
		{"\xfe\xff", 2, "is UTF-16: convert it first (iconv -f UTF-16 -t UTF-8)"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (n >= known[i].len && memcmp(bytes, known[i].magic, known[i].len) == 0)
			return known[i].what;
	return NULL;
}

/* The format of the host that begins here; NULL: none does. XML may have all of it in one line, so that only
 * the beginning of the line is looked at. -errno in @error. */
static const struct format *format_here(struct session *s, int *error)
{
	const char *bytes, *newline;
	ssize_t n = input_bytes(s->in, &bytes, HEAD_OF_LINE, s->err);
	struct line head = {.s = bytes, .len = n > 0 ? (size_t)n : 0, .number = s->in->number};

	*error = n < 0 ? (int)n : 0;
	if (head.len == 0)
		return NULL;
	newline = memchr(bytes, '\n', head.len);
	if (newline)
		head.len = (size_t)(newline - bytes);
	return format_of(&head);
}

/* Passes over a line in which no host begins. @between: bytes of such lines so far. Returns 1, 0 at the end,
 * or -errno. */
static int pass_over(struct session *s, size_t *between)
{
	struct line line;
	int n = input_peek(s->in, &line, s->err);

	if (n <= 0)
		return n;
	*between += line.len + 1;
	if (*between > BETWEEN_MAX)
		return input_bad(s->in, line.number, s->err,
				 "no CPU in the %zu MB in front of this line", BETWEEN_MAX >> 20);
	input_take(s->in);
	return 1;
}

static int no_cpu(const struct session *s)
{
	return error_set(
		s->err, -EINVAL, s->in->name, s->in->number > 1 ? s->in->number - 1 : 1,
		"no CPU up to here. Known are what `cpushim host --dump`, libcpuid, AIDA64 and "
		"`cpuid -r` write, libvirt's XML, /proc/cpuinfo, lscpu and cpu-models.conf");
}

static int read_hosts(struct session *s)
{
	size_t between = 0;
	int r = 1;

	while (r > 0) {
		const struct format *format = format_here(s, &r);

		if (r < 0)
			return r;
		if (!format) {
			r = pass_over(s, &between);
			continue;
		}
		r = format->read(s, format);
		if (r != 0)
			return r;
		between = 0;
		r = 1;
	}
	return r == 0 && s->n_hosts == 0 ? no_cpu(s) : r;
}

static int read_whole(struct read *r, const struct text_source *from, struct input *in,
		      struct error *err)
{
	struct session s = {.read = r, .in = in, .stem = from->stem, .err = err};
	const char *bytes, *what;
	ssize_t n = input_bytes(in, &bytes, ARCHIVE_BLOCK, err);

	if (n < 0)
		return (int)n;
	what = unreadable(bytes, (size_t)n);
	if (what)
		return error_set(err, -EINVAL, in->name, 1, "%s", what);
	if (archive_begins(bytes, (size_t)n))
		return from->in_archive
			       ? input_bad(in, 1, err, "an archive in an archive isn't read")
			       : archive_read(r, in, err);
	if (n >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0)
		input_skip(in, 3);
	return read_hosts(&s);
}

int text_read(struct read *r, const struct text_source *from, struct error *err)
{
	_cleanup_input_ struct input in = {0};
	int result = input_open(&in, from->name, from->fill, from->source, err);

	if (result == 0)
		result = read_whole(r, from, &in, err);
	if (result >= 0 || r->stopped || !r->bad || result == -ENOMEM)
		return result;
	r->bad(err, r->data);
	return 0;
}
