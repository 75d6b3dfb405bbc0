/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading site definitions in two steps: each <model> as it is written (definition_read.c), then
 * ancestors and names, which need all of them.
 */
#include "cpumap/core/paths.h"
#include "definition_raw.h"

#include <dirent.h>
#include <errno.h>

#include "cpumap/core/table.h"
#include "cpumap/qemu/shortfall.h"

#define ANCESTORS_MAX 64

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

char *raw_copy(struct loader *l, const char *s)
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
		(struct problem){.error = *err, .model = model ? raw_copy(l, model) : NULL};
}

/* The problem that was noted last is of that kind. */
static void set_kind(struct loader *l, bool asked, enum problem_kind kind)
{
	if (asked && l->d->n_problems)
		l->d->problem[l->d->n_problems - 1].kind = kind;
}

void raw_spoil(struct loader *l, struct raw *raw, unsigned int line, const char *fmt, ...)
{
	char what[1024], name[2 * MODEL_NAME_MAX];
	struct error err = {0};
	va_list ap;

	va_start(ap, fmt);
	error_format(what, sizeof(what), fmt, ap);
	va_end(ap);
	error_set(&err, -EINVAL, raw->path, line, "model '%s': %s",
		  text_escape(name, sizeof(name), raw->name, strlen(raw->name)), what);
	raw->state = BAD;
	if (raw->asked)
		add_problem(l, raw->name, &err);
}

const char *raw_shown(const char *s)
{
	static _Thread_local char buf[2][160];
	static _Thread_local unsigned int turn;
	char *b = buf[turn++ % 2];

	return text_escape(b, sizeof(buf[0]), s, strlen(s));
}

void raw_warn(struct loader *l, const struct raw *raw, unsigned int line, const char *fmt, ...)
{
	_cleanup_text_ struct text t = {0};
	char what[1024], name[2 * MODEL_NAME_MAX];
	va_list ap;

	if (!raw->asked)
		return;
	va_start(ap, fmt);
	error_format(what, sizeof(what), fmt, ap);
	va_end(ap);
	text_addf(&t, "%s:%u: model '%s': %s", raw->path, line,
		  text_escape(name, sizeof(name), raw->name, strlen(raw->name)), what);
	l->failed |= t.failed || strv_add(&l->d->warnings, t.data, t.len) < 0;
}

struct raw *raw_new(struct loader *l, const char *name, const char *path, const xmlNode *node)
{
	struct raw *grown = reallocarray(l->raw, l->n + 1, sizeof(*l->raw)), *raw;

	if (!grown) {
		l->failed = true;
		return NULL;
	}
	l->raw = grown;
	raw = &l->raw[l->n++];
	*raw = (struct raw){.name = raw_copy(l, name),
			    .path = raw_copy(l, path),
			    .line = xml_line(node),
			    .asked = l->asking,
			    .id = IDENTITY_NONE,
			    .model.id = IDENTITY_NONE};
	return raw->name && raw->path ? raw : NULL;
}

static bool qemu_has(const struct loader *l, const char *name)
{
	return l->world->qemu_models && strv_has(l->world->qemu_models, name);
}

/* The model of libvirt's map, and of QEMU, that has exactly these features. Most likely the
 * definition was copied from it. NULL: there is none. */
static const struct model *copied_from(const struct loader *l, const struct featset *set)
{
	const struct libvirtmap *map = l->world->map;

	for (size_t i = 0; map && i < map->models.n; i++)
		if (featset_equal(&map->models.item[i].features, set) &&
		    qemu_has(l, map->models.item[i].name))
			return &map->models.item[i];
	return NULL;
}

/* Features that live in MSRs: a definition that names one is refused, and an imported CPU loses
 * them. */
static void tell_msr(struct loader *l, struct raw *raw)
{
	const struct model *same = copied_from(l, &raw->model.features);
	_cleanup_text_ struct text names = {0}, inherit = {0};
	bool several = featset_count(&raw->msr) > 1;

	featset_print(&names, &raw->msr, " ");
	if (!names.data || names.failed)
		return;
	if (raw->imported) {
		raw_warn(l, raw, raw->msr_line,
			 "left out, for what lives in an MSR no guest can prove by CPUID: %s",
			 names.data);
		return;
	}
	if (same)
		text_addf(&inherit,
			  ", or write <model name='%s'/> in place of all the features, which are "
			  "the same without %s",
			  same->name, several ? "them" : "it");
	raw_spoil(l, raw, raw->msr_line,
		  "feature%s '%s' %s: no guest can prove %s by CPUID, so a definition can't have "
		  "%s; leave %s out%s",
		  several ? "s" : "", names.data, several ? "live in MSRs" : "lives in an MSR",
		  several ? "them" : "it", several ? "them" : "it", several ? "them" : "it",
		  inherit.len && !inherit.failed ? inherit.data : "");
}

/* `-cpu help` lists the models (is_help_option, QEMU 5.2 to 11.1). */
static bool is_command(const char *name)
{
	return strcmp(name, "help") == 0;
}

static void check_name(struct loader *l, struct raw *raw)
{
	if (!model_name_valid(raw->name, strlen(raw->name)))
		raw_spoil(l, raw, raw->line,
			  "isn't a name: 1 to %d of A-Z a-z 0-9 . _ -, beginning with a letter or "
			  "digit",
			  MODEL_NAME_MAX);
	else if (is_command(raw->name))
		raw_spoil(l, raw, raw->line,
			  "is a command to QEMU (-cpu help) and no name; choose another");
}

static void read_model(struct loader *l, const char *path, const xmlNode *node)
{
	static const char *const known[] = {"name", NULL};
	_cleanup_xml_ char *name = xml_attr(node, "name");
	struct raw *raw = raw_new(l, name ? name : "", path, node);

	if (!raw)
		return;
	check_name(l, raw);
	raw_check_attributes(l, raw, node, known);
	raw_read_parts(l, raw, node);
	/* for the good ones this is told once their base is known */
	if (raw->state == BAD && featset_count(&raw->msr))
		tell_msr(l, raw);
}

/* Reads the <cpus> of a file. */
static void read_cpus(struct loader *l, const char *path, const xmlDoc *doc)
{
	struct error err = {0};

	for (const xmlNode *n = xmlDocGetRootElement((xmlDoc *)doc)->children; n; n = n->next) {
		if (n->type != XML_ELEMENT_NODE)
			continue;
		if (xml_is(n, NULL, "model")) {
			read_model(l, path, n);
			continue;
		}
		error_set(&err, -EINVAL, path, xml_line(n),
			  "<%s> isn't understood here; definitions are <model>s",
			  raw_shown((const char *)n->name));
		if (l->asking)
			add_problem(l, NULL, &err);
	}
}

static void read_file(struct loader *l, const char *path)
{
	_cleanup_doc_ xmlDoc *doc = NULL;
	struct error err = {0};

	if (xml_read(&doc, path, TRUST_OWNER, "cpus", &err) == 0) {
		read_cpus(l, path, doc);
		return;
	}
	if (l->asking)
		add_problem(l, NULL, &err);
	set_kind(l, l->asking, PROBLEM_UNREADABLE);
}

/* What editors and packages leave beside a file. Nobody takes such a file for a definition. */
static bool is_leftover(const char *name)
{
	static const char *const ends[] = {"~", ".swp", ".swo", ".rpmnew", ".rpmsave", ".rpmorig"};

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		if (string_ends_in(name, ends[i]))
			return true;
	return *name == '#' || strstr(name, ".dpkg-") || strstr(name, ".ucf-");
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name); /* not by locale */
}

/* Reads a file of the directory. One that is passed over is named, so that nobody believes that its
 * definitions hold. */
static void read_entry(struct loader *l, const char *dir, const char *name)
{
	_cleanup_free_ char *path = NULL;

	if (asprintf(&path, "%s/%s", dir, name) < 0) {
		path = NULL;
		l->failed = true;
	} else if (string_ends_in(name, ".xml")) {
		read_file(l, path);
	} else if (!is_leftover(name) && l->asking) {
		l->failed |= strv_addf(&l->d->warnings,
				       "%s/%s: isn't read, as its name doesn't end in .xml", dir,
				       raw_shown(name)) < 0;
	}
}

static int read_dir(struct loader *l, const char *dir, struct error *err)
{
	struct dirent **entry = NULL;
	int n = scandir(dir, &entry, is_visible, by_name);

	if (n < 0)
		return errno == ENOENT ? 0 : error_set(err, -errno, dir, 0, "%s", strerror(errno));
	for (int i = 0; i < n; i++) {
		read_entry(l, dir, entry[i]->d_name);
		free(entry[i]);
	}
	free(entry);
	return 0;
}

/* The first definition that was written under a name, also a refused one. */
static struct raw *raw_named(const struct loader *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->raw[i].name, name) == 0)
			return &l->raw[i];
	return NULL;
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
		raw_spoil(l, raw, raw->ancestor_line, "starts from '%s', which %s",
			  raw_shown(raw->ancestor),
			  ours->state == FRESH ? "has too many models before it"
					       : "starts from this one in the end: a circle");
	} else if (ours && ours->state == BAD) {
		raw_spoil(l, raw, raw->ancestor_line, "starts from '%s', which is refused itself",
			  raw_shown(raw->ancestor));
	} else if (ours) {
		raw->model.features = ours->model.features;
		raw->model.id = ours->model.id;
		raw->model.base = raw_copy(l, ours->model.base);
	} else if (known) {
		raw->model.features = known->features;
		if (qemu_has(l, raw->ancestor))
			raw->model.base = raw_copy(l, raw->ancestor);
	} else if (libvirtmap_odd(l->world->map, raw->ancestor)) {
		raw_spoil(l, raw, raw->ancestor_line,
			  "starts from '%s' of libvirt's map, which has features unknown here",
			  raw_shown(raw->ancestor));
	} else {
		raw_spoil(l, raw, raw->ancestor_line,
			  "starts from '%s', which neither a definition nor libvirt's map has",
			  raw_shown(raw->ancestor));
	}
}

/* Applies what the definition itself says to what it inherits. */
static void put_on_top(struct loader *l, struct raw *raw)
{
	struct model *m = &raw->model;

	featset_union(&m->features, &raw->on);
	featset_subtract(&m->features, &raw->off);
	if (raw->base) {
		free(m->base);
		m->base = raw_copy(l, raw->base);
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

static bool is_shipped(const struct raw *raw)
{
	return strstr(raw->path, SHIPPED_DIR "/");
}

/* Refuses a name that libvirt's map has with other features, at @origin. For a shipped name another
 * name isn't the way out: DevStack wrote its own gate64 into libvirt's map. */
static void name_is_taken(struct loader *l, struct raw *raw, const char *origin, const char *how)
{
	if (is_shipped(raw))
		raw_spoil(l, raw, raw->line,
			  "libvirt's map has a model of this name with other features (%s)%s; to "
			  "have the shipped one take that <model> out of its file, run `cpushim "
			  "compile` and restart libvirt",
			  origin, how);
	else
		raw_spoil(l, raw, raw->line,
			  "libvirt's map has a model of this name with other features (%s)%s; "
			  "choose another name",
			  origin, how);
	set_kind(l, raw->asked, PROBLEM_SHIPPED);
}

/* A name that libvirt's map has already must mean the same there. */
static void compare_with_map(struct loader *l, struct raw *raw)
{
	const struct model *theirs =
		l->world->map ? model_named(&l->world->map->models, raw->name) : NULL;
	const char *odd = libvirtmap_odd(l->world->map, raw->name);
	_cleanup_text_ struct text how = {0};
	struct featset here = raw->model.features, there;

	if (odd)
		name_is_taken(l, raw, odd, "");
	if (!theirs || featset_equal(&theirs->features, &raw->model.features))
		return;
	there = theirs->features;
	featset_subtract(&here, &theirs->features);
	featset_subtract(&there, &raw->model.features);
	text_adds(&how, ": only here: ");
	featset_print(&how, &here, " ");
	text_addf(&how, "%s; only there: ", featset_count(&here) ? "" : "none");
	featset_print(&how, &there, " ");
	text_adds(&how, featset_count(&there) ? "" : "none");
	name_is_taken(l, raw, theirs->origin, how.failed ? "" : how.data);
}

static void no_base(struct loader *l, struct raw *raw)
{
	const struct model *same = copied_from(l, &raw->model.features);

	if (raw->imported)
		raw_spoil(
			l, raw, raw->line,
			"starts from no model that this QEMU has; name one, as with --base kvm64");
	else if (same)
		raw_spoil(l, raw, raw->line,
			  "names no QEMU model to start from; write <model name='%s'/> in place of "
			  "its features, which are the same, or add <shim:qemu base='%s'/>, with "
			  "xmlns:shim='" DEFINITION_NS "' in <cpus>",
			  same->name, same->name);
	else
		raw_spoil(l, raw, raw->line,
			  "names no QEMU model to start from; add <shim:qemu base='kvm64'/>, with "
			  "xmlns:shim='" DEFINITION_NS "' in <cpus>");
}

static void check(struct loader *l, struct raw *raw)
{
	const struct raw *first = raw->imported ? raw : raw_named(l, raw->name);

	if (first != raw) {
		raw_spoil(l, raw, raw->line,
			  "is defined already at %s:%u, %s; rename or remove one", first->path,
			  first->line,
			  first->state == BAD ? "which is refused, too" : "and that one holds");
		set_kind(l, raw->asked, PROBLEM_DOUBLED);
	} else if (qemu_has(l, raw->name)) {
		raw_spoil(l, raw, raw->line, "is a model of QEMU's own; choose another name");
		set_kind(l, raw->asked, PROBLEM_SHIPPED);
	} else if (featset_count(&raw->model.features) == 0) {
		raw_spoil(l, raw, raw->line, "has no features");
	} else if (!raw->model.base) {
		no_base(l, raw);
	} else {
		compare_with_map(l, raw);
	}
}

static void resolve(struct loader *l, struct raw *raw, unsigned int depth)
{
	raw->state = RESOLVING;
	if (raw->ancestor)
		inherit(l, raw, depth);
	put_on_top(l, raw);
	if (raw->state != BAD)
		check(l, raw);
	if (featset_count(&raw->msr))
		tell_msr(l, raw);
	if (raw->state == BAD)
		return;
	raw->state = GOOD;
	if (shortfall_boot(&raw->model.features))
		raw_warn(l, raw, raw->line, "%s", shortfall_boot(&raw->model.features));
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

		if (raw->state != GOOD || !raw->asked)
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

/* Resolves all ancestors and collects the result. */
static int finish(struct loader *l, int r, struct error *err)
{
	for (size_t i = 0; i < l->n && r == 0 && !l->failed; i++)
		if (l->raw[i].state == FRESH)
			resolve(l, &l->raw[i], 0);
	if (r == 0 && !l->failed)
		collect(l);
	for (size_t i = 0; i < l->n; i++)
		raw_free(&l->raw[i]);
	free(l->raw);
	if (r == 0 && l->failed)
		r = error_set(err, -ENOMEM, NULL, 0, "out of memory");
	if (r < 0)
		definitions_free(l->d);
	return r;
}

static int read_dirs(struct loader *l, const char *const *dirs, size_t n, struct error *err)
{
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++)
		r = read_dir(l, dirs[i], err);
	return r;
}

int definitions_load(struct definitions *d, const char *const *dirs, size_t n_dirs,
		     const struct definition_world *world, struct error *err)
{
	struct loader l = {.d = d, .world = world, .asking = true};
	int r;

	*d = (struct definitions){0};
	r = read_dirs(&l, dirs, n_dirs, err);
	return finish(&l, r, err);
}

int definitions_load_doc(struct definitions *d, const xmlDoc *doc, const char *path,
			 const char *const *dirs, size_t n_dirs,
			 const struct definition_world *world, struct error *err)
{
	struct loader l = {.d = d, .world = world, .asking = true};
	int r;

	*d = (struct definitions){0};
	/* first, so that a name of this file isn't taken by a definition that it is to replace */
	read_cpus(&l, path, doc);
	l.asking = false;
	r = read_dirs(&l, dirs, n_dirs, err);
	return finish(&l, r, err);
}

/* The base that was asked for, or else the name of the <model> itself if QEMU has that model. */
static void import_base(struct loader *l, struct raw *raw, const xmlNode *node, const char *base)
{
	_cleanup_xml_ char *own = xml_is(node, NULL, "model") ? xml_attr(node, "name") : NULL;

	if (!base && own && !raw->base && !raw->ancestor && qemu_has(l, own))
		base = own;
	if (!base)
		return;
	free(raw->base);
	raw->base = raw_copy(l, base);
}

/* Makes a definition of the CPU that a document describes. */
static int import(struct loader *l, const struct definition_import *what, struct error *err)
{
	const xmlNode *node = raw_document(what->doc, what->path, err);
	struct raw *raw;

	if (!node)
		return -EINVAL;
	raw = raw_new(l, what->name, what->path, node);
	if (!raw)
		return 0;
	raw->imported = true;
	check_name(l, raw);
	if (xml_is(node, NULL, "model"))
		raw_read_parts(l, raw, node);
	else
		raw_read_cpu(l, raw, node);
	import_base(l, raw, node, what->base);
	return 0;
}

int definitions_import(struct definitions *d, const struct definition_import *what,
		       const char *const *dirs, size_t n_dirs, const struct definition_world *world,
		       struct error *err)
{
	struct loader l = {.d = d, .world = world};
	int r;

	*d = (struct definitions){0};
	r = read_dirs(&l, dirs, n_dirs, err);
	l.asking = true;
	if (r == 0)
		r = import(&l, what, err);
	return finish(&l, r, err);
}
