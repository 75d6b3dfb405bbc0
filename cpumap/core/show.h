/* SPDX-License-Identifier: Apache-2.0 */
/* Foreign text for people: shown as it is where the terminal can show it, and escaped where it
 * could steer the terminal or deceive the reader. Only the command uses it, as it sets the
 * locale. */
#ifndef CPUSHIM_SHOW_H
#define CPUSHIM_SHOW_H

#include "util.h"

#define SHOWN_WHOLE SIZE_MAX /* not cut */

/**
 * show: add @len bytes of foreign text to @out. In a UTF-8 locale characters stay as they are.
 * Control characters, format characters (those that set the direction of writing among them) and
 * bytes that aren't UTF-8 become \xNN for each byte. In other locales everything but printable
 * ASCII becomes \xNN.
 * @max: how many columns it may have, 3 at least; cut text ends in "..."
 * Returns the columns that it has.
 */
size_t show(struct text *out, const char *text, size_t len, size_t max);

/* show_padded: the same, with spaces behind it up to @width columns; not cut before @max. */
void show_padded(struct text *out, const char *text, size_t width, size_t max);

/**
 * show_json: add JSON text that a JSON printer has made. Control and format characters are written
 * as \uNNNN, which means the same in JSON, in every locale.
 */
void show_json(struct text *out, const char *json, size_t len);

/* show_html: add foreign text to HTML in UTF-8, in an element or in a quoted attribute: markup becomes
 * character references. What nobody sees becomes \xNN, in every locale. At most @max characters; cut
 * text ends in "...". */
void show_html(struct text *out, const char *text, size_t max);

#define UTF8_NONE 0xffffffffu

/* utf8_next: the character at @text, of at most @len bytes, and in *@size how many bytes it has;
 * UTF8_NONE: it isn't UTF-8 (RFC 3629), and *@size is 1. */
uint32_t utf8_next(const char *text, size_t len, size_t *size);

#endif
