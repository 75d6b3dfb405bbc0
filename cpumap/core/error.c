/* SPDX-License-Identifier: Apache-2.0 */
/* The error value, and the escaping of foreign text before anybody reads it. */
#include "error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CUT " ... "

void error_format(char *buf, size_t size, const char *fmt, va_list ap)
{
	size_t tail = size / 2, head = size - tail - strlen(CUT) - 1;
	char *whole = NULL;
	va_list again;
	int len;

	va_copy(again, ap);
	len = vsnprintf(buf, size, fmt, ap);
	if (len >= (int)size && vasprintf(&whole, fmt, again) == len)
		(void)snprintf(buf, size, "%.*s" CUT "%s", (int)head, whole, whole + len - tail);
	va_end(again);
	free(whole);
}

int error_set(struct error *err, int code, const char *where, unsigned int line, const char *fmt,
	      ...)
{
	va_list ap;

	if (!err)
		return code;
	err->code = code;
	if (where && line)
		(void)snprintf(err->where, sizeof(err->where), "%s:%u", where, line);
	else
		(void)snprintf(err->where, sizeof(err->where), "%s", where ? where : "");
	va_start(ap, fmt);
	error_format(err->what, sizeof(err->what), fmt, ap);
	va_end(ap);
	return code;
}

char *text_escape(char *buf, size_t size, const char *text, size_t len)
{
	static const char hex[] = "0123456789abcdef";
	size_t used = 0;

	if (size == 0)
		return buf;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];
		int plain = c >= 0x20 && c < 0x7f;
		size_t need = plain ? 1 : 4;

		/* leave room for "...", unless this is the last byte */
		if (used + need + (i + 1 < len ? 3 : 0) >= size) {
			for (int dots = 0; dots < 3 && used + 1 < size; dots++)
				buf[used++] = '.';
			break;
		}
		if (plain) {
			buf[used++] = (char)c;
		} else {
			buf[used++] = '\\';
			buf[used++] = 'x';
			buf[used++] = hex[c >> 4];
			buf[used++] = hex[c & 15];
		}
	}
	buf[used] = '\0';
	return buf;
}

void error_line(const struct error *err, char *buf, size_t size)
{
	char where[sizeof(err->where) + 64];
	char what[sizeof(err->what) + 256];

	text_escape(where, sizeof(where), err->where, strlen(err->where));
	text_escape(what, sizeof(what), err->what, strlen(err->what));
	(void)snprintf(buf, size, "cpushim: %s%s%s\n", where, *where ? ": " : "", what);
}
