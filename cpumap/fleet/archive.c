/* SPDX-License-Identifier: Apache-2.0 */
#include "archive.h"

#include <errno.h>

#include "stem.h"
#include "text.h"

#define NAME_MAX_HERE ((size_t)4096)      /* of a long name's record */
#define SIZE_MAX_HERE (UINT64_C(1) << 40) /* of a member */

/* The fields of a header (POSIX.1-2017, pax, ustar Interchange Format). */
enum {
	NAME_AT = 0,
	NAME_LEN = 100,
	SIZE_AT = 124,
	SIZE_LEN = 12,
	SUM_AT = 148,
	SUM_LEN = 8,
	TYPE_AT = 156,
	MAGIC_AT = 257,
	PREFIX_AT = 345,
	PREFIX_LEN = 155,
};

struct archive {
	struct read *read;
	struct input *in;
	struct error *err;
	uint64_t left;    /* bytes of the member that weren't read yet */
	uint64_t padding; /* behind them */
	size_t blocks;    /* headers so far, for errors */
	char *long_name;  /* for the next member; NULL: none */
};

bool archive_begins(const char *bytes, size_t n)
{
	return n >= ARCHIVE_BLOCK && memcmp(bytes + MAGIC_AT, "ustar", 5) == 0;
}

static int bad(const struct archive *a, const char *what)
{
	return error_set(a->err, -EINVAL, a->in->name, 0, "%s, at its member %zu", what, a->blocks);
}

/* ---- headers ---- */

/* A field in octal digits with blanks or NULs at either end; or, with its highest bit set, GNU's binary
 * one. */
static bool read_number(const char *field, size_t len, uint64_t max, uint64_t *value)
{
	uint64_t v = 0;
	size_t i = 0;

	if ((unsigned char)field[0] == 0x80) {
		for (i = 1; i < len; i++) {
			if (v >> 56)
				return false;
			v = v << 8 | (unsigned char)field[i];
		}
		*value = v;
		return v <= max;
	}
	while (i < len && field[i] == ' ')
		i++;
	for (; i < len && field[i] >= '0' && field[i] <= '7'; i++)
		if ((v = v << 3 | (uint64_t)(field[i] - '0')) > max)
			return false;
	for (; i < len; i++)
		if (field[i] != ' ' && field[i] != '\0')
			return false;
	*value = v;
	return true;
}

/* The sum of all bytes, those of the sum itself as blanks. */
static bool sum_is_right(const char *header)
{
	uint64_t sum = 0, said;

	for (size_t i = 0; i < ARCHIVE_BLOCK; i++)
		sum += i >= SUM_AT && i < SUM_AT + SUM_LEN ? ' ' : (unsigned char)header[i];
	return read_number(header + SUM_AT, SUM_LEN, UINT32_MAX, &said) && said == sum;
}

static bool is_empty(const char *block)
{
	for (size_t i = 0; i < ARCHIVE_BLOCK; i++)
		if (block[i])
			return false;
	return true;
}

static char *name_of(const char *header)
{
	char *name;
	bool posix = memcmp(header + MAGIC_AT, "ustar", 6) == 0;

	if (!posix || !header[PREFIX_AT])
		return strndup(header + NAME_AT, NAME_LEN);
	if (asprintf(&name, "%.*s/%.*s", PREFIX_LEN, header + PREFIX_AT, NAME_LEN,
		     header + NAME_AT) < 0)
		return NULL;
	return name;
}

/* ---- what a member holds ---- */

static ssize_t fill_from_member(void *source, char *buf, size_t size, struct error *err)
{
	struct archive *a = source;
	const char *bytes;
	ssize_t n;

	if (a->left == 0)
		return 0;
	n = input_bytes(a->in, &bytes, 1, err);
	if (n <= 0)
		return n < 0 ? n : bad(a, "the archive was cut off");
	if ((size_t)n > size)
		n = (ssize_t)size;
	if ((uint64_t)n > a->left)
		n = (ssize_t)a->left;
	memcpy(buf, bytes, (size_t)n);
	input_skip(a->in, (size_t)n);
	a->left -= (uint64_t)n;
	return n;
}

/* Goes on behind the member and its padding. */
static int skip_rest(struct archive *a)
{
	a->left += a->padding;
	a->padding = 0;
	while (a->left > 0) {
		const char *bytes;
		ssize_t n = input_bytes(a->in, &bytes, 1, a->err);

		if (n <= 0)
			return n < 0 ? (int)n : bad(a, "the archive was cut off");
		if ((uint64_t)n > a->left)
			n = (ssize_t)a->left;
		input_skip(a->in, (size_t)n);
		a->left -= (uint64_t)n;
	}
	return 0;
}

/* The whole of a member that holds a name. */
static int read_record(struct archive *a, char **record, size_t *len)
{
	size_t size = (size_t)a->left;
	ssize_t n = 1;

	if (a->left > NAME_MAX_HERE)
		return bad(a, "a name that is too long");
	*record = malloc(size + 1);
	*len = 0;
	if (!*record)
		return error_set(a->err, -ENOMEM, a->in->name, 0, "out of memory");
	while (*len < size && (n = fill_from_member(a, *record + *len, size - *len, a->err)) > 0)
		*len += (size_t)n;
	(*record)[*len] = '\0';
	return n < 0 ? (int)n : 0;
}

/* pax: records "LEN KEY=VALUE\n"; the path alone matters. */
static char *path_of(const char *record, size_t len)
{
	struct line rest = {.s = record, .len = len};
	uint64_t size;

	while (rest.len > 0) {
		struct line one = rest;

		if (!line_decimal(&rest, rest.len, &size) || size == 0 || size > one.len)
			return NULL;
		one.len = (size_t)size;
		line_skip(&one, one.len - rest.len > one.len ? 0 : (size_t)(rest.s - one.s));
		if (line_eat(&one, " path=") && one.len > 0)
			return strndup(one.s, one.len - 1);
		rest.s = record + (rest.s - record);
		return NULL;
	}
	return NULL;
}

static int read_member(struct archive *a, const char *member)
{
	_cleanup_free_ char *name = NULL, *stem = stem_of(member);
	const char *base = strrchr(member, '/');
	struct text_source from = {.fill = fill_from_member, .source = a, .in_archive = true};

	if (*(base ? base + 1 : member) == '.')
		return 0;
	if (!stem || asprintf(&name, "%s/%s", a->in->name, member) < 0) {
		name = NULL;
		return error_set(a->err, -ENOMEM, a->in->name, 0, "out of memory");
	}
	from.name = name;
	from.stem = stem;
	return text_read(a->read, &from, a->err);
}

int archive_read(struct read *r, struct input *in, struct error *err)
{
	(void)r;
	(void)in;
	(void)read_record;
	(void)path_of;
	(void)read_member;
	(void)skip_rest;
	(void)name_of;
	(void)is_empty;
	(void)sum_is_right;
	return error_set(err, -EINVAL, in->name, 0, "an archive");
}
