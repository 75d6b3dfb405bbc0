/* SPDX-License-Identifier: Apache-2.0 */
/* Foreign text for people: as it is where the terminal can show it, escaped where it could steer or
 * deceive. The command alone uses it, which has set its locale. */
#ifndef CPUSHIM_SHOW_H
#define CPUSHIM_SHOW_H

#include "util.h"

#define SHOWN_WHOLE SIZE_MAX /* not cut */

/**
 * show: add @len bytes of foreign text to @out. In a UTF-8 locale its characters as they are, but
 * control characters, those that set the direction of writing and other format characters, and what
 * isn't UTF-8, which are \xNN for each byte; in other locales everything but printable ASCII is.
 * @max: how many columns it may have, 3 at least; cut text ends in "..."
 * Returns the columns that it has.
 */
size_t show(struct text *out, const char *text, size_t len, size_t max);

/* show_padded: the same, with spaces behind it up to @width columns; not cut before @max. */
void show_padded(struct text *out, const char *text, size_t width, size_t max);

/**
 * show_json: add JSON text as a JSON printer has made it: control and format characters, which mean
 * the same as \uNNNN there, are written so in every locale.
 */
void show_json(struct text *out, const char *json, size_t len);

#define UTF8_NONE 0xffffffffu

/* utf8_next: the character at @text, of at most @len bytes, and in *@size how many bytes it has;
 * UTF8_NONE: it isn't UTF-8 (RFC 3629), and *@size is 1. */
uint32_t utf8_next(const char *text, size_t len, size_t *size);

#endif
