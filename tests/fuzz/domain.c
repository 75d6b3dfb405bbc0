/* SPDX-License-Identifier: Apache-2.0 */
#include "domain.h"

#include <errno.h>
#include <libxml/parser.h>
#include <libxml/xpath.h>

#include "cpumap/core/util.h"
#include "hook/core/scan.h"
#include "hook/domain/domain.h"
#include "hook/domain/unclear.h"

#define MODEL "gate64"

/* A byte of input each. An element's name opens it, "" closes the innermost, and what is open at the
 * end is closed: so much of it is well-formed. */
static const char *const pieces[] = {
	"",
	"<domain",
	"<cpu",
	"<model",
	"<feature",
	"<uuid",
	"<metadata",
	"<features",
	"<x:cpu",
	"<x:model",
	"<x:domain",
	"<a",
	" mode='custom'",
	" mode='host-model'",
	" mode=\"host-passthrough\"",
	" x:mode='custom'",
	" x:mode='host-model'",
	" mode='cust&#111;m'",
	" policy='require'",
	" x:policy='disable'",
	" name='aes'",
	" x:name='avx'",
	" xmlns='urn:x'",
	" xmlns=''",
	" xmlns:x='urn:x'",
	" xmlns:x='urn:y'",
	" xml:mode='custom'",
	" vendor_id='GenuineIntel'",
	" x:vendor_id='AuthenticAMD'",
	" a='>'",
	" a=\"'/>\"",
	" type='kvm'",
	">",
	"/>",
	"gate64",
	"gate",
	"64",
	"kvm64",
	"&#103;",
	"&amp;",
	"&g;",
	"\n",
	" ",
	"<!---->",
	"<!-- </model></cpu><cpu><model>kvm64</model> -->",
	"<![CDATA[gate]]>",
	"<![CDATA[</metadata><cpu>]]]>",
	"<?x?>",
	"<?x </cpu> ?>",
	"6b2f0d3e-52cf-4b1f-9a57-3a1e8f1c2d64",
	"6B2F0D3E52cf4b1f9a573a1e8f1c2d64",
	"<?xml version='1.0'?>",
	"<?xml version='1.0' encoding='UTF-7'?>",
	"<!DOCTYPE domain [<!ENTITY g 'gate64'><!ATTLIST cpu mode CDATA 'host-model'>]>",
	"<emulator",
	"<devices",
	" match='minimum'",
	" x:match='exact'",
	"\xef\xbb\xbf",
	"]]>",
	"<domain type='qemu'><uuid>6b2f0d3e-52cf-4b1f-9a57-3a1e8f1c2d64</uuid>",
	"<cpu mode='custom'><model>gate64</model>",
};

#define NAMES_MAX 64

struct open_elements {
	const char *name[NAMES_MAX];
	size_t n;
	bool in_tag;
};

static void close_innermost(struct text *out, struct open_elements *open)
{
	if (open->in_tag)
		text_adds(out, ">");
	open->in_tag = false;
	if (open->n > 0) {
		open->n--;
		text_addf(out, "</%s>", open->name[open->n]);
	}
}

static void add_piece(struct text *out, struct open_elements *open, const char *piece)
{
	if (!*piece) {
		close_innermost(out, open);
		return;
	}
	/* a tag ends by itself where something else begins */
	if (open->in_tag && *piece != ' ' && *piece != '>' && *piece != '/') {
		text_adds(out, ">");
		open->in_tag = false;
	}
	text_adds(out, piece);
	if (*piece == '<' && !strpbrk(piece + 1, "<>!?") && open->n < NAMES_MAX) {
		open->name[open->n++] = piece + 1;
		open->in_tag = true;
	} else if (strcmp(piece, "/>") == 0) {
		open->n -= open->n > 0 && open->in_tag;
		open->in_tag = false;
	} else if (strcmp(piece, ">") == 0) {
		open->in_tag = false;
	} else if (strncmp(piece, "<domain ", 8) == 0 && open->n < NAMES_MAX) {
		open->name[open->n++] = "domain";
	} else if (strncmp(piece, "<cpu ", 5) == 0 && open->n < NAMES_MAX) {
		open->name[open->n++] = "cpu";
	}
}

static void build(struct text *out, const uint8_t *data, size_t size)
{
	struct open_elements open = {0};

	text_adds(out, "");
	if (size == 0 || *data != DOMAIN_BY_PIECES) {
		text_add(out, (const char *)data, size);
		return;
	}
	for (size_t i = 1; i < size; i++)
		add_piece(out, &open, pieces[data[i] % ARRAY_SIZE(pieces)]);
	while (open.n > 0)
		close_innermost(out, &open);
}

/* What libvirt reads of it (virDomainDefParseXML, virCPUDefParseXML: 11.3 and, in this, those
 * before). */
struct oracle {
	xmlDoc *doc;
	xmlXPathContext *context;
	xmlNode *cpu;
	char *model, *mode, *match, *vendor_id, *uuid; /* NULL: none */
	bool site;
};

static char *string_of(struct oracle *o, const char *xpath)
{
	xmlXPathObject *object = xmlXPathEvalExpression(BAD_CAST xpath, o->context);
	char *s = object && object->stringval && *object->stringval
			  ? strdup((char *)object->stringval)
			  : NULL;

	xmlXPathFreeObject(object);
	return s;
}

static char *property_of(xmlNode *node, const char *name)
{
	xmlChar *s = xmlGetProp(node, BAD_CAST name);
	char *copy = s ? strdup((char *)s) : NULL;

	if (s)
		xmlFree(s);
	return copy;
}

/* Is it XML whose root is a domain? */
static bool oracle_parse(struct oracle *o, const char *xml)
{
	xmlNode *root;

	/* as virXMLParseHelper: up to the first NUL */
	o->doc = xmlReadDoc(BAD_CAST xml, NULL, NULL,
			    XML_PARSE_NONET | XML_PARSE_NOWARNING | XML_PARSE_NOERROR);
	root = o->doc ? xmlDocGetRootElement(o->doc) : NULL;
	if (!root || strcmp((const char *)root->name, "domain") != 0)
		return false;
	o->context = xmlXPathNewContext(o->doc);
	o->context->node = root;
	return true;
}

static bool oracle_read(struct oracle *o, const char *xml)
{
	xmlXPathObject *cpus;

	*o = (struct oracle){0};
	if (!oracle_parse(o, xml))
		return false;
	o->uuid = string_of(o, "string(./uuid[1])");
	cpus = xmlXPathEvalExpression(BAD_CAST "./cpu[1]", o->context);
	if (cpus && cpus->nodesetval && cpus->nodesetval->nodeNr > 0)
		o->cpu = cpus->nodesetval->nodeTab[0];
	xmlXPathFreeObject(cpus);
	if (!o->cpu)
		return true;
	o->context->node = o->cpu;
	o->mode = property_of(o->cpu, "mode");
	o->match = property_of(o->cpu, "match");
	o->model = string_of(o, "string(./model[1])");
	o->vendor_id = string_of(o, "string(./model[1]/@vendor_id)");
	o->site = o->model && strcmp(o->model, MODEL) == 0 &&
		  (!o->mode || strcmp(o->mode, "custom") == 0);
	return true;
}

static void oracle_free(struct oracle *o)
{
	xmlXPathFreeContext(o->context);
	xmlFreeDoc(o->doc);
	free(o->model);
	free(o->mode);
	free(o->match);
	free(o->vendor_id);
	free(o->uuid);
}

static bool same(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

static bool ignores_model(const struct oracle *o)
{
	return o->mode && strcmp(o->mode, "custom") != 0;
}

/* Where the front says that it could follow the model, it is libvirt's. */
static const char *compare_front(const struct oracle *o, const struct scan *s)
{
	size_t len;
	const char *model = scan_model(s, &len);
	char canonical[UUID_LEN + 1] = "", libvirts[UUID_LEN + 1] = "";

	if (s->form == SCAN_OPAQUE)
		return NULL;
	(void)uuid_parse(s->uuid.data, s->uuid.len < sizeof(s->uuid.data) ? s->uuid.len : 0,
			 canonical);
	if (o->uuid)
		(void)uuid_parse(o->uuid, strlen(o->uuid), libvirts);
	if (strcmp(canonical, libvirts) != 0)
		return "the front reads another UUID";
	if (!o->model || ignores_model(o))
		return model && !(o->mode && !ignores_model(o)) && o->model
			       ? "the front sees a model where the mode ignores it"
		       : model ? "the front sees a model where there is none"
			       : NULL;
	if (!model)
		return "the front sees no model";
	if (strlen(o->model) >= sizeof(s->model.data))
		return NULL; /* cut; too long for ours anyway */
	/* line ends are the parser's affair */
	if (strchr(o->model, '\n'))
		return NULL;
	return strlen(o->model) == len && memcmp(o->model, model, len) == 0
		       ? NULL
		       : "the front sees another model";
}

/* Every ./feature, as libvirt takes its name and policy. */
static const char *compare_features(const struct oracle *o, const struct domain *d)
{
	xmlXPathObject *found = xmlXPathEvalExpression(BAD_CAST "./feature", o->context);
	const char *what = NULL;
	size_t at = 0;

	for (int i = 0; found && found->nodesetval && i < found->nodesetval->nodeNr; i++) {
		_cleanup_free_ char *name = property_of(found->nodesetval->nodeTab[i], "name");
		_cleanup_free_ char *policy = property_of(found->nodesetval->nodeTab[i], "policy");

		if (!name)
			continue;
		if (at + 1 >= d->own.n || !same(d->own.item[at], name) ||
		    !same(d->own.item[at + 1], policy ? policy : "require"))
			what = "the worker reads other features";
		at += 2;
	}
	xmlXPathFreeObject(found);
	return what ? what : at != d->own.n ? "the worker reads more features" : NULL;
}

static const char *compare_worker(const struct oracle *o, char *xml, size_t len)
{
	_cleanup_domain_ struct domain d = {0};
	const struct table t = {.row = &(struct table_row){.model = MODEL}, .n = 1};
	struct error err = {0};
	char uuid[UUID_LEN + 1];

	if (domain_read(&d, xml, len, "fuzz", &err) < 0)
		return o->site && !unclear_may_ask(&t, xml, len, &err)
			       ? "the worker lets pass what it doesn't understand"
			       : NULL;
	if (o->uuid && uuid_parse(o->uuid, strlen(o->uuid), uuid) && !same(d.uuid, uuid))
		return "the worker reads another UUID";
	if (!o->cpu || ignores_model(o))
		return d.model ? "the worker sees a model" : NULL;
	if (!same(d.model, o->model))
		return "the worker sees another model";
	if (!o->model)
		return NULL;
	if (!same(d.match, o->match) || !same(d.vendor_id, o->vendor_id))
		return "the worker reads other attributes";
	return compare_features(o, &d);
}

const char *domain_difference(const uint8_t *data, size_t size)
{
	_cleanup_text_ struct text xml = {0};
	struct scan scan = {0};
	const char *what = NULL;
	struct oracle o;

	xmlSetGenericErrorFunc(NULL, NULL);
	build(&xml, data, size);
	/* byte by byte, as a slow pipe gives it */
	for (size_t i = 0; i < xml.len; i++)
		scan_feed(&scan, xml.data + i, 1);
	scan_end(&scan);
	if (oracle_read(&o, xml.data)) {
		/* libvirt hands over what is in front of a NUL */
		if (strlen(xml.data) == xml.len)
			what = compare_front(&o, &scan);
		if (!what)
			what = compare_worker(&o, xml.data, strlen(xml.data));
	}
	oracle_free(&o);
	return what;
}
