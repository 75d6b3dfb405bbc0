/* SPDX-License-Identifier: Apache-2.0 */
/* The error value, and the escaping of foreign text before anybody reads it. */
#include "error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CUT " ... "

/* It begins with what is wrong and ends with what to do: what is too long loses its middle. */
static void cut_middle(char *what, size_t size, const char *whole, size_t len)
{
	size_t tail = size / 2, head = size - tail - strlen(CUT) - 1;

	(void)snprintf(what, size, "%.*s" CUT "%s", (int)head, whole, whole + len - tail);
}

int error_set(struct error *err, int code, const char *where, unsigned int line, const char *fmt,
	      ...)
{
	char *whole = NULL;
	va_list ap;
	int len;

	if (!err)
		return code;
	err->code = code;
	if (where && line)
		(void)snprintf(err->where, sizeof(err->where), "%s:%u", where, line);
	else
		(void)snprintf(err->where, sizeof(err->where), "%s", where ? where : "");
	va_start(ap, fmt);
	len = vsnprintf(err->what, sizeof(err->what), fmt, ap);
	va_end(ap);
	va_start(ap, fmt);
	if (len >= (int)sizeof(err->what) && vasprintf(&whole, fmt, ap) == len)
		cut_middle(err->what, sizeof(err->what), whole, (size_t)len);
	va_end(ap);
	free(whole);
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
