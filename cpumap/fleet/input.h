/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hostile text, line by line or byte by byte, in bounded memory: from a file, a pipe, a part of an archive,
 * or memory.
 */
#ifndef CPUSHIM_INPUT_H
#define CPUSHIM_INPUT_H

#include "cpumap/core/error.h"
#include "cpumap/core/util.h"

/* The longest line that is read. The longest real ones are the flags of /proc/cpuinfo, some 3 KB. */
#define INPUT_LINE_LIMIT ((size_t)64 << 10)

struct line {
	const char *s;
	size_t len;          /* without the end of line */
	unsigned int number; /* from 1 */
	bool whole;          /* it has an end of line; the last one of a text may lack it */
};

/* input_fill: fill @buf with up to @size bytes. Returns how many, 0 at the end, or -errno with @err filled. */
typedef ssize_t input_fill(void *source, char *buf, size_t size, struct error *err);

struct input {
	const char *name; /* for errors; the caller's */
	input_fill *fill;
	void *source;

	char *buf; /* INPUT_ROOM bytes */
	size_t start, end;
	bool ended;          /* nothing comes behind @end */
	unsigned int number; /* of the line that begins at @start */
	bool peeked; /* @line is the one at @start, which has @line_size bytes with its end */
	struct line line;
	size_t line_size;
};

/* input_open: begin to read. The caller frees with input_close, also on error (-ENOMEM). */
int input_open(struct input *in, const char *name, input_fill *fill, void *source,
	       struct error *err);
void input_close(struct input *in);
#define _cleanup_input_ __attribute__((cleanup(input_close)))

/**
 * input_peek: the next line, which stays the next one until input_take. It is valid until the next call.
 * Returns 1, 0 at the end, or -errno: -EINVAL: it has a NUL byte or is too long (@err names it).
 */
int input_peek(struct input *in, struct line *line, struct error *err);

/* input_next: the same, and go on behind it. */
int input_next(struct input *in, struct line *line, struct error *err);

/* input_take: go on behind the line that input_peek gave. */
void input_take(struct input *in);

/**
 * input_bytes: all bytes that are at hand, at least @min of them unless the text ends (@min is at most
 * INPUT_LINE_LIMIT).
 * Returns how many (0: the end), or -errno.
 */
ssize_t input_bytes(struct input *in, const char **bytes, size_t min, struct error *err);

/* input_skip: go on behind @n of those bytes, and count their lines. */
void input_skip(struct input *in, size_t n);

/* input_bad: an error in line @number; -EINVAL. */
int input_bad(const struct input *in, unsigned int number, struct error *err, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* line_begins: does the line begin with @with? */
bool line_begins(const struct line *line, const char *with);

/* line_is: is it exactly @what, except for blanks at its end? */
bool line_is(const struct line *line, const char *what);

/* line_blank: has it blanks alone? */
bool line_blank(const struct line *line);

/* line_trim: takes blanks away at both ends. */
void line_trim(struct line *line);

/* line_skip: takes @n bytes away in front. */
void line_skip(struct line *line, size_t n);

/* line_value: what is behind "KEY", blanks and @sep, without blanks; false: the line has another key. */
bool line_value(const struct line *line, const char *key, char sep, struct line *value);

/* line_word: takes the first word, which ends at a blank, out of @rest; false: there is none. */
bool line_word(struct line *rest, struct line *word);

/* line_shown: the line as it can be shown, cut to fit. Returns @buf. */
char *line_shown(const struct line *line, char *buf, size_t size);

/* line_copy: an allocated string; a line of more than @max bytes is cut. NULL: out of memory. */
char *line_copy(const struct line *line, size_t max);

/* line_hex: takes 1 to 8 hexadecimal digits (exactly @digits, if that isn't 0) out of the line's front.
 * False: there are none, or more. */
bool line_hex(struct line *line, unsigned int digits, uint32_t *value);

/* line_decimal: takes a decimal number up to @max out of the line's front. */
bool line_decimal(struct line *line, uint64_t max, uint64_t *value);

/* line_eat: takes @text out of the line's front; false: it begins otherwise. */
bool line_eat(struct line *line, const char *text);

#endif
