/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading site definitions in two steps: each <model> as it is written, then ancestors and names,
 * which need all of them.
 */
#include "definition.h"

#include <dirent.h>
#include <errno.h>

#include "lacks.h"
#include "near.h"
#include "table.h"
#include "xml.h"

#define ANCESTORS_MAX 64

/* A definition as it is written. */
struct raw {
	char *name;
	char *path;
	unsigned int line;
	char *ancestor; /* NULL: none */
	unsigned int ancestor_line;
	char *base; /* NULL: not said */
	struct identity id;
	struct featset on, off;
	enum { FRESH, RESOLVING, GOOD, BAD } state;
	struct model model; /* once GOOD; its name and origin are copies */
};

struct loader {
	struct definitions *d;
	const struct definition_world *world;
	struct raw *raw;
	size_t n;
	bool failed; /* out of memory */
};

static void raw_free(struct raw *raw)
{
	free(raw->name);
	free(raw->path);
	free(raw->ancestor);
	free(raw->base);
	model_free(&raw->model);
}

void definitions_free(struct definitions *d)
{
	model_list_free(&d->models);
	for (size_t i = 0; i < d->n_problems; i++)
		free(d->problem[i].model);
	free(d->problem);
	strv_free(&d->warnings);
	*d = (struct definitions){0};
}

static char *keep(struct loader *l, const char *s)
{
	char *copy = strdup(s);

	l->failed |= !copy;
	return copy;
}

/* Notes what is wrong; @model: the definition that it concerns, or NULL. */
static void add_problem(struct loader *l, const char *model, const struct error *err)
{
	struct definitions *d = l->d;
	struct problem *grown = reallocarray(d->problem, d->n_problems + 1, sizeof(*d->problem));

	if (!grown) {
		l->failed = true;
		return;
	}
	d->problem = grown;
	d->problem[d->n_problems++] =
		(struct problem){.error = *err, .model = model ? keep(l, model) : NULL};
}

static void __attribute__((format(printf, 4, 5)))
spoil(struct loader *l, struct raw *raw, unsigned int line, const char *fmt, ...)
{
	char what[1024], name[2 * MODEL_NAME_MAX];
	struct error err = {0};
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	error_set(&err, -EINVAL, raw->path, line, "model '%s': %s",
		  text_escape(name, sizeof(name), raw->name, strlen(raw->name)), what);
	add_problem(l, raw->name, &err);
	raw->state = BAD;
}

static const char *shown(const char *s)
{
	static _Thread_local char buf[2][160];
	static _Thread_local unsigned int turn;
	char *b = buf[turn++ % 2];

	return text_escape(b, sizeof(buf[0]), s, strlen(s));
}

/* Something that is taken, and is to be known. */
static void __attribute__((format(printf, 4, 5)))
warn(struct loader *l, const struct raw *raw, unsigned int line, const char *fmt, ...)
{
	_cleanup_text_ struct text t = {0};
	char what[1024], name[2 * MODEL_NAME_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	text_addf(&t, "%s:%u: model '%s': %s", raw->path, line,
		  text_escape(name, sizeof(name), raw->name, strlen(raw->name)), what);
	l->failed |= t.failed || strv_add(&l->d->warnings, t.data, t.len) < 0;
}

static bool both_ways(const struct raw *raw, size_t f)
{
	return featset_has(&raw->on, f) && featset_has(&raw->off, f);
}

static void unknown_feature(struct loader *l, struct raw *raw, unsigned int line, const char *name)
{
	const char *near = feature_near(name);

	if (near)
		spoil(l, raw, line, "unknown feature '%s'; is '%s' meant?", shown(name), near);
	else
		spoil(l, raw, line,
		      "unknown feature '%s'; libvirt's x86_features.xml and `qemu-system-x86_64 "
		      "-cpu help` have the names",
		      shown(name));
}

static void read_feature(struct loader *l, struct raw *raw, const xmlNode *node)
{
	_cleanup_xml_ char *name = xml_attr(node, "name"), *policy = xml_attr(node, "policy");
	_cleanup_xml_ char *added = xml_attr(node, "added"), *removed = xml_attr(node, "removed");
	unsigned int line = xml_line(node);
	int f = name ? feature_find(name, strlen(name)) : -1;
	bool off = policy && strcmp(policy, "disable") == 0;

	if (!name)
		spoil(l, raw, line, "a <feature> without a name");
	else if (f < 0)
		unknown_feature(l, raw, line, name);
	else if (added || removed)
		spoil(l, raw, line,
		      "feature '%s' is marked added= or removed=, which only libvirt's own map "
		      "may; write it without, or leave it out",
		      shown(name));
	else if (policy && !off && strcmp(policy, "require") != 0)
		spoil(l, raw, line,
		      "feature '%s' has policy '%s'; a model either has a feature (require) or not "
		      "(disable)",
		      shown(name), shown(policy));
	else if (features[f].kind == FEATURE_MSR)
		spoil(l, raw, line,
		      "feature '%s' lives in an MSR: no guest can prove it by CPUID, so a "
		      "definition can't have it",
		      shown(name));
	else if (features[f].kind == FEATURE_OTHER)
		warn(l, raw, line,
		     "feature '%s' is no part of a definition and ignored: topology, the guest's "
		     "system or the hypervisor decide it",
		     shown(name));
	else
		featset_add(off ? &raw->off : &raw->on, (size_t)f);
	if (f >= 0 && both_ways(raw, (size_t)f))
		spoil(l, raw, line, "feature '%s' is both on and off", features[f].name);
}

static void read_qemu(struct loader *l, struct raw *raw, const xmlNode *node)
{
	_cleanup_xml_ char *base = xml_attr(node, "base"), *vendor = xml_attr(node, "vendor");

	if (base && !model_name_valid(base, strlen(base)))
		spoil(l, raw, xml_line(node), "base '%s' isn't a model's name", shown(base));
	else if (base && !raw->base)
		raw->base = keep(l, base);
	else if (base)
		spoil(l, raw, xml_line(node), "a second base");
	if (vendor && *raw->id.vendor)
		spoil(l, raw, xml_line(node), "a second vendor");
	else if (vendor && strcmp(vendor, "host") == 0)
		memcpy(raw->id.vendor, "host", sizeof("host"));
	else if (vendor)
		spoil(l, raw, xml_line(node),
		      "vendor='%s' of <shim:qemu>: only 'host' can be said here; <vendor "
		      "name='...'/> names one",
		      shown(vendor));
}

/* What leaf 0 can say; a comma would end the property of -cpu. */
static bool is_vendor_string(const char *s)
{
	size_t len = strlen(s);

	for (size_t i = 0; i < len; i++)
		if (s[i] < ' ' || s[i] > '~' || s[i] == ',')
			return false;
	return len == 12;
}

static void read_vendor(struct loader *l, struct raw *raw, const xmlNode *node)
{
	_cleanup_xml_ char *name = xml_attr(node, "name");
	const char *vendor = name ? libvirtmap_vendor(l->world->map, name) : NULL;

	if (!vendor && name && is_vendor_string(name))
		vendor = name;
	if (!vendor)
		spoil(l, raw, xml_line(node),
		      "unknown vendor '%s'; name Intel, AMD, Hygon, or the 12 characters of CPUID",
		      name ? shown(name) : "");
	else if (*raw->id.vendor)
		spoil(l, raw, xml_line(node), "a second vendor");
	else
		(void)snprintf(raw->id.vendor, sizeof(raw->id.vendor), "%s", vendor);
}

/* One number of <signature>; -1 is kept if it isn't there. Largest values: SDM 2A, CPUID, leaf 1
 * EAX. */
static void read_number(struct loader *l, struct raw *raw, const xmlNode *node, const char *name,
			uint64_t max, int *number)
{
	_cleanup_xml_ char *text = xml_attr(node, name);
	uint64_t value = 0;

	if (!text)
		return;
	if (number_parse(text, strlen(text), 0, max, &value) < 0)
		spoil(l, raw, xml_line(node), "%s='%s' of <signature> isn't a number from 0 to %u",
		      name, shown(text), (unsigned int)max);
	*number = (int)value;
}

static void read_signature(struct loader *l, struct raw *raw, const xmlNode *node)
{
	if (raw->id.family >= 0 || raw->id.model >= 0)
		spoil(l, raw, xml_line(node), "a second signature");
	read_number(l, raw, node, "family", 0xf + 0xff, &raw->id.family);
	read_number(l, raw, node, "model", 0xff, &raw->id.model);
	read_number(l, raw, node, "stepping", 0xf, &raw->id.stepping);
	if (raw->id.family < 0 || raw->id.model < 0)
		spoil(l, raw, xml_line(node), "a <signature> needs family= and model=");
}

static void read_ancestor(struct loader *l, struct raw *raw, const xmlNode *node)
{
	_cleanup_xml_ char *name = xml_attr(node, "name");

	if (!name)
		spoil(l, raw, xml_line(node), "a <model> to start from without a name");
	else if (raw->ancestor)
		spoil(l, raw, xml_line(node), "a second model to start from");
	else
		raw->ancestor = keep(l, name);
	raw->ancestor_line = xml_line(node);
}

/* What may stand in a definition. */
static const struct element {
	const char *ns, *name;
	void (*read)(struct loader *l, struct raw *raw, const xmlNode *node); /* NULL: ignored */
	const char *attribute[5];
} elements[] = {
	{NULL, "model", read_ancestor, {"name"}},
	{NULL, "feature", read_feature, {"name", "policy", "added", "removed"}},
	{NULL, "vendor", read_vendor, {"name"}},
	{NULL, "signature", read_signature, {"family", "model", "stepping"}},
	{DEFINITION_NS, "qemu", read_qemu, {"base", "vendor"}},
	/* libvirt's business: people copy from its map */
	{NULL, "decode", NULL, {"host", "guest"}},
	{NULL, "check", NULL, {"partial"}},
};

static const char *const model_attribute[] = {"name", NULL};

/* A misspelt policy= would otherwise turn into its opposite. */
static void check_attributes(struct loader *l, struct raw *raw, const xmlNode *node,
			     const char *const *known)
{
	for (const xmlAttr *a = node->properties; a; a = a->next) {
		size_t i = 0;

		while (known[i] && (a->ns || strcmp((const char *)a->name, known[i]) != 0))
			i++;
		if (!known[i])
			spoil(l, raw, xml_line(node), "attribute %s= of <%s> isn't understood",
			      shown((const char *)a->name), shown((const char *)node->name));
	}
}

static bool is_blank(const xmlNode *node)
{
	return node->type == XML_COMMENT_NODE || xmlIsBlankNode(node);
}

static void check_empty(struct loader *l, struct raw *raw, const xmlNode *node)
{
	for (const xmlNode *n = node->children; n; n = n->next)
		if (!is_blank(n)) {
			spoil(l, raw, xml_line(n), "nothing may stand inside of <%s>",
			      shown((const char *)node->name));
			return;
		}
}

static void read_part(struct loader *l, struct raw *raw, const xmlNode *node)
{
	const char *hint = "";

	for (size_t i = 0; i < ARRAY_SIZE(elements); i++) {
		if (!xml_is(node, elements[i].ns, elements[i].name))
			continue;
		check_attributes(l, raw, node, elements[i].attribute);
		check_empty(l, raw, node);
		if (elements[i].read)
			elements[i].read(l, raw, node);
		return;
	}
	if (node->type != XML_ELEMENT_NODE) {
		spoil(l, raw, xml_line(node), "text isn't understood here");
		return;
	}
	if (strcmp((const char *)node->name, "qemu") == 0)
		hint = "; is xmlns:shim='" DEFINITION_NS "' declared?";
	spoil(l, raw, xml_line(node), "<%s> isn't understood here%s",
	      shown((const char *)node->name), hint);
}

static void read_model(struct loader *l, const char *path, const xmlNode *node)
{
	struct raw *grown = reallocarray(l->raw, l->n + 1, sizeof(*l->raw)), *raw;
	_cleanup_xml_ char *name = xml_attr(node, "name");

	if (!grown) {
		l->failed = true;
		return;
	}
	l->raw = grown;
	raw = &l->raw[l->n];
	*raw = (struct raw){.name = keep(l, name ? name : ""),
			    .path = keep(l, path),
			    .line = xml_line(node),
			    .id = IDENTITY_NONE,
			    .model.id = IDENTITY_NONE};
	l->n++;
	if (!raw->name || !raw->path)
		return;
	if (!model_name_valid(raw->name, strlen(raw->name)))
		spoil(l, raw, raw->line,
		      "isn't a name: 1 to %d of A-Z a-z 0-9 . _ -, beginning with a letter or "
		      "digit",
		      MODEL_NAME_MAX);
	check_attributes(l, raw, node, model_attribute);
	for (const xmlNode *n = node->children; n; n = n->next)
		if (!is_blank(n))
			read_part(l, raw, n);
}

static void read_file(struct loader *l, const char *path)
{
	_cleanup_doc_ xmlDoc *doc = NULL;
	struct error err = {0};

	if (xml_read(&doc, path, TRUST_OWNER, "cpus", &err) < 0) {
		add_problem(l, NULL, &err);
		return;
	}
	for (const xmlNode *n = xmlDocGetRootElement(doc)->children; n; n = n->next) {
		if (n->type != XML_ELEMENT_NODE)
			continue;
		if (xml_is(n, NULL, "model")) {
			read_model(l, path, n);
			continue;
		}
		error_set(&err, -EINVAL, path, xml_line(n),
			  "<%s> isn't understood here; definitions are <model>s",
			  shown((const char *)n->name));
		add_problem(l, NULL, &err);
	}
}

static int is_definition(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return entry->d_name[0] != '.' && len > 4 && strcmp(entry->d_name + len - 4, ".xml") == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name); /* not by locale */
}

static int read_dir(struct loader *l, const char *dir, struct error *err)
{
	struct dirent **entry = NULL;
	int n = scandir(dir, &entry, is_definition, by_name);

	if (n < 0)
		return errno == ENOENT ? 0 : error_set(err, -errno, dir, 0, "%s", strerror(errno));
	for (int i = 0; i < n; i++) {
		_cleanup_free_ char *path = NULL;

		if (asprintf(&path, "%s/%s", dir, entry[i]->d_name) < 0) {
			path = NULL;
			l->failed = true;
		} else {
			read_file(l, path);
		}
		free(entry[i]);
	}
	free(entry);
	return 0;
}

/* The first that was written under a name, whatever became of it. */
static struct raw *raw_named(const struct loader *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->raw[i].name, name) == 0)
			return &l->raw[i];
	return NULL;
}

static bool qemu_has(const struct loader *l, const char *name)
{
	return l->world->qemu_models && strv_has(l->world->qemu_models, name);
}

static void resolve(struct loader *l, struct raw *raw, unsigned int depth);

/* Takes features and identity over from the model that this one starts from. */
static void inherit(struct loader *l, struct raw *raw, unsigned int depth)
{
	struct raw *ours = raw_named(l, raw->ancestor);
	const struct model *known =
		l->world->map ? model_named(&l->world->map->models, raw->ancestor) : NULL;

	if (ours && ours->state == FRESH && depth < ANCESTORS_MAX)
		resolve(l, ours, depth + 1);
	if (ours && (ours->state == RESOLVING || ours->state == FRESH)) {
		spoil(l, raw, raw->ancestor_line, "starts from '%s', which %s",
		      shown(raw->ancestor),
		      ours->state == FRESH ? "has too many models before it"
					   : "starts from this one in the end: a circle");
	} else if (ours && ours->state == BAD) {
		spoil(l, raw, raw->ancestor_line, "starts from '%s', which is refused itself",
		      shown(raw->ancestor));
	} else if (ours) {
		raw->model.features = ours->model.features;
		raw->model.id = ours->model.id;
		raw->model.base = keep(l, ours->model.base);
	} else if (known) {
		raw->model.features = known->features;
		if (qemu_has(l, raw->ancestor))
			raw->model.base = keep(l, raw->ancestor);
	} else if (l->world->map && strv_has(&l->world->map->odd, raw->ancestor)) {
		spoil(l, raw, raw->ancestor_line,
		      "starts from '%s' of libvirt's map, which has features unknown here",
		      shown(raw->ancestor));
	} else {
		spoil(l, raw, raw->ancestor_line,
		      "starts from '%s', which neither a definition nor libvirt's map has",
		      shown(raw->ancestor));
	}
}

/* What the definition itself says goes on top. */
static void put_on_top(struct loader *l, struct raw *raw)
{
	struct model *m = &raw->model;

	featset_union(&m->features, &raw->on);
	featset_subtract(&m->features, &raw->off);
	if (raw->base) {
		free(m->base);
		m->base = keep(l, raw->base);
	}
	if (*raw->id.vendor)
		memcpy(m->id.vendor, raw->id.vendor, sizeof(m->id.vendor));
	if (raw->id.family >= 0) {
		m->id.family = raw->id.family;
		m->id.model = raw->id.model;
	}
	if (raw->id.stepping >= 0)
		m->id.stepping = raw->id.stepping;
}

/* A name that libvirt's map has already is fine if it means the same there. */
static void compare_with_map(struct loader *l, struct raw *raw)
{
	const struct model *theirs =
		l->world->map ? model_named(&l->world->map->models, raw->name) : NULL;
	_cleanup_text_ struct text more = {0}, less = {0};
	struct featset here = raw->model.features, there;

	if (l->world->map && strv_has(&l->world->map->odd, raw->name))
		spoil(l, raw, raw->line,
		      "libvirt's map has a model of this name with other features; choose another "
		      "name");
	if (!theirs || featset_equal(&theirs->features, &raw->model.features))
		return;
	there = theirs->features;
	featset_subtract(&here, &theirs->features);
	featset_subtract(&there, &raw->model.features);
	featset_print(&more, &here, " ");
	featset_print(&less, &there, " ");
	spoil(l, raw, raw->line,
	      "libvirt's map has a model of this name with other features (%s): only here: %s; "
	      "only there: %s; choose another name",
	      theirs->origin, more.len ? more.data : "none", less.len ? less.data : "none");
}

static void check(struct loader *l, struct raw *raw)
{
	const struct raw *first = raw_named(l, raw->name);

	if (first != raw)
		spoil(l, raw, raw->line, "is defined already at %s:%u, %s; rename or remove one",
		      first->path, first->line,
		      first->state == BAD ? "which is refused, too" : "and that one holds");
	else if (qemu_has(l, raw->name))
		spoil(l, raw, raw->line, "is a model of QEMU's own; choose another name");
	else if (featset_count(&raw->model.features) == 0)
		spoil(l, raw, raw->line, "has no features");
	else if (!raw->model.base)
		spoil(l, raw, raw->line,
		      "names no QEMU model to start from; add <shim:qemu base='kvm64'/>, with "
		      "xmlns:shim='" DEFINITION_NS "' in <cpus>");
	else
		compare_with_map(l, raw);
}

static void resolve(struct loader *l, struct raw *raw, unsigned int depth)
{
	raw->state = RESOLVING;
	if (raw->ancestor)
		inherit(l, raw, depth);
	put_on_top(l, raw);
	if (raw->state != BAD)
		check(l, raw);
	if (raw->state == BAD)
		return;
	raw->state = GOOD;
	if (lacks_boot(&raw->model.features))
		warn(l, raw, raw->line, "%s", lacks_boot(&raw->model.features));
}

static int compare_models(const void *a, const void *b)
{
	return strcmp(((const struct model *)a)->name, ((const struct model *)b)->name);
}

/* Moves the good ones to the result. */
static void collect(struct loader *l)
{
	struct model_list *models = &l->d->models;

	models->item = calloc(l->n + 1, sizeof(*models->item));
	if (!models->item) {
		l->failed = true;
		return;
	}
	for (size_t i = 0; i < l->n; i++) {
		struct raw *raw = &l->raw[i];
		struct model *m = &raw->model;

		if (raw->state != GOOD)
			continue;
		if (asprintf(&m->origin, "%s:%u", raw->path, raw->line) < 0) {
			m->origin = NULL;
			l->failed = true;
		}
		m->name = steal_pointer(&raw->name);
		models->item[models->n++] = *m;
		*m = (struct model){.id = IDENTITY_NONE};
	}
	if (models->n)
		qsort(models->item, models->n, sizeof(*models->item), compare_models);
}

int definitions_load(struct definitions *d, const char *const *dirs, size_t n_dirs,
		     const struct definition_world *world, struct error *err)
{
	struct loader l = {.d = d, .world = world};
	int r = 0;

	*d = (struct definitions){0};
	for (size_t i = 0; i < n_dirs && r == 0; i++)
		r = read_dir(&l, dirs[i], err);
	for (size_t i = 0; i < l.n && r == 0 && !l.failed; i++)
		if (l.raw[i].state == FRESH)
			resolve(&l, &l.raw[i], 0);
	if (r == 0 && !l.failed)
		collect(&l);
	for (size_t i = 0; i < l.n; i++)
		raw_free(&l.raw[i]);
	free(l.raw);
	if (r == 0 && l.failed)
		r = error_set(err, -ENOMEM, NULL, 0, "out of memory");
	if (r < 0)
		definitions_free(d);
	return r;
}
