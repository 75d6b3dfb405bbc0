/* SPDX-License-Identifier: Apache-2.0 */
#include "xml.h"

#include <errno.h>
#include <libxml/parser.h>
#include <limits.h>

/* A document with a DOCTYPE ends here, before anything in it is read: entities can't be declared.
 */
static void refuse_doctype(void *context, const xmlChar *name, const xmlChar *public_id,
			   const xmlChar *system_id)
{
	xmlParserCtxt *ctxt = context;

	(void)name;
	(void)public_id;
	(void)system_id;
	*(bool *)ctxt->_private = true;
	xmlStopParser(ctxt);
}

/* libxml2's messages end in a newline. */
static int say_broken(xmlParserCtxt *ctxt, const char *name, struct error *err)
{
	const xmlError *last = xmlCtxtGetLastError(ctxt);
	const char *message = last && last->message ? last->message : "empty";
	unsigned int line = last && last->line > 0 ? (unsigned int)last->line : 0;
	size_t len = strcspn(message, "\n");
	char shown[256];

	return error_set(err, -EINVAL, name, line, "isn't well-formed XML: %s",
			 text_escape(shown, sizeof(shown), message, len));
}

int xml_parse(xmlDoc **doc, const char *data, size_t len, const char *name, const char *root,
	      struct error *err)
{
	xmlParserCtxt *ctxt = xmlNewParserCtxt();
	bool doctype = false;
	char shown[64];
	int r = 0;

	*doc = NULL;
	if (!ctxt || len > INT_MAX) {
		xmlFreeParserCtxt(ctxt);
		return error_set(err, ctxt ? -EFBIG : -ENOMEM, name, 0,
				 ctxt ? "is too large" : "out of memory");
	}
	ctxt->_private = &doctype;
	ctxt->sax->internalSubset = refuse_doctype;
	*doc = xmlCtxtReadMemory(ctxt, data, (int)len, NULL, NULL,
				 XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING |
					 XML_PARSE_BIG_LINES);
	if (doctype)
		r = error_set(err, -EINVAL, name, 0, "has a DOCTYPE, which isn't read; remove it");
	else if (!*doc || !xmlDocGetRootElement(*doc))
		r = say_broken(ctxt, name, err);
	else if (strcmp((const char *)xmlDocGetRootElement(*doc)->name, root) != 0)
		r = error_set(err, -EINVAL, name, xml_line(xmlDocGetRootElement(*doc)),
			      "its root element is <%s> and not <%s>",
			      text_escape(shown, sizeof(shown),
					  (const char *)xmlDocGetRootElement(*doc)->name,
					  strlen((const char *)xmlDocGetRootElement(*doc)->name)),
			      root);
	xmlFreeParserCtxt(ctxt);
	if (r < 0) {
		xmlFreeDoc(*doc);
		*doc = NULL;
	}
	return r;
}

int xml_read(xmlDoc **doc, const char *path, enum trust trust, const char *root, struct error *err)
{
	_cleanup_free_ char *data = NULL;
	size_t len;
	int r = file_read(path, trust, XML_FILE_LIMIT, &data, &len, err);

	*doc = NULL;
	return r < 0 ? r : xml_parse(doc, data, len, path, root, err);
}

bool xml_is(const xmlNode *node, const char *ns, const char *name)
{
	const char *have = node->ns ? (const char *)node->ns->href : NULL;

	return node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, name) == 0 &&
	       (ns ? have && strcmp(have, ns) == 0 : !have);
}

char *xml_attr(const xmlNode *node, const char *name)
{
	return (char *)xmlGetNoNsProp((xmlNode *)node, (const xmlChar *)name);
}

unsigned int xml_line(const xmlNode *node)
{
	long line = xmlGetLineNo((xmlNode *)node);

	return line > 0 ? (unsigned int)line : 0;
}
