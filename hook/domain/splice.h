/* SPDX-License-Identifier: Apache-2.0 */
/* Where in a domain's XML an element such as <cpu> is, to the byte. */
#ifndef CPUSHIM_SPLICE_H
#define CPUSHIM_SPLICE_H

#include <stdbool.h>
#include <stddef.h>

/* A range of bytes. */
struct range {
	size_t start, end;
};

/* An element: the whole, and what is between its tags. An empty one (<a/>) has no inside. */
struct element {
	struct range all, inside;
};

/**
 * splice_child: the next child element @name of the element whose inside is @parent, from byte
 * @from on.
 * @name: its tag's name; NULL: any
 * The text must be well-formed XML in UTF-8 without a DOCTYPE, which libxml2 has checked.
 * Returns false if there is none.
 */
bool splice_child(const char *xml, const struct range *parent, size_t from, const char *name,
		  struct element *child);

/* splice_root: the document's root element. */
bool splice_root(const char *xml, size_t len, struct element *root);

/* splice_named: is @name the name in the tag of @e? */
bool splice_named(const char *xml, const struct element *e, const char *name);

#endif
