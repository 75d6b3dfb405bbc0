/* SPDX-License-Identifier: Apache-2.0 */
#include "catalogue.h"

#include <errno.h>

#include "cpumap/core/emulator.h"
#include "cpumap/core/paths.h"
#include "cpumap/core/table.h"
#include "cpumap/define/definition.h"
#include "cpumap/define/suggest.h"
#include "cpumap/libvirt/xml.h"

const char *catalogue_from_name(enum catalogue_from from)
{
	static const char *const names[CATALOGUE_FROMS] = {"site", "libvirt", "QEMU", "file"};

	return names[from];
}

static int no_memory(struct error *err)
{
	return error_set(err, -ENOMEM, NULL, 0, "out of memory");
}

static void item_free(struct catalogue_model *m)
{
	free(m->name);
	free(m->origin);
	free(m->refused);
	if (m->definition)
		model_free(m->definition);
	free(m->definition);
	free(m);
}

void catalogue_free(struct catalogue *c)
{
	for (size_t i = 0; i < c->n; i++)
		item_free(c->item[i]);
	free(c->item);
	libvirtmap_free(&c->map);
	qemu_free(&c->qemu);
	*c = (struct catalogue){0};
}

/* ---- models ---- */

/* One more model, with copies of the names; NULL: out of memory. */
static struct catalogue_model *add(struct catalogue *c, enum catalogue_from from, const char *name,
				   const char *origin)
{
	struct catalogue_model **grown =
		reallocarray(c->item, c->n + 1, sizeof(struct catalogue_model *));
	struct catalogue_model *m = calloc(1, sizeof(*m));

	if (grown)
		c->item = grown;
	if (!grown || !m) {
		free(m);
		return NULL;
	}
	*m = (struct catalogue_model){.name = strdup(name), .origin = strdup(origin), .from = from};
	if (!m->name || !m->origin) {
		item_free(m);
		return NULL;
	}
	c->count[from]++;
	return c->item[c->n++] = m;
}

static void remove_named(struct featset *set, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		featset_remove(set, (size_t)feature_find(names[i], strlen(names[i])));
}

/* Leaves only what can be part of a definition. */
static void definable(struct featset *set)
{
	for (size_t i = 0; i < n_features; i++)
		if (features[i].kind != FEATURE_CPUID)
			featset_remove(set, i);
}

/* What the guest of one of our models has. */
static void give(struct catalogue_model *m, const struct featset *set)
{
	m->gives = *set;
	definable(&m->gives);
	m->needs = m->gives;
}

/* ---- the site's ---- */

static int add_row(struct catalogue *c, const struct table_row *row)
{
	struct catalogue_model *m = add(c, CATALOGUE_SITE, row->model, row->origin);
	struct featset set = {0};

	if (!m)
		return -ENOMEM;
	if (featset_parse(&set, row->features, strlen(row->features), ',', NULL) == 0)
		give(m, &set);
	m->host_vendor = strcmp(row->vendor, "host") == 0;
	if (*row->refused) {
		m->refused = strdup(row->refused);
		return m->refused ? 0 : -ENOMEM;
	}
	m->definition = calloc(1, sizeof(*m->definition));
	return m->definition ? model_of_row(m->definition, row, NULL) : -ENOMEM;
}

/* A model is there once, however many emulators have it. */
static int add_table(struct catalogue *c, const struct table *t)
{
	int r = 0;

	for (size_t i = 0; i < t->n && r == 0; i++)
		if (i == 0 || strcmp(t->row[i - 1].model, t->row[i].model) != 0)
			r = add_row(c, &t->row[i]);
	return r;
}

/* The definitions are taken over. */
static int add_definitions(struct catalogue *c, enum catalogue_from from, struct definitions *d)
{
	for (size_t i = 0; i < d->models.n; i++) {
		struct model *model = &d->models.item[i];
		struct catalogue_model *m = add(c, from, model->name, model->origin);

		if (!m)
			return -ENOMEM;
		give(m, &model->features);
		m->host_vendor = strcmp(model->id.vendor, "host") == 0;
		m->definition = calloc(1, sizeof(*m->definition));
		if (!m->definition)
			return -ENOMEM;
		*m->definition = *model;
		*model = (struct model){.id = IDENTITY_NONE};
	}
	return 0;
}

/* Refused ones are there, with the reason. */
static int add_refused(struct catalogue *c, enum catalogue_from from, const struct definitions *d)
{
	for (size_t i = 0; i < d->n_problems; i++) {
		const struct problem *p = &d->problem[i];
		struct catalogue_model *m =
			p->model ? add(c, from, p->model, p->error.where) : NULL;

		if (!p->model)
			continue;
		if (m)
			m->refused = strdup(p->error.what);
		if (!m || !m->refused)
			return -ENOMEM;
	}
	return 0;
}

/* What definitions are resolved against; what isn't here is left out. */
static int world_of(struct definition_world *world, struct catalogue *c, struct error *err)
{
	int r = catalogue_load(c, CATALOGUE_LIBVIRT, err);

	if (r == 0)
		r = catalogue_load(c, CATALOGUE_QEMU, err);
	*world = (struct definition_world){
		.map = c->missing[CATALOGUE_LIBVIRT].code ? NULL : &c->map,
		.qemu_models = c->missing[CATALOGUE_QEMU].code ? NULL : &c->qemu.names};
	return r;
}

/* The directories of definitions. */
struct dirs {
	char *shipped, *site;
};

static void dirs_free(struct dirs *d)
{
	free(d->shipped);
	free(d->site);
}

#define DIRS(name)                                                                                 \
	__attribute__((cleanup(dirs_free))) struct dirs name = {root_path(SHIPPED_DIR),            \
								root_path(SITE_DIR)}

/* Where nothing was compiled yet. */
static int load_definitions(struct catalogue *c, struct error *err)
{
	_cleanup_definitions_ struct definitions d = {0};
	struct definition_world world;
	DIRS(dirs);
	int r = dirs.shipped && dirs.site ? world_of(&world, c, err) : no_memory(err);

	if (r == 0)
		r = definitions_load(&d, (const char *[]){dirs.shipped, dirs.site}, 2, &world, err);
	if (r == 0)
		r = add_definitions(c, CATALOGUE_SITE, &d);
	return r == 0 ? add_refused(c, CATALOGUE_SITE, &d) : r;
}

static int load_site(struct catalogue *c, struct error *err)
{
	_cleanup_free_ char *path = root_path(TABLE_PATH);
	_cleanup_table_ struct table t = {0};
	int r = path ? table_load(&t, path, err) : no_memory(err);

	return r == 0 ? add_table(c, &t) : r == -ENOENT ? load_definitions(c, err) : r;
}

/* ---- libvirt's ---- */

static int add_libvirt(struct catalogue *c, const struct model *model)
{
	struct catalogue_model *m = add(c, CATALOGUE_LIBVIRT, model->name, model->origin);

	if (!m)
		return -ENOMEM;
	give(m, &model->features);
	/* libvirt compares all features of its model with those of the CPU. What topology decides is
	 * no part of what an accelerator gives */
	if (c->accel == HOST_CPU)
		m->needs = model->features;
	m->host_vendor = c->accel != HOST_TCG;
	return 0;
}

static int load_libvirt(struct catalogue *c, struct error *err)
{
	_cleanup_free_ char *dir = root_path(LIBVIRTMAP_DIR);
	int r = dir ? libvirtmap_load(&c->map, dir, LIBVIRTMAP_OURS, err) : no_memory(err);

	for (size_t i = 0; r == 0 && i < c->map.models.n; i++)
		r = add_libvirt(c, &c->map.models.item[i]);
	return r;
}

/* ---- QEMU's ---- */

/* These lack vme, and so do their versions (target/i386/cpu.c, PPRO_FEATURES); QEMU's other models
 * have it. */
static bool lacks_vme(const char *name)
{
	static const char *const without[] = {"qemu32", "qemu64", "kvm32"};

	for (size_t i = 0; i < ARRAY_SIZE(without); i++)
		if (strncmp(name, without[i], strlen(without[i])) == 0)
			return true;
	return false;
}

/* QEMU told them as TCG starts them: without vme. Under KVM named models have x2apic, too, and none of
 * acpi, monitor and svm (kvm_default_props and tcg_default_props, target/i386, 2.4 to 11.0). */
static void adapt(struct featset *set, const char *name, enum host_accel accel)
{
	static const char *const off[] = {"acpi", "monitor", "svm"};

	if (accel == HOST_TCG)
		return;
	remove_named(set, off, ARRAY_SIZE(off));
	if (accel == HOST_KVM)
		featset_add(set, (size_t)feature_find("x2apic", 6));
	if (!lacks_vme(name))
		featset_add(set, (size_t)feature_find("vme", 3));
}

static int add_qemu(struct catalogue *c, const struct qemu_model *model)
{
	struct catalogue_model *m;
	struct featset set = model->features;

	/* another CPU on each host, or none */
	if (model->computed)
		return 0;
	m = add(c, CATALOGUE_QEMU, model->name, c->qemu.path);
	if (!m)
		return -ENOMEM;
	adapt(&set, model->name, c->accel);
	give(m, &set);
	m->host_vendor = c->accel != HOST_TCG;
	return 0;
}

static int load_qemu(struct catalogue *c, struct error *err)
{
	_cleanup_free_ char *real = emulator_real(c->emulator, err);
	int r = real ? qemu_probe(&c->qemu, real, err) : -ENOENT;

	for (size_t i = 0; r == 0 && i < c->qemu.n_models; i++)
		r = add_qemu(c, &c->qemu.model[i]);
	return r;
}

/* ---- loading ---- */

int catalogue_load(struct catalogue *c, enum catalogue_from from, struct error *err)
{
	static int (*const load[])(struct catalogue * c, struct error * err) = {
		[CATALOGUE_SITE] = load_site,
		[CATALOGUE_LIBVIRT] = load_libvirt,
		[CATALOGUE_QEMU] = load_qemu,
	};
	int r;

	if (from >= ARRAY_SIZE(load) || c->loaded[from])
		return 0;
	c->loaded[from] = true;
	r = load[from](c, &c->missing[from]);
	if (r != -ENOMEM) {
		/* a table that is damaged has models, but nobody knows which */
		c->missing[from].code = r;
		return 0;
	}
	return no_memory(err);
}

/* ---- finding ---- */

static const struct catalogue_model *named(const struct catalogue *c, enum catalogue_from from,
					   const char *name)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->item[i]->from == from && strcmp(c->item[i]->name, name) == 0)
			return c->item[i];
	return NULL;
}

static const struct catalogue_model *no_such(struct catalogue *c, const char *name, int from,
					     struct error *err)
{
	struct suggestion near = {.name = name};
	char shown[2 * 64];

	for (size_t i = 0; i < c->n; i++)
		suggest_try(&near, c->item[i]->name, c->item[i]->name);
	(void)text_escape(shown, sizeof(shown), name, strlen(name));
	if (from >= 0 && c->missing[from].code)
		error_set(err, -ENOENT, c->missing[from].where, 0, "%s; so there is no model '%s'",
			  c->missing[from].what, shown);
	else
		error_set(err, -ENOENT, NULL, 0,
			  "there is no model '%s'%s%s%s; `cpushim list` names the site's, `virsh "
			  "cpu-models x86_64` libvirt's, `cpushim probe` QEMU's",
			  shown, near.found ? "; is '" : "", near.found ? near.found : "",
			  near.found ? "' meant?" : "");
	return NULL;
}

/* @from: -1: any */
static const struct catalogue_model *find_name(struct catalogue *c, const char *name, int from,
					       struct error *err)
{
	for (int i = 0; i < CATALOGUE_FILE; i++) {
		const struct catalogue_model *m;

		if (from >= 0 && from != i)
			continue;
		if (catalogue_load(c, (enum catalogue_from)i, err) < 0)
			return NULL;
		m = named(c, (enum catalogue_from)i, name);
		if (m)
			return m;
		/* its models are unknown, and might have the name */
		if (i == CATALOGUE_SITE && c->missing[i].code && c->missing[i].code != -ENOENT) {
			if (err)
				*err = c->missing[i];
			return NULL;
		}
	}
	return no_such(c, name, from, err);
}

const struct catalogue_model *catalogue_named(struct catalogue *c, const char *name,
					      struct error *err)
{
	return find_name(c, name, -1, err);
}

/* ---- files ---- */

static int several(const struct definitions *d, const char *path, struct error *err)
{
	_cleanup_text_ struct text names = {0};

	for (size_t i = 0; i < d->models.n; i++)
		text_addf(&names, "%s%s", i ? ", " : "", d->models.item[i].name);
	return error_set(err, -EINVAL, path, 0, "has several models (%s); name one, as in %s:%s",
			 names.failed ? "" : names.data, path, d->models.item[0].name);
}

/* Leaves the one definition that is meant, or says why there is none. */
static int choose(struct definitions *d, const char *path, const char *name, struct error *err)
{
	for (size_t i = 0; i < d->n_problems; i++)
		if (!name || !d->problem[i].model || strcmp(d->problem[i].model, name) == 0) {
			int r = d->problem[i].model ? -ENOTSUP : -EINVAL;

			if (err) {
				*err = d->problem[i].error;
				err->code = r;
			}
			return r;
		}
	if (d->models.n == 0 || (name && !model_named(&d->models, name)))
		return error_set(err, -EINVAL, path, 0, "has no model%s%s", name ? " " : "",
				 name ? name : "");
	return d->models.n > 1 && !name ? several(d, path, err) : 0;
}

/* A document of others: its CPU gets a name. */
static int import(struct definitions *d, xmlDoc *doc, const char *path, const char *const *dirs,
		  size_t n_dirs, const struct definition_world *world, struct error *err)
{
	return definitions_import(d,
				  &(struct definition_import){
					  .doc = doc, .path = path, .name = "cpu", .base = "kvm64"},
				  dirs, n_dirs, world, err);
}

/* The directory of @path: definitions there may be built on, too. */
static char *directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? strndup(path, (size_t)(slash - path) + (slash == path)) : strdup(".");
}

static int load_path(struct definitions *d, struct catalogue *c, const char *path,
		     struct error *err)
{
	_cleanup_free_ char *here = directory_of(path);
	_cleanup_doc_ xmlDoc *doc = NULL;
	struct definition_world world;
	DIRS(dirs);
	const char *from[] = {dirs.shipped, dirs.site, here};
	int r = dirs.shipped && dirs.site && here ? world_of(&world, c, err) : no_memory(err);

	if (r == 0)
		r = xml_read(&doc, path, TRUST_NAMED, NULL, err);
	if (r < 0)
		return r;
	if (!xml_is(xmlDocGetRootElement(doc), NULL, "cpus"))
		return import(d, doc, path, from, 2, &world, err);
	return definitions_load_doc(d, doc, path, from, ARRAY_SIZE(from), &world, err);
}

/* FILE or FILE:NAME */
static const struct catalogue_model *find_in_file(struct catalogue *c, const char *spec,
						  struct error *err)
{
	_cleanup_definitions_ struct definitions d = {0};
	_cleanup_free_ char *path = strdup(spec);
	char *colon = path ? strrchr(path, ':') : NULL;
	const char *name = NULL;
	int r;

	if (colon && access(path, F_OK) < 0 && !strchr(colon, '/')) {
		*colon = '\0';
		name = colon + 1;
	}
	r = path ? load_path(&d, c, path, err) : no_memory(err);
	if (r == 0)
		r = choose(&d, path, name, err);
	if (r == 0 && add_definitions(c, CATALOGUE_FILE, &d) < 0)
		r = no_memory(err);
	if (r < 0)
		return NULL;
	return name ? named(c, CATALOGUE_FILE, name) : c->item[c->n - 1];
}

const struct catalogue_model *catalogue_find(struct catalogue *c, const char *spec,
					     struct error *err)
{
	static const struct {
		const char *prefix;
		int from;
	} prefixes[] = {{"site:", CATALOGUE_SITE},
			{"libvirt:", CATALOGUE_LIBVIRT},
			{"qemu:", CATALOGUE_QEMU}};

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (strncmp(spec, prefixes[i].prefix, strlen(prefixes[i].prefix)) == 0)
			return find_name(c, spec + strlen(prefixes[i].prefix), prefixes[i].from,
					 err);
	if (strchr(spec, '/') || strstr(spec, ".xml"))
		return find_in_file(c, spec, err);
	return find_name(c, spec, -1, err);
}
