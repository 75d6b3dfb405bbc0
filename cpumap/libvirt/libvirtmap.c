/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvirt's CPU map as src/cpu/cpu_map.c and cpu_x86.c read it (7.0 to 12.8): index.xml has an
 * <arch name='x86'> with <include filename=>, since 11.5 in <group>s; an included file has <cpus>
 * with vendors, features and models in it. Before 4.7 the whole map is one cpu_map.xml, with an
 * <arch> for x86 and for other machines; there <cpuid> of 1.2 says function= for eax_in=.
 */
#include "libvirtmap.h"

#include <cpuid.h>
#include <errno.h>

#include "cpumap/core/paths.h"
#include "mapinclude.h"
#include "mapsingle.h"
#include "xml.h"

struct reader {
	struct libvirtmap *map;
	const char *dir, *skip;
	bool models;      /* the second pass: models; before it vendors and features */
	bool ours;        /* in our include or block */
	const char *path; /* of the file that is read */
};

void libvirtmap_free(struct libvirtmap *map)
{
	strv_free(&map->unknown);
	strv_free(&map->odd);
	strv_free(&map->odd_origin);
	strv_free(&map->vendors);
	strv_free(&map->ours);
	model_list_free(&map->models);
	*map = (struct libvirtmap){0};
}

static int no_memory(const struct reader *r, struct error *err)
{
	return error_set(err, -ENOMEM, r->path, 0, "out of memory");
}

const char *libvirtmap_vendor(const struct libvirtmap *map, const char *name)
{
	/* x86_vendors.xml, 7.0 to 12.8 */
	static const char *const known[][2] = {
		{"Intel", "GenuineIntel"}, {"AMD", "AuthenticAMD"}, {"Hygon", "HygonGenuine"}};

	for (size_t i = 0; map && i + 1 < map->vendors.n; i += 2)
		if (strcmp(map->vendors.item[i], name) == 0 ||
		    strcmp(map->vendors.item[i + 1], name) == 0)
			return map->vendors.item[i + 1];
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strcmp(known[i][0], name) == 0 || strcmp(known[i][1], name) == 0)
			return known[i][1];
	return NULL;
}

static int read_vendor(struct reader *r, const xmlNode *node, struct error *err)
{
	_cleanup_xml_ char *name = xml_attr(node, "name"), *string = xml_attr(node, "string");

	if (!name || !string || strlen(string) != 12)
		return 0;
	if (strv_add(&r->map->vendors, name, strlen(name)) < 0 ||
	    strv_add(&r->map->vendors, string, strlen(string)) < 0)
		return no_memory(r, err);
	return 0;
}

static uint32_t number_attr(const xmlNode *node, const char *name)
{
	_cleanup_xml_ char *text = xml_attr(node, name);
	uint64_t value = 0;

	return text && number_parse(text, strlen(text), 0, UINT32_MAX, &value) == 0
		       ? (uint32_t)value
		       : 0;
}

/* Does <cpuid> mean the bit that we know by this feature's name? */
static bool same_bit(const xmlNode *cpuid, const struct feature *f)
{
	static const char *const regs[] = {"eax", "ebx", "ecx", "edx"};

	return (number_attr(cpuid, "eax_in") | number_attr(cpuid, "function")) == f->leaf &&
	       number_attr(cpuid, "ecx_in") == f->subleaf &&
	       number_attr(cpuid, regs[f->reg]) == UINT32_C(1) << f->bit;
}

static bool means_ours(const xmlNode *node, int f)
{
	for (const xmlNode *n = node->children; n; n = n->next) {
		if (xml_is(n, NULL, "cpuid"))
			return features[f].kind != FEATURE_MSR && same_bit(n, &features[f]);
		if (xml_is(n, NULL, "msr"))
			return features[f].kind == FEATURE_MSR;
	}
	return true;
}

static int read_feature(struct reader *r, const xmlNode *node, struct error *err)
{
	_cleanup_xml_ char *name = xml_attr(node, "name");
	int f = name ? feature_find(name, strlen(name)) : -1;

	if (!name)
		return 0;
	if (f >= 0 && means_ours(node, f)) {
		/* the map spells it otherwise: we know the feature, but this libvirt wouldn't know
		 * our name for it */
		if (strcmp(name, features[f].name) == 0)
			featset_add(&r->map->features, (size_t)f);
		return 0;
	}
	return strv_add(&r->map->unknown, name, strlen(name)) < 0 ? no_memory(r, err) : 0;
}

/* Is the feature part of the model? One that the model gained or lost in a later release isn't. */
static bool is_part(const xmlNode *node)
{
	_cleanup_xml_ char *added = xml_attr(node, "added"), *removed = xml_attr(node, "removed");

	return !(added && strcmp(added, "yes") == 0) && !(removed && strcmp(removed, "yes") == 0);
}

static bool model_feature(struct model *m, const xmlNode *node, const struct libvirtmap *map)
{
	_cleanup_xml_ char *name = xml_attr(node, "name");
	_cleanup_xml_ char *policy = xml_attr(node, "policy");
	int f = name ? feature_find(name, strlen(name)) : -1;

	if (!is_part(node))
		return true;
	if (f < 0 || strv_has(&map->unknown, name))
		return false;
	if (policy && strcmp(policy, "disable") == 0)
		featset_remove(&m->features, (size_t)f);
	else if (features[f].kind == FEATURE_CPUID)
		featset_add(&m->features, (size_t)f);
	return true;
}

static bool inherit(struct model *m, const xmlNode *node, const struct libvirtmap *map)
{
	_cleanup_xml_ char *name = xml_attr(node, "name");
	const struct model *ancestor = name ? model_named(&map->models, name) : NULL;

	if (ancestor) {
		m->features = ancestor->features;
		m->id = ancestor->id;
	}
	return ancestor;
}

static void read_vendor_of(struct model *m, const xmlNode *node, const struct libvirtmap *map)
{
	_cleanup_xml_ char *name = xml_attr(node, "name");
	const char *vendor = name ? libvirtmap_vendor(map, name) : NULL;

	if (vendor)
		(void)snprintf(m->id.vendor, sizeof(m->id.vendor), "%s", vendor);
}

/* False: something in the model isn't understood. */
static bool read_model_parts(struct model *m, const xmlNode *node, struct libvirtmap *map)
{
	bool understood = true, signature = false;

	for (const xmlNode *n = node->children; n; n = n->next)
		if (xml_is(n, NULL, "model"))
			understood &= inherit(m, n, map);
	for (const xmlNode *n = node->children; n; n = n->next) {
		if (xml_is(n, NULL, "feature"))
			understood &= model_feature(m, n, map);
		else if (xml_is(n, NULL, "vendor"))
			read_vendor_of(m, n, map);
		else if (xml_is(n, NULL, "decode"))
			map->has_decode = true;
		if (!xml_is(n, NULL, "signature") || signature)
			continue;
		m->id.family = (int)(number_attr(n, "family") & 0xfff);
		m->id.model = (int)(number_attr(n, "model") & 0xff);
		signature = true;
	}
	return understood;
}

static int add_odd(struct reader *r, const char *name, unsigned int line)
{
	int rc = strv_add(&r->map->odd, name, strlen(name));

	return rc < 0 ? rc : strv_addf(&r->map->odd_origin, "%s:%u", r->path, line);
}

const char *libvirtmap_odd(const struct libvirtmap *map, const char *name)
{
	for (size_t i = 0; map && i < map->odd.n; i++)
		if (strcmp(map->odd.item[i], name) == 0)
			return i < map->odd_origin.n ? map->odd_origin.item[i] : "";
	return NULL;
}

static int read_model(struct reader *r, const xmlNode *node, struct error *err)
{
	struct model_list *models = &r->map->models;
	_cleanup_xml_ char *name = xml_attr(node, "name");
	struct model m = {.id = IDENTITY_NONE}, *grown;

	if (!name || model_named(models, name) || strv_has(&r->map->odd, name))
		return 0;
	if (!read_model_parts(&m, node, r->map))
		return add_odd(r, name, xml_line(node)) < 0 ? no_memory(r, err) : 0;
	m.name = strdup(name);
	if (asprintf(&m.origin, "%s:%u", r->path, xml_line(node)) < 0)
		m.origin = NULL;
	grown = m.name && m.origin
			? reallocarray(models->item, models->n + 1, sizeof(*models->item))
			: NULL;
	if (!grown) {
		model_free(&m);
		return no_memory(r, err);
	}
	models->item = grown;
	models->item[models->n++] = m;
	if (r->ours && strv_add(&r->map->ours, m.name, strlen(m.name)) < 0)
		return no_memory(r, err);
	return 0;
}

static int read_cpus(struct reader *r, const xmlNode *parent, bool included, struct error *err);

static int read_include(struct reader *r, const xmlNode *node, struct error *err)
{
	_cleanup_xml_ char *file = xml_attr(node, "filename");
	_cleanup_free_ char *path = NULL;
	_cleanup_doc_ xmlDoc *doc = NULL;
	const char *outer = r->path;
	bool ours = file && strcmp(file, LIBVIRTMAP_OURS) == 0;
	int rc;

	r->map->named += ours && !r->models;
	if (!file || strchr(file, '/') || (r->skip && strcmp(file, r->skip) == 0))
		return 0;
	if (asprintf(&path, "%s/%s", r->dir, file) < 0)
		return no_memory(r, err);
	rc = xml_read(&doc, path, TRUST_ANY, "cpus", err);
	if (rc < 0)
		return rc;
	r->path = path;
	r->ours = ours;
	rc = read_cpus(r, xmlDocGetRootElement(doc), true, err);
	r->ours = false;
	r->path = outer;
	return rc;
}

/* In a single file: does a comment begin our block, or end it? */
static void look_for_block(struct reader *r, const xmlNode *node)
{
	const char *text = (const char *)node->content;

	if (text && strncmp(text, " " MAPINCLUDE_FIRST, strlen(" " MAPINCLUDE_FIRST)) == 0)
		r->ours = true;
	else if (text && strcmp(text, " " MAPSINGLE_END " ") == 0)
		r->ours = false;
}

/* Reads what stands in <arch>, in its <group>s, or in an included <cpus>. */
static int read_cpus(struct reader *r, const xmlNode *parent, bool included, struct error *err)
{
	int rc = 0;

	for (const xmlNode *n = parent->children; n && rc == 0; n = n->next) {
		if (r->map->single && n->type == XML_COMMENT_NODE)
			look_for_block(r, n);
		else if (r->map->single && r->ours && r->skip)
			continue;
		else if (!included && xml_is(n, NULL, "include"))
			rc = read_include(r, n, err);
		else if (!included && xml_is(n, NULL, "group"))
			rc = read_cpus(r, n, false, err);
		else if (r->models && xml_is(n, NULL, "model"))
			rc = read_model(r, n, err);
		else if (!r->models && xml_is(n, NULL, "vendor"))
			rc = read_vendor(r, n, err);
		else if (!r->models && xml_is(n, NULL, "feature"))
			rc = read_feature(r, n, err);
	}
	return rc;
}

static int read_index(struct reader *r, const xmlNode *root, struct error *err)
{
	for (const xmlNode *n = root->children; n; n = n->next) {
		_cleanup_xml_ char *arch = xml_is(n, NULL, "arch") ? xml_attr(n, "name") : NULL;

		if (arch && strcmp(arch, "x86") == 0)
			return read_cpus(r, n, false, err);
	}
	return error_set(err, -EINVAL, r->path, 0, "has no <arch name='x86'>");
}

int libvirtmap_load(struct libvirtmap *map, const char *dir, const char *skip, struct error *err)
{
	_cleanup_free_ char *index = NULL, *single = NULL;
	_cleanup_doc_ xmlDoc *doc = NULL;
	struct reader r = {.map = map, .dir = dir, .skip = skip};
	int rc;

	*map = (struct libvirtmap){0};
	if (asprintf(&index, "%s/index.xml", dir) < 0 || asprintf(&single, "%s.xml", dir) < 0)
		return error_set(err, -ENOMEM, dir, 0, "out of memory");
	if (access(index, F_OK) < 0 && access(single, F_OK) == 0) {
		map->single = true;
		free(index);
		index = steal_pointer(&single);
	}
	rc = xml_read(&doc, index, TRUST_ANY, "cpus", err);
	r.path = index;
	/* models may stand before the features that they name */
	for (int pass = 0; pass < 2 && rc == 0; pass++) {
		r.models = pass == 1;
		rc = read_index(&r, xmlDocGetRootElement(doc), err);
	}
	if (rc < 0)
		libvirtmap_free(map);
	return rc;
}

const char *libvirtmap_host_vendor(const struct libvirtmap *map)
{
	unsigned int eax = 0, reg[3] = {0};
	char vendor[13] = "";

	__cpuid(0, eax, reg[0], reg[2], reg[1]);
	memcpy(vendor, reg, sizeof(reg));
	for (size_t i = 0; i + 1 < map->vendors.n; i += 2)
		if (strcmp(map->vendors.item[i + 1], vendor) == 0)
			return map->vendors.item[i];
	return NULL;
}
