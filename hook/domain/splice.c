/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything around <cpu> (quotes, comments, entities) has to stay as people wrote it, and
 * libxml2's tree doesn't preserve bytes. So this walks the markup (XML 1.0, 2.4 to 2.8, 3.1) of a
 * text that libxml2 has found well-formed.
 */
#include "splice.h"

#include <string.h>

/* Markup that isn't an element's tag: comments, CDATA, processing instructions. */
static const struct {
	const char *open, *close;
} skipped[] = {{"<!--", "-->"}, {"<![CDATA[", "]]>"}, {"<?", "?>"}};

static bool begins(const char *xml, size_t at, size_t end, const char *what)
{
	size_t len = strlen(what);

	return end - at >= len && memcmp(xml + at, what, len) == 0;
}

static size_t behind(const char *xml, size_t at, size_t end, const char *what)
{
	const char *found = memmem(xml + at, end - at, what, strlen(what));

	return found ? (size_t)(found - xml) + strlen(what) : end;
}

/* The byte behind the `>` that ends the tag at @at. A `>` in an attribute's value doesn't end
 * it. */
static size_t tag_end(const char *xml, size_t at, size_t end)
{
	char quote = 0;

	for (; at < end; at++) {
		if (quote)
			quote = xml[at] == quote ? 0 : quote;
		else if (xml[at] == '"' || xml[at] == '\'')
			quote = xml[at];
		else if (xml[at] == '>')
			return at + 1;
	}
	return end;
}

/* Finds the range of the next tag from *@at on. False at the end. */
static bool next_tag(const char *xml, size_t *at, size_t end, struct range *tag)
{
	while (*at < end) {
		const char *less = memchr(xml + *at, '<', end - *at);
		bool skip = false;

		if (!less)
			return false;
		*at = (size_t)(less - xml);
		for (size_t i = 0; i < sizeof(skipped) / sizeof(skipped[0]) && !skip; i++) {
			if (!begins(xml, *at, end, skipped[i].open))
				continue;
			*at = behind(xml, *at + strlen(skipped[i].open), end, skipped[i].close);
			skip = true;
		}
		if (skip)
			continue;
		tag->start = *at;
		tag->end = *at = tag_end(xml, *at, end);
		return true;
	}
	return false;
}

static bool is_closing(const char *xml, const struct range *tag)
{
	return tag->end - tag->start > 2 && xml[tag->start + 1] == '/';
}

static bool is_empty(const char *xml, const struct range *tag)
{
	return tag->end - tag->start > 2 && xml[tag->end - 2] == '/';
}

/* The whole element that @tag opens. */
static void find_element(const char *xml, const struct range *tag, size_t end, struct element *e)
{
	struct range next = *tag;
	size_t at = tag->end, depth = 1;

	*e = (struct element){.all = *tag, .inside = {tag->end, tag->end}};
	if (is_empty(xml, tag))
		return;
	while (depth > 0 && next_tag(xml, &at, end, &next)) {
		if (is_closing(xml, &next))
			depth--;
		else if (!is_empty(xml, &next))
			depth++;
	}
	/* without an end tag the element goes on to the end */
	e->inside.end = depth ? end : next.start;
	e->all.end = depth ? end : next.end;
}

bool splice_named(const char *xml, const struct element *e, const char *name)
{
	const char *start = xml + e->all.start + 1;
	size_t len = strlen(name), room = e->all.end - e->all.start - 1;

	return room > len && memcmp(start, name, len) == 0 && strchr(" \t\r\n/>", start[len]);
}

bool splice_child(const char *xml, const struct range *parent, size_t from, const char *name,
		  struct element *child)
{
	struct range tag;
	size_t at = from;

	while (next_tag(xml, &at, parent->end, &tag)) {
		find_element(xml, &tag, parent->end, child);
		if (!name || splice_named(xml, child, name))
			return true;
		at = child->all.end;
	}
	return false;
}

bool splice_root(const char *xml, size_t len, struct element *root)
{
	const struct range document = {0, len};

	return splice_child(xml, &document, 0, NULL, root);
}
