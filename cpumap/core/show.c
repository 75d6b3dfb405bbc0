/* SPDX-License-Identifier: Apache-2.0 */
#include "show.h"

#include <langinfo.h>
#include <wchar.h>
#include <wctype.h>

/* Categories Cc, Cf, Zl and Zp of Unicode 15 beyond ASCII: nobody sees them, and some of them
 * change the direction of the text around them. */
static const struct {
	uint32_t first, last;
} unseen[] = {
	{0x7f, 0x9f},       {0xad, 0xad},       {0x600, 0x605},     {0x61c, 0x61c},
	{0x6dd, 0x6dd},     {0x70f, 0x70f},     {0x890, 0x891},     {0x8e2, 0x8e2},
	{0x180e, 0x180e},   {0x200b, 0x200f},   {0x2028, 0x202e},   {0x2060, 0x206f},
	{0xfeff, 0xfeff},   {0xfff9, 0xfffb},   {0x110bd, 0x110bd}, {0x110cd, 0x110cd},
	{0x13430, 0x1343f}, {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff},
};

static bool is_unseen(uint32_t c)
{
	for (size_t i = 0; i < ARRAY_SIZE(unseen); i++)
		if (c >= unseen[i].first && c <= unseen[i].last)
			return true;
	return c < 0x20;
}

/* How many bytes the character has by its first one; 0: none begins so. */
static size_t sequence_len(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first <= 0xdf)
		return 2;
	if (first >= 0xe0 && first <= 0xef)
		return 3;
	return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

uint32_t utf8_next(const char *text, size_t len, size_t *size)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t n = len ? sequence_len((unsigned char)*text) : 0;
	uint32_t c;

	*size = 1;
	if (n == 0 || n > len)
		return UTF8_NONE;
	c = (unsigned char)*text & (n == 1 ? 0x7fu : 0xffu >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		if (((unsigned char)text[i] & 0xc0) != 0x80)
			return UTF8_NONE;
		c = c << 6 | ((unsigned char)text[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return UTF8_NONE;
	*size = n;
	return c;
}

static bool is_utf8_locale(void)
{
	return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

/* The columns of a character that may stand as it is; -1: it may not. glibc's wchar_t is Unicode. */
static int columns_of(uint32_t c, bool utf8)
{
	if (c < 0x80)
		return c >= 0x20 && c < 0x7f ? 1 : -1;
	if (!utf8 || c == UTF8_NONE || is_unseen(c) || !iswprint((wint_t)c))
		return -1;
	return wcwidth((wchar_t)c);
}

struct character {
	size_t size, columns;
	bool plain; /* as it is */
};

static struct character character_at(const char *text, size_t len, bool utf8)
{
	struct character c;
	int columns = columns_of(utf8_next(text, len, &c.size), utf8);

	c.plain = columns >= 0;
	c.columns = c.plain ? (size_t)columns : 4 * c.size;
	return c;
}

/* Has it @max columns at most? Marks have none, so bytes are bounded, too. */
static bool fits(const char *text, size_t len, size_t max, bool utf8)
{
	struct character c;
	size_t used = 0;

	for (size_t i = 0; i < len; i += c.size) {
		c = character_at(text + i, len - i, utf8);
		used += c.columns;
		if (used > max || i / 4 > max)
			return false;
	}
	return true;
}

size_t show(struct text *out, const char *text, size_t len, size_t max)
{
	static const char dots[] = "...";
	bool utf8 = is_utf8_locale(), cut = !fits(text, len, max, utf8);
	size_t used = 0, room = max - (cut ? strlen(dots) : 0);
	struct character c;

	text_adds(out, "");
	for (size_t i = 0; i < len; i += c.size) {
		c = character_at(text + i, len - i, utf8);
		if (cut && (used + c.columns > room || i / 4 > max))
			break;
		used += c.columns;
		if (c.plain)
			text_add(out, text + i, c.size);
		for (size_t k = 0; !c.plain && k < c.size; k++)
			text_addf(out, "\\x%02x", (unsigned char)text[i + k]);
	}
	text_adds(out, cut ? dots : "");
	return used + (cut ? strlen(dots) : 0);
}

void show_padded(struct text *out, const char *text, size_t width, size_t max)
{
	for (size_t used = show(out, text, strlen(text), max); used < width; used++)
		text_adds(out, " ");
}

void show_json(struct text *out, const char *json, size_t len)
{
	size_t size;

	for (size_t i = 0; i < len; i += size) {
		uint32_t c = utf8_next(json + i, len - i, &size);

		/* the JSON printer has escaped what JSON forbids; the line feeds are its own */
		if (c < 0x7f || c == UTF8_NONE || !is_unseen(c))
			text_add(out, json + i, size);
		else if (c < 0x10000)
			text_addf(out, "\\u%04X", c);
		else
			text_addf(out, "\\u%04X\\u%04X", 0xd800 + ((c - 0x10000) >> 10),
				  0xdc00 + ((c - 0x10000) & 0x3ff));
	}
}

static void add_html(struct text *out, const char *text, size_t size, uint32_t c)
{
	if (c == UTF8_NONE || is_unseen(c))
		for (size_t i = 0; i < size; i++)
			text_addf(out, "\\x%02x", (unsigned char)text[i]);
	else if (c < 0x80 && strchr("&<>\"'", (int)c))
		text_addf(out, "&#%u;", c);
	else
		text_add(out, text, size);
}

void show_html(struct text *out, const char *text, size_t max)
{
	size_t len = strlen(text), size, n = 0;

	text_adds(out, "");
	for (size_t i = 0; i < len; i += size) {
		uint32_t c = utf8_next(text + i, len - i, &size);

		if (n++ == max) {
			text_adds(out, "...");
			return;
		}
		add_html(out, text + i, size, c);
	}
}
