/* SPDX-License-Identifier: Apache-2.0 */
#include "xmlsplit.h"

#include <string.h>

static void go_to(struct xmlsplit *x, enum xmlsplit_state state)
{
	x->state = state;
	x->n_head = 0;
	x->last[0] = x->last[1] = '\0';
}

static void close_element(struct xmlsplit *x)
{
	if (x->depth > 0)
		x->depth--;
	x->ended = x->depth == 0;
	go_to(x, XML_TEXT);
}

/* The first byte behind "<" tells tags and processing instructions; "!" needs some more. */
static void read_markup(struct xmlsplit *x, char c)
{
	x->head[x->n_head++] = c;
	if (x->head[0] == '/') {
		go_to(x, XML_CLOSING);
	} else if (x->head[0] == '?') {
		go_to(x, XML_PI);
	} else if (x->head[0] != '!') {
		x->depth++;
		go_to(x, XML_OPENING);
		x->last[1] = c;
	} else if (x->n_head == 3 && memcmp(x->head, "!--", 3) == 0) {
		go_to(x, XML_COMMENT);
	} else if (x->n_head == 8 && memcmp(x->head, "![CDATA[", 8) == 0) {
		go_to(x, XML_CDATA);
	} else if (memcmp(x->head, "!--", x->n_head < 3 ? x->n_head : 3) != 0 &&
		   memcmp(x->head, "![CDATA[", x->n_head) != 0) {
		go_to(x, XML_DOCTYPE);
	}
}

static void read_opening(struct xmlsplit *x, char c)
{
	if (c == '"' || c == '\'') {
		x->quote = c;
		x->state = XML_VALUE;
	} else if (c == '>' && x->last[1] == '/') {
		close_element(x);
	} else if (c == '>') {
		go_to(x, XML_TEXT);
	}
}

/* In a comment, CDATA or a processing instruction: it ends with @end. */
static void read_up_to(struct xmlsplit *x, char c, const char *end)
{
	size_t n = strlen(end);

	if (c != end[n - 1] || memcmp(x->last + (3 - n), end, n - 1) != 0)
		return;
	x->ended = x->depth == 0;
	go_to(x, XML_TEXT);
}

static void read_byte(struct xmlsplit *x, char c)
{
	switch (x->state) {
	case XML_TEXT:
		if (c == '<')
			go_to(x, XML_MARKUP);
		return;
	case XML_MARKUP:
		read_markup(x, c);
		return;
	case XML_OPENING:
		read_opening(x, c);
		break;
	case XML_VALUE:
		if (c == x->quote)
			x->state = XML_OPENING;
		break;
	case XML_CLOSING:
		if (c == '>')
			close_element(x);
		break;
	case XML_COMMENT:
		read_up_to(x, c, "-->");
		break;
	case XML_CDATA:
		read_up_to(x, c, "]]>");
		break;
	case XML_PI:
		read_up_to(x, c, "?>");
		break;
	case XML_DOCTYPE:
		break;
	}
	/* a state that has just begun knows nothing of what was in front of it */
	if (x->state != XML_TEXT) {
		x->last[0] = x->last[1];
		x->last[1] = c;
	}
}

size_t xmlsplit_feed(struct xmlsplit *x, const char *bytes, size_t n)
{
	size_t i = 0;

	while (i < n && !x->ended && x->state != XML_DOCTYPE) {
		const char *markup =
			x->state == XML_TEXT ? memchr(bytes + i, '<', n - i) : bytes + i;

		if (!markup)
			return n;
		i = (size_t)(markup - bytes);
		read_byte(x, bytes[i++]);
	}
	return i;
}
