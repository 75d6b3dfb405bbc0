/* SPDX-License-Identifier: Apache-2.0 */
/* Reading XML that may be hostile: no network, no DTD, hence no entities. libxml2's own limits
 * bound it. */
#ifndef CPUSHIM_XML_H
#define CPUSHIM_XML_H

#include <libxml/tree.h>

#include "cpumap/core/error.h"
#include "cpumap/core/util.h"

/* The largest definition or map file that is read. */
#define XML_FILE_LIMIT ((size_t)4 << 20)

/**
 * xml_parse: a document from @len bytes of @data.
 * @name: for errors (with the line)
 * @root: its root element's local name; NULL: any
 * The caller frees it (or _cleanup_doc_). -EINVAL: not well-formed, has a DOCTYPE, another root.
 */
int xml_parse(xmlDoc **doc, const char *data, size_t len, const char *name, const char *root,
	      struct error *err);

/* xml_parse_at: the same of a document that begins in line @line of what errors call @name. The lines of its
 * nodes are counted from 1 all the same. */
int xml_parse_at(xmlDoc **doc, const char *data, size_t len, const char *name, unsigned int line,
		 const char *root, struct error *err);

/* xml_read: the same from a file. */
int xml_read(xmlDoc **doc, const char *path, enum trust trust, const char *root, struct error *err);

/* xml_is: is @node an element of that local name in namespace @ns (NULL: in none)? */
bool xml_is(const xmlNode *node, const char *ns, const char *name);

/* xml_attr: the value of an attribute without namespace, which the caller frees with xmlFree; NULL
 * if there is none. */
char *xml_attr(const xmlNode *node, const char *name);

unsigned int xml_line(const xmlNode *node);

static inline void cleanup_docp(xmlDoc **doc)
{
	xmlFreeDoc(*doc);
}

static inline void cleanup_xmlp(char **s)
{
	if (*s)
		xmlFree(*s);
}

#define _cleanup_doc_ __attribute__((cleanup(cleanup_docp)))
#define _cleanup_xml_ __attribute__((cleanup(cleanup_xmlp)))

#endif
