/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where an XML element (or comment, or processing instruction) that stands in a text ends: its tags are counted, outside of comments, CDATA,
 * processing instructions and attribute values. Whether it is well-formed is the parser's affair.
 */
#ifndef CPUSHIM_XMLSPLIT_H
#define CPUSHIM_XMLSPLIT_H

#include <stdbool.h>
#include <stddef.h>

enum xmlsplit_state {
	XML_TEXT,
	XML_MARKUP,  /* behind a "<", up to what tells which markup it is */
	XML_OPENING, /* in a start tag, outside of values */
	XML_VALUE,   /* in an attribute's value */
	XML_CLOSING, /* in an end tag */
	XML_COMMENT,
	XML_CDATA,
	XML_PI,
	XML_DOCTYPE, /* nothing goes on from here */
};

/* Zero-initialise. */
struct xmlsplit {
	enum xmlsplit_state state;
	unsigned int depth; /* of open elements */
	bool ended;         /* the element is closed; or what began outside of one has ended */
	char quote;         /* of a value */
	char head[9];       /* what was read behind "<" */
	size_t n_head;
	char last[2]; /* the two bytes in front */
};

/* xmlsplit_feed: @n bytes more. Returns how many of them are the element's. */
size_t xmlsplit_feed(struct xmlsplit *x, const char *bytes, size_t n);

#endif
