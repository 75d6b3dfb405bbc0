/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a CPU as libvirt describes it: <cpu> of `virsh capabilities`, `cpu-baseline` and domains,
 * <mode> of `virsh domcapabilities` (libvirt's docs/formatdomain, formatcaps and formatdomaincaps,
 * 7.0 to 11.3).
 */
#include <errno.h>

#include "definition_raw.h"

/* The element's text. NULL: there is more than text in it, and the definition is refused. */
static char *text_of(struct loader *l, struct raw *raw, const xmlNode *node)
{
	for (const xmlNode *n = node->children; n; n = n->next)
		if (n->type != XML_TEXT_NODE && n->type != XML_COMMENT_NODE) {
			raw_spoil(l, raw, xml_line(n), "only text may stand inside of <%s>",
				  raw_shown((const char *)node->name));
			return NULL;
		}
	return (char *)xmlNodeGetContent(node);
}

static void read_arch(struct loader *l, struct raw *raw, const xmlNode *node)
{
	_cleanup_xml_ char *arch = text_of(l, raw, node);

	if (arch && strcmp(arch, "x86_64") != 0 && strcmp(arch, "i686") != 0)
		raw_spoil(l, raw, xml_line(node), "is of a machine '%s', and this is for x86",
			  raw_shown(arch));
}

static void read_model(struct loader *l, struct raw *raw, const xmlNode *node)
{
	_cleanup_xml_ char *name = text_of(l, raw, node), *vendor = xml_attr(node, "vendor_id");

	if (name)
		raw_take_ancestor(l, raw, xml_line(node), name);
	if (vendor)
		raw_take_vendor(l, raw, xml_line(node), vendor);
}

static void read_vendor(struct loader *l, struct raw *raw, const xmlNode *node)
{
	_cleanup_xml_ char *name = text_of(l, raw, node);

	if (name && !*raw->id.vendor)
		raw_take_vendor(l, raw, xml_line(node), name);
}

static const struct element cpu_elements[] = {
	{NULL, "arch", read_arch, .text = true},
	{NULL, "model", read_model, {"fallback", "vendor_id"}, .text = true},
	{NULL, "vendor", read_vendor, .text = true},
	{NULL, "signature", raw_read_signature, {"family", "model", "stepping"}},
	{NULL, "feature", raw_read_feature, {"name", "policy"}},
};

/* Elements that are no part of a model: the machine, the host or the domain decides them. */
static const char *const ignored[] = {
	"microcode", "counter", "topology",           "maxphysaddr", "pages",
	"cache",     "numa",    "migration_features", "features",    "enum",
};

static bool is_ignored(const xmlNode *node)
{
	for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
		if (xml_is(node, NULL, ignored[i]))
			return true;
	return false;
}

/* With mode='host-model' only a running domain has a <model>, with host-passthrough none has. */
static void check_model(struct loader *l, struct raw *raw, const xmlNode *node)
{
	_cleanup_xml_ char *mode = xml_attr(node, "mode");

	if (raw->ancestor || raw->state == BAD)
		return;
	raw_spoil(
		l, raw, xml_line(node),
		"its <cpu> names no model%s%s%s; `virsh domcapabilities` tells what host-model is "
		"on a host, `virsh capabilities` what the host has",
		mode ? " (mode='" : "", mode ? raw_shown(mode) : "", mode ? "')" : "");
}

void raw_read_cpu(struct loader *l, struct raw *raw, const xmlNode *node)
{
	static const char *const known[] = {
		"mode", "match",     "check", "migratable", "deprecated_features",
		"name", "supported", NULL};

	raw_check_attributes(l, raw, node, known);
	for (const xmlNode *n = node->children; n; n = n->next)
		if (!raw_is_blank(n) && !is_ignored(n))
			raw_read_element(l, raw, n, cpu_elements, ARRAY_SIZE(cpu_elements));
	check_model(l, raw, node);
}

/* ---- documents ---- */

/* The one child of that name. If there are several, *@line receives the second one's line. */
static const xmlNode *child(const xmlNode *parent, const char *name, unsigned int *line)
{
	const xmlNode *found = NULL;

	for (const xmlNode *n = parent ? parent->children : NULL; n; n = n->next) {
		if (!xml_is(n, NULL, name))
			continue;
		if (found && !*line)
			*line = xml_line(n);
		found = found ? found : n;
	}
	return found;
}

/* domcapabilities: <cpu><mode name='host-model'> */
static const xmlNode *host_model(const xmlNode *root, unsigned int *line)
{
	const xmlNode *cpu = child(root, "cpu", line);

	for (const xmlNode *n = cpu ? cpu->children : NULL; n; n = n->next) {
		_cleanup_xml_ char *name = xml_is(n, NULL, "mode") ? xml_attr(n, "name") : NULL;

		if (name && strcmp(name, "host-model") == 0)
			return n;
	}
	return NULL;
}

/* A CPU map: <model> in <cpus>; in the single file of libvirt before 4.7 also in <arch> */
static const xmlNode *map_model(const xmlNode *root, unsigned int *line)
{
	const xmlNode *model = child(root, "model", line);

	return model ? model : child(child(root, "arch", line), "model", line);
}

const xmlNode *raw_document(const xmlDoc *doc, const char *path, struct error *err)
{
	const xmlNode *root = xmlDocGetRootElement(doc), *found = NULL;
	unsigned int second = 0;

	if (xml_is(root, NULL, "cpu") || xml_is(root, NULL, "model"))
		found = root;
	else if (xml_is(root, NULL, "capabilities"))
		found = child(child(root, "host", &second), "cpu", &second);
	else if (xml_is(root, NULL, "domain"))
		found = child(root, "cpu", &second);
	else if (xml_is(root, NULL, "domainCapabilities"))
		found = host_model(root, &second);
	else if (xml_is(root, NULL, "cpus"))
		found = map_model(root, &second);
	if (second)
		error_set(err, -EINVAL, path, second,
			  "here is a second one; give the CPU that is meant in a file of its own");
	else if (!found)
		error_set(err, -EINVAL, path, xml_line(root),
			  "<%s> has no CPU that is understood: give a <cpu> (of `virsh "
			  "cpu-baseline`), a <model> of libvirt's CPU map, or the answer of `virsh "
			  "capabilities`, `domcapabilities` or `dumpxml`",
			  raw_shown((const char *)root->name));
	return second ? NULL : found;
}
