/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a definition's <model> as it is written. */
#include "definition_raw.h"
#include "suggest.h"

static bool both_ways(const struct raw *raw, size_t f)
{
	return featset_has(&raw->on, f) && featset_has(&raw->off, f);
}

static void unknown_feature(struct loader *l, struct raw *raw, unsigned int line, const char *name)
{
	const char *near = feature_suggest(name);

	if (near)
		raw_spoil(l, raw, line, "unknown feature '%s'; is '%s' meant?", raw_shown(name),
			  near);
	else
		raw_spoil(l, raw, line,
			  "unknown feature '%s'; libvirt's x86_features.xml and "
			  "`qemu-system-x86_64 -cpu help` have the names",
			  raw_shown(name));
}

/* Reads policy=: does the definition have the feature or not? In a domain force means what require
 * means, and forbid what disable means: they only demand more of the host (docs/formatdomain).
 * False: it doesn't say. */
static bool read_policy(struct loader *l, struct raw *raw, const xmlNode *node, const char *name,
			bool *off)
{
	_cleanup_xml_ char *policy = xml_attr(node, "policy");

	*off = policy && (strcmp(policy, "disable") == 0 || strcmp(policy, "forbid") == 0);
	if (!policy || *off || strcmp(policy, "require") == 0 || strcmp(policy, "force") == 0)
		return true;
	raw_spoil(l, raw, xml_line(node),
		  "feature '%s' has policy '%s'; a model either has a feature (require) or not "
		  "(disable)",
		  raw_shown(name), raw_shown(policy));
	return false;
}

/* libvirt's map marks features that a model gained or lost in a later release (added=, removed=).
 * They are no part of the model, here as where it is inherited. */
static bool is_marked(struct loader *l, struct raw *raw, const xmlNode *node)
{
	static const char *const marks[] = {"added", "removed"};
	bool marked = false;

	for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
		_cleanup_xml_ char *mark = xml_attr(node, marks[i]);

		if (mark && strcmp(mark, "yes") == 0)
			marked = true;
		else if (mark && strcmp(mark, "no") != 0)
			raw_spoil(l, raw, xml_line(node), "%s='%s' is neither yes nor no", marks[i],
				  raw_shown(mark));
	}
	return marked;
}

static void take_feature(struct loader *l, struct raw *raw, unsigned int line, size_t f, bool off)
{
	if (features[f].kind == FEATURE_OTHER) {
		raw_warn(l, raw, line,
			 "feature '%s' is no part of a definition and ignored: topology, the "
			 "guest's system or the hypervisor decide it",
			 features[f].name);
	} else if (features[f].kind == FEATURE_CPUID) {
		featset_add(off ? &raw->off : &raw->on, f);
	} else if (!off) {
		raw->msr_line = raw->msr_line ? raw->msr_line : line;
		featset_add(&raw->msr, f);
	}
	if (both_ways(raw, f))
		raw_spoil(l, raw, line, "feature '%s' is both on and off", features[f].name);
}

void raw_read_feature(struct loader *l, struct raw *raw, const xmlNode *node)
{
	_cleanup_xml_ char *name = xml_attr(node, "name");
	int f = name ? feature_find(name, strlen(name)) : -1;
	unsigned int line = xml_line(node);
	bool off;

	if (!name)
		raw_spoil(l, raw, line, "a <feature> without a name");
	else if (f < 0)
		unknown_feature(l, raw, line, name);
	else if (is_marked(l, raw, node))
		raw->marked++;
	else if (read_policy(l, raw, node, name, &off))
		take_feature(l, raw, line, (size_t)f, off);
}

static void read_qemu(struct loader *l, struct raw *raw, const xmlNode *node)
{
	_cleanup_xml_ char *base = xml_attr(node, "base"), *vendor = xml_attr(node, "vendor");

	if (base && !model_name_valid(base, strlen(base)))
		raw_spoil(l, raw, xml_line(node), "base '%s' isn't a model's name",
			  raw_shown(base));
	else if (base && !raw->base)
		raw->base = raw_copy(l, base);
	else if (base)
		raw_spoil(l, raw, xml_line(node), "a second base");
	if (vendor && *raw->id.vendor)
		raw_spoil(l, raw, xml_line(node), "a second vendor");
	else if (vendor && strcmp(vendor, "host") == 0)
		memcpy(raw->id.vendor, "host", sizeof("host"));
	else if (vendor)
		raw_spoil(l, raw, xml_line(node),
			  "vendor='%s' of <shim:qemu>: only 'host' can be said here; <vendor "
			  "name='...'/> names one",
			  raw_shown(vendor));
}

/* Can leaf 0 say this vendor, and can -cpu? A comma would end the property. */
static bool is_vendor_string(const char *s)
{
	size_t len = strlen(s);

	for (size_t i = 0; i < len; i++)
		if (s[i] < ' ' || s[i] > '~' || s[i] == ',')
			return false;
	return len == 12;
}

void raw_take_vendor(struct loader *l, struct raw *raw, unsigned int line, const char *name)
{
	const char *vendor = libvirtmap_vendor(l->world->map, name);

	if (!vendor && is_vendor_string(name))
		vendor = name;
	if (!vendor)
		raw_spoil(l, raw, line,
			  "unknown vendor '%s'; name Intel, AMD, Hygon, or the 12 characters of "
			  "CPUID",
			  raw_shown(name));
	else if (*raw->id.vendor)
		raw_spoil(l, raw, line, "a second vendor");
	else
		(void)snprintf(raw->id.vendor, sizeof(raw->id.vendor), "%s", vendor);
}

static void read_vendor(struct loader *l, struct raw *raw, const xmlNode *node)
{
	_cleanup_xml_ char *name = xml_attr(node, "name");

	raw_take_vendor(l, raw, xml_line(node), name ? name : "");
}

/* stepping='0-4,7' (libvirt 6.9 on): the length of the first number */
static size_t first_of(const char *text, const char *name)
{
	size_t len = strspn(text, "0123456789");

	if (strcmp(name, "stepping") != 0 || len == 0 || !text[len] ||
	    text[len + strspn(text + len, "0123456789-,")])
		return strlen(text);
	return len;
}

/* One number of <signature>; It stays -1 if it isn't there. Largest values: SDM 2A, CPUID, leaf 1
 * EAX. */
static void read_number(struct loader *l, struct raw *raw, const xmlNode *node, const char *name,
			uint64_t max, int *number)
{
	_cleanup_xml_ char *text = xml_attr(node, name);
	uint64_t value = 0;
	size_t len;

	if (!text)
		return;
	len = first_of(text, name);
	if (number_parse(text, len, 0, max, &value) < 0)
		raw_spoil(l, raw, xml_line(node),
			  "%s='%s' of <signature> isn't a number from 0 to %u", name,
			  raw_shown(text), (unsigned int)max);
	else if (text[len])
		raw_warn(l, raw, xml_line(node),
			 "%s='%s' of <signature> are several; the first counts, %u", name,
			 raw_shown(text), (unsigned int)value);
	*number = (int)value;
}

/* A CPU has one <signature>. A model of libvirt's map often has several, which say for which hosts
 * libvirt chooses it. */
void raw_read_signature(struct loader *l, struct raw *raw, const xmlNode *node)
{
	struct identity id = IDENTITY_NONE;

	if (++raw->signatures > 1) {
		if (raw->signatures == 2)
			raw_warn(l, raw, xml_line(node),
				 "has several <signature>s; the first counts");
		return;
	}
	read_number(l, raw, node, "family", 0xf + 0xff, &id.family);
	read_number(l, raw, node, "model", 0xff, &id.model);
	read_number(l, raw, node, "stepping", 0xf, &id.stepping);
	if (id.family < 0 || id.model < 0)
		raw_spoil(l, raw, xml_line(node), "a <signature> needs family= and model=");
	raw->id.family = id.family;
	raw->id.model = id.model;
	raw->id.stepping = id.stepping;
}

void raw_take_ancestor(struct loader *l, struct raw *raw, unsigned int line, const char *name)
{
	if (raw->ancestor)
		raw_spoil(l, raw, line, "a second model to start from");
	else
		raw->ancestor = raw_copy(l, name);
	raw->ancestor_line = line;
}

static void read_ancestor(struct loader *l, struct raw *raw, const xmlNode *node)
{
	_cleanup_xml_ char *name = xml_attr(node, "name");

	if (name)
		raw_take_ancestor(l, raw, xml_line(node), name);
	else
		raw_spoil(l, raw, xml_line(node), "a <model> to start from without a name");
}

static const struct element elements[] = {
	{NULL, "model", read_ancestor, {"name"}},
	{NULL, "feature", raw_read_feature, {"name", "policy", "added", "removed"}},
	{NULL, "vendor", read_vendor, {"name"}},
	{NULL, "signature", raw_read_signature, {"family", "model", "stepping"}},
	{DEFINITION_NS, "qemu", read_qemu, {"base", "vendor"}},
	/* this concerns libvirt alone; people copy it from the map */
	{NULL, "decode", NULL, {"host", "guest"}},
	{NULL, "check", NULL, {"partial"}},
};

/* An unknown attribute is refused: a misspelt policy='disable' would otherwise switch the feature
 * on. */
void raw_check_attributes(struct loader *l, struct raw *raw, const xmlNode *node,
			  const char *const *known)
{
	for (const xmlAttr *a = node->properties; a; a = a->next) {
		size_t i = 0;

		while (known[i] && (a->ns || strcmp((const char *)a->name, known[i]) != 0))
			i++;
		if (!known[i])
			raw_spoil(l, raw, xml_line(node), "attribute %s= of <%s> isn't understood",
				  raw_shown((const char *)a->name),
				  raw_shown((const char *)node->name));
	}
}

bool raw_is_blank(const xmlNode *node)
{
	return node->type == XML_COMMENT_NODE || xmlIsBlankNode(node);
}

static void check_empty(struct loader *l, struct raw *raw, const xmlNode *node)
{
	for (const xmlNode *n = node->children; n; n = n->next)
		if (!raw_is_blank(n)) {
			raw_spoil(l, raw, xml_line(n), "nothing may stand inside of <%s>",
				  raw_shown((const char *)node->name));
			return;
		}
}

void raw_read_element(struct loader *l, struct raw *raw, const xmlNode *node,
		      const struct element *known, size_t n)
{
	const char *hint = "";

	for (size_t i = 0; i < n; i++) {
		if (!xml_is(node, known[i].ns, known[i].name))
			continue;
		raw_check_attributes(l, raw, node, known[i].attribute);
		if (!known[i].text)
			check_empty(l, raw, node);
		if (known[i].read)
			known[i].read(l, raw, node);
		return;
	}
	if (node->type != XML_ELEMENT_NODE) {
		raw_spoil(l, raw, xml_line(node), "text isn't understood here");
		return;
	}
	if (strcmp((const char *)node->name, "qemu") == 0)
		hint = "; is xmlns:shim='" DEFINITION_NS "' declared?";
	raw_spoil(l, raw, xml_line(node), "<%s> isn't understood here%s",
		  raw_shown((const char *)node->name), hint);
}

void raw_read_parts(struct loader *l, struct raw *raw, const xmlNode *node)
{
	for (const xmlNode *n = node->children; n; n = n->next) {
		if (raw_is_blank(n))
			continue;
		if (xml_is(n, NULL, "cpu"))
			raw_read_cpu(l, raw, n);
		else
			raw_read_element(l, raw, n, elements, ARRAY_SIZE(elements));
	}
	if (raw->marked)
		raw_warn(l, raw, xml_line(node),
			 "%u of its features are marked added= or removed= and no part of it, as "
			 "where it is inherited from libvirt's map",
			 raw->marked);
}
