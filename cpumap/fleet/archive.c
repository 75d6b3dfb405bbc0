/* SPDX-License-Identifier: Apache-2.0 */
#include "archive.h"

#include <errno.h>

#include "stem.h"
#include "text.h"

#define RECORD_MAX ((size_t)64 << 10)  /* what holds a long name */
#define MEMBER_MAX (UINT64_C(1) << 40) /* bytes */

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
	size_t members;   /* headers so far, for errors */
	char *long_name;  /* for the next member; NULL: none */
};

static int bad(const struct archive *a, const char *what)
{
	return error_set(a->err, -EINVAL, a->in->name, 0, "%s, at its member %zu", what,
			 a->members);
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

bool archive_begins(const char *bytes, size_t n)
{
	/* archives of before POSIX have a sum, too, and no magic */
	return n >= ARCHIVE_BLOCK &&
	       (memcmp(bytes + MAGIC_AT, "ustar", 5) == 0 || (*bytes && sum_is_right(bytes)));
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

/* The whole of a member that holds a name; allocated. */
static int read_record(struct archive *a, char **record, size_t *len)
{
	size_t size = (size_t)a->left;
	ssize_t n = 1;

	if (a->left > RECORD_MAX)
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

/* pax: records "LEN KEY=VALUE\n", of which the path alone matters; allocated, NULL: there is none. */
static char *path_of(const char *record, size_t len)
{
	struct line rest = {.s = record, .len = len};

	while (rest.len > 0) {
		struct line one = rest;
		uint64_t size;

		if (!line_decimal(&one, rest.len, &size) || size < rest.len - one.len + 1)
			return NULL;
		one.len -= rest.len - (size_t)size;
		if (line_eat(&one, " path="))
			return strndup(one.s, one.len ? one.len - 1 : 0);
		line_skip(&rest, (size_t)size);
	}
	return NULL;
}

/* The name of the member behind this one, in GNU's way or that of pax. */
static int take_long_name(struct archive *a, char type)
{
	_cleanup_free_ char *record = NULL;
	size_t len = 0;
	int r = read_record(a, &record, &len);
	char *name = r < 0 ? NULL : type == 'L' ? strdup(record) : path_of(record, len);

	if (name) {
		free(a->long_name);
		a->long_name = name;
	}
	return r;
}

/* ---- members ---- */

static int read_file(struct archive *a, const char *member)
{
	_cleanup_free_ char *name = NULL, *stem = stem_of(member);
	struct text_source from = {.fill = fill_from_member, .source = a, .in_archive = true};

	if (asprintf(&name, "%s/%s", a->in->name, member) < 0)
		name = NULL;
	if (!stem || !name)
		return error_set(a->err, -ENOMEM, a->in->name, 0, "out of memory");
	from.name = name;
	from.stem = stem;
	return text_read(a->read, &from, a->err);
}

/* The host that it points to may be in no archive, and would be lost in silence. */
static int refuse_link(struct archive *a, const char *member)
{
	_cleanup_free_ char *name = NULL;
	int r;

	if (asprintf(&name, "%s/%s", a->in->name, member) < 0)
		name = NULL;
	r = error_set(a->err, -EINVAL, name ? name : a->in->name, 0,
		      "a symbolic link, which isn't followed; make the archive with tar "
		      "--dereference");
	if (!a->read->bad)
		return r;
	a->read->bad(a->err, a->read->data);
	return 0;
}

static int read_named(struct archive *a, const char *header)
{
	_cleanup_free_ char *name = a->long_name ? steal_pointer(&a->long_name) : name_of(header);
	const char *member, *base;

	if (!name)
		return error_set(a->err, -ENOMEM, a->in->name, 0, "out of memory");
	member = strncmp(name, "./", 2) == 0 ? name + 2 : name;
	base = strrchr(member, '/');
	if (*(base ? base + 1 : member) == '.')
		return 0; /* hidden */
	return header[TYPE_AT] == '2' ? refuse_link(a, member) : read_file(a, member);
}

static int read_member(struct archive *a, const char *header)
{
	char type = header[TYPE_AT];

	if (!sum_is_right(header))
		return bad(a, "a header with a wrong sum");
	if (!read_number(header + SIZE_AT, SIZE_LEN, MEMBER_MAX, &a->left))
		return bad(a, "a size that isn't a number, or too large");
	a->padding = -a->left % ARCHIVE_BLOCK;
	if (type == 'L' || type == 'x')
		return take_long_name(a, type);
	/* a link has no content, whatever its size */
	if (type == '1' || type == '2')
		a->left = a->padding = 0;
	if (strchr("027", type)) /* with '\0' */
		return read_named(a, header);
	/* hard links, whose content stands elsewhere in the archive; devices, directories, comments */
	if (!strchr("13456gK", type))
		return bad(a, "a kind of member that isn't read");
	free(a->long_name);
	a->long_name = NULL;
	return 0;
}

/* @header: receives the next header; false in @more: the archive ends here. */
static int next_header(struct archive *a, char *header, bool *more)
{
	const char *bytes;
	ssize_t n = input_bytes(a->in, &bytes, ARCHIVE_BLOCK, a->err);

	if (n < 0)
		return (int)n;
	if (n < ARCHIVE_BLOCK)
		return bad(a, "the archive was cut off");
	memcpy(header, bytes, ARCHIVE_BLOCK);
	input_skip(a->in, ARCHIVE_BLOCK);
	*more = !is_empty(header);
	a->members++;
	return 0;
}

static int read_members(struct archive *a)
{
	char header[ARCHIVE_BLOCK];
	bool more = true;
	int r;

	while ((r = next_header(a, header, &more)) == 0 && more) {
		r = read_member(a, header);
		if (r == 0)
			r = skip_rest(a);
		if (r != 0)
			break;
	}
	return r;
}

int archive_read(struct read *r, struct input *in, struct error *err)
{
	struct archive a = {.read = r, .in = in, .err = err};
	size_t before = r->n_hosts;
	int result = read_members(&a);

	free(a.long_name);
	if (result == 0 && r->n_hosts == before)
		return error_set(err, -EINVAL, in->name, 0, "an archive without hosts");
	return result;
}
