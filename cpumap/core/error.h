/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What went wrong, and where: the one error value that every layer fills.
 *
 * Convention of the library: a function that can fail returns 0, or a negative
 * errno and fills its `struct error *` (which may be NULL). Nothing here prints.
 */
#ifndef CPUSHIM_ERROR_H
#define CPUSHIM_ERROR_H

#include <stdarg.h>
#include <stddef.h>

struct error {
	int code;        /* negative errno; 0: no error yet */
	char where[256]; /* "FILE:LINE", "FILE", a program or a model; may be empty */
	char what[1536]; /* what is wrong, and what to do */
};

/**
 * error_set: fill @err and return @code, so that callers write `return error_set(...)`.
 * @err: may be NULL
 * @code: negative errno
 * @where: file, program or model; NULL for none
 * @line: line in @where, 0 for none
 */
int error_set(struct error *err, int code, const char *where, unsigned int line, const char *fmt,
	      ...) __attribute__((format(printf, 5, 6)));

/* error_format: a part of an error into @buf. It begins with what is wrong and ends with what to do:
 * what is too long loses its middle. */
void error_format(char *buf, size_t size, const char *fmt, va_list ap)
	__attribute__((format(printf, 3, 0)));

/**
 * error_line: "cpushim: WHERE: WHAT\n" of @err into @buf, with everything that could
 * steer a terminal or forge a log line escaped.
 */
void error_line(const struct error *err, char *buf, size_t size);

/**
 * text_escape: copy @len bytes of foreign text to @buf, cut to fit and with every byte that
 * isn't printable ASCII as \xNN. A cut is shown by "...". Always terminates @buf.
 * Returns @buf.
 */
char *text_escape(char *buf, size_t size, const char *text, size_t len);

#endif
