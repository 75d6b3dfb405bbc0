/* SPDX-License-Identifier: Apache-2.0 */
#include "input.h"

#include <errno.h>

#define INPUT_ROOM ((size_t)256 << 10)

int input_open(struct input *in, const char *name, input_fill *fill, void *source,
	       struct error *err)
{
	*in = (struct input){.name = name, .fill = fill, .source = source, .number = 1};
	in->buf = malloc(INPUT_ROOM);
	if (!in->buf)
		return error_set(err, -ENOMEM, name, 0, "out of memory");
	return 0;
}

void input_close(struct input *in)
{
	free(in->buf);
	in->buf = NULL;
}

int input_bad(const struct input *in, unsigned int number, struct error *err, const char *fmt, ...)
{
	char what[sizeof(err->what)];
	va_list ap;

	va_start(ap, fmt);
	error_format(what, sizeof(what), fmt, ap);
	va_end(ap);
	return error_set(err, -EINVAL, in->name, number, "%s", what);
}

/* Reads once more, behind what is there. */
static int read_more(struct input *in, struct error *err)
{
	ssize_t n;

	if (in->start > 0) {
		memmove(in->buf, in->buf + in->start, in->end - in->start);
		in->end -= in->start;
		in->start = 0;
	}
	n = in->fill(in->source, in->buf + in->end, INPUT_ROOM - in->end, err);
	if (n < 0)
		return (int)n;
	in->end += (size_t)n;
	in->ended = n == 0;
	return 0;
}

static int has_nul(const struct input *in, struct error *err)
{
	return input_bad(in, in->number, err, "a NUL byte: this isn't text");
}

static int too_long(const struct input *in, struct error *err)
{
	if (memchr(in->buf + in->start, '\0', in->end - in->start))
		return has_nul(in, err);
	return input_bad(in, in->number, err,
			 "a line of more than %zu bytes: this isn't a dump of a CPU",
			 INPUT_LINE_LIMIT);
}

/* Finds where the line at @start ends, and reads as much as that takes. */
static int find_end(struct input *in, const char **newline, struct error *err)
{
	size_t looked = 0;

	for (;;) {
		const char *s = in->buf + in->start;
		size_t have = in->end - in->start;
		int r;

		*newline = have > looked ? memchr(s + looked, '\n', have - looked) : NULL;
		if (*newline ? (size_t)(*newline - s) > INPUT_LINE_LIMIT : have > INPUT_LINE_LIMIT)
			return too_long(in, err);
		if (*newline || in->ended)
			return 0;
		looked = have;
		r = read_more(in, err);
		if (r < 0)
			return r;
	}
}

int input_peek(struct input *in, struct line *line, struct error *err)
{
	const char *newline, *s;
	size_t len;
	int r;

	if (in->peeked) {
		*line = in->line;
		return 1;
	}
	r = find_end(in, &newline, err);
	if (r < 0)
		return r;
	s = in->buf + in->start;
	len = newline ? (size_t)(newline - s) : in->end - in->start;
	if (!newline && len == 0)
		return 0;
	if (memchr(s, '\0', len))
		return has_nul(in, err);
	in->line_size = newline ? len + 1 : len;
	if (newline && len > 0 && s[len - 1] == '\r')
		len--;
	in->line = (struct line){s, len, in->number, newline != NULL};
	in->peeked = true;
	*line = in->line;
	return 1;
}

void input_take(struct input *in)
{
	in->start += in->line_size;
	in->number++;
	in->peeked = false;
}

int input_next(struct input *in, struct line *line, struct error *err)
{
	int n = input_peek(in, line, err);

	if (n > 0)
		input_take(in);
	return n;
}

ssize_t input_bytes(struct input *in, const char **bytes, size_t min, struct error *err)
{
	while (in->end - in->start < min && !in->ended) {
		int r = read_more(in, err);

		in->peeked = false;
		if (r < 0)
			return r;
	}
	*bytes = in->buf + in->start;
	return (ssize_t)(in->end - in->start);
}

void input_skip(struct input *in, size_t n)
{
	const char *s = in->buf + in->start, *end = s + n;

	while ((s = memchr(s, '\n', (size_t)(end - s)))) {
		in->number++;
		s++;
	}
	in->start += n;
	in->peeked = false;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

bool line_begins(const struct line *line, const char *with)
{
	size_t n = strlen(with);

	return line->len >= n && memcmp(line->s, with, n) == 0;
}

bool line_eat(struct line *line, const char *text)
{
	if (!line_begins(line, text))
		return false;
	line_skip(line, strlen(text));
	return true;
}

bool line_is(const struct line *line, const char *what)
{
	struct line rest = *line;

	return line_eat(&rest, what) && line_blank(&rest);
}

bool line_blank(const struct line *line)
{
	for (size_t i = 0; i < line->len; i++)
		if (!is_blank(line->s[i]))
			return false;
	return true;
}

void line_skip(struct line *line, size_t n)
{
	line->s += n;
	line->len -= n;
}

void line_trim(struct line *line)
{
	while (line->len > 0 && is_blank(line->s[0]))
		line_skip(line, 1);
	while (line->len > 0 && is_blank(line->s[line->len - 1]))
		line->len--;
}

bool line_value(const struct line *line, const char *key, char sep, struct line *value)
{
	*value = *line;
	line_trim(value);
	if (!line_eat(value, key))
		return false;
	line_trim(value);
	if (value->len == 0 || value->s[0] != sep)
		return false;
	line_skip(value, 1);
	line_trim(value);
	return true;
}

bool line_word(struct line *rest, struct line *word)
{
	line_trim(rest);
	*word = *rest;
	word->len = 0;
	while (word->len < rest->len && !is_blank(rest->s[word->len]))
		word->len++;
	line_skip(rest, word->len);
	return word->len > 0;
}

char *line_shown(const struct line *line, char *buf, size_t size)
{
	return text_escape(buf, size, line->s, line->len);
}

char *line_copy(const struct line *line, size_t max)
{
	return strndup(line->s, line->len < max ? line->len : max);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool line_hex(struct line *line, unsigned int digits, uint32_t *value)
{
	uint32_t v = 0;
	size_t n = 0;

	while (n < line->len && n <= 8) {
		int digit = hex_digit(line->s[n]);

		if (digit < 0)
			break;
		v = v << 4 | (uint32_t)digit;
		n++;
	}
	if (n == 0 || n > 8 || (digits && n != digits))
		return false;
	*value = v;
	line_skip(line, n);
	return true;
}

bool line_decimal(struct line *line, uint64_t max, uint64_t *value)
{
	size_t n = 0;

	while (n < line->len && line->s[n] >= '0' && line->s[n] <= '9')
		n++;
	if (n == 0 || number_parse(line->s, n, 10, max, value) < 0)
		return false;
	line_skip(line, n);
	return true;
}
