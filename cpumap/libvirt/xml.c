/* SPDX-License-Identifier: Apache-2.0 */
#include "xml.h"

#include <errno.h>
#include <libxml/parser.h>
#include <limits.h>

/* What is found while parsing. */
struct findings {
	bool doctype;
	unsigned int line; /* of the first error: those after it follow from it */
	char message[256]; /* empty: none */
};

/* Stops at a DOCTYPE before anything in it is read, so no entity can be declared. */
static void refuse_doctype(void *context, const xmlChar *name, const xmlChar *public_id,
			   const xmlChar *system_id)
{
	xmlParserCtxt *ctxt = context;

	(void)name;
	(void)public_id;
	(void)system_id;
	((struct findings *)ctxt->_private)->doctype = true;
	xmlStopParser(ctxt);
}

#if LIBXML_VERSION < 21200
typedef xmlError *error_arg;
#else
typedef const xmlError *error_arg;
#endif

static void note_first_error(void *context, error_arg error)
{
	struct findings *found = ((xmlParserCtxt *)context)->_private;

	if (*found->message || error->level < XML_ERR_ERROR || !error->message)
		return;
	found->line = error->line > 0 ? (unsigned int)error->line : 0;
	/* libxml2's messages end in a newline */
	(void)text_escape(found->message, sizeof(found->message), error->message,
			  strcspn(error->message, "\n"));
}

/* libxml2 prints errors that belong to no parser (of an encoding, for example), unless we take
 * them. */
static void ignore_error(void *context, error_arg error)
{
	(void)context;
	(void)error;
}

static int wrong_root(const xmlNode *node, const char *name, unsigned int line, const char *root,
		      struct error *err)
{
	const char *is = (const char *)node->name;
	char shown[64];

	return error_set(err, -EINVAL, name, line - 1 + xml_line(node),
			 "its root element is <%s> and not <%s>",
			 text_escape(shown, sizeof(shown), is, strlen(is)), root);
}

int xml_parse_at(xmlDoc **doc, const char *data, size_t len, const char *name, unsigned int line,
		 const char *root, struct error *err)
{
	xmlParserCtxt *ctxt = xmlNewParserCtxt();
	struct findings found = {0};
	const xmlNode *top;
	int r = 0;

	*doc = NULL;
	if (!ctxt || len > INT_MAX) {
		xmlFreeParserCtxt(ctxt);
		return error_set(err, ctxt ? -EFBIG : -ENOMEM, name, 0,
				 ctxt ? "is too large" : "out of memory");
	}
	xmlSetStructuredErrorFunc(NULL, ignore_error);
	ctxt->_private = &found;
	ctxt->sax->internalSubset = refuse_doctype;
	ctxt->sax->serror = note_first_error;
	/* not XML_PARSE_NOERROR: since 2.15 note_first_error wouldn't be told either */
	*doc = xmlCtxtReadMemory(ctxt, data, (int)len, NULL, NULL,
				 XML_PARSE_NONET | XML_PARSE_BIG_LINES);
	top = *doc ? xmlDocGetRootElement(*doc) : NULL;
	if (found.doctype)
		r = error_set(err, -EINVAL, name, 0, "has a DOCTYPE, which isn't read; remove it");
	else if (!top)
		r = error_set(err, -EINVAL, name, found.line ? line - 1 + found.line : 0,
			      "isn't well-formed XML: %s",
			      *found.message ? found.message : "it can't be parsed");
	else if (root && strcmp((const char *)top->name, root) != 0)
		r = wrong_root(top, name, line, root, err);
	xmlFreeParserCtxt(ctxt);
	if (r < 0) {
		xmlFreeDoc(*doc);
		*doc = NULL;
	}
	return r;
}

int xml_parse(xmlDoc **doc, const char *data, size_t len, const char *name, const char *root,
	      struct error *err)
{
	return xml_parse_at(doc, data, len, name, 1, root, err);
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
