/* SPDX-License-Identifier: Apache-2.0 */
#include "compile.h"

#include <errno.h>

#include "cpumap/core/paths.h"
#include "cpumap/core/show.h"
#include "cpumap/core/table_format.h"
#include "cpumap/core/util.h"
#include "cpumap/libvirt/mapchoice.h"
#include "cpumap/libvirt/mapinclude.h"
#include "digest.h"
#include "expand.h"
#include "history.h"
#include "retained.h"

void compiled_free(struct compiled *c)
{
	free(c->row);
	strv_free(&c->strings);
	definitions_free(&c->definitions);
	model_list_free(&c->retained);
	*c = (struct compiled){0};
}

/* A copy of a field's text, which lives as long as the rows. */
static const char *own(struct compiled *c, const char *s)
{
	if (strv_add(&c->strings, s, strlen(s)) < 0) {
		c->failed = true;
		return "";
	}
	return c->strings.item[c->strings.n - 1];
}

static const char *own_number(struct compiled *c, int n)
{
	char s[16];

	(void)snprintf(s, sizeof(s), "%d", n);
	return own(c, s);
}

static const char *own_features(struct compiled *c, const struct featset *set)
{
	_cleanup_text_ struct text t = {0};

	text_adds(&t, "");
	featset_print(&t, set, ",");
	c->failed |= t.failed;
	return own(c, t.failed ? "" : t.data);
}

void compile_brings(struct featset *set, const struct model *m, const struct qemu *q,
		    const struct libvirtmap *map)
{
	const struct model *known = map ? model_named(&map->models, m->base) : NULL;

	qemu_brings(q, m->base, set);
	if (known)
		featset_union(set, &known->features);
}

/* Fills the fields of a row that say what the model is. */
static void describe(struct compiled *c, struct table_row *row, const struct model *m,
		     const struct qemu *q, const struct libvirtmap *map)
{
	struct featset lacks = m->features, brings = {0};
	char digest[DIGEST_HEX];

	featset_subtract(&lacks, &q->tcg);
	compile_brings(&brings, m, q, map);
	digest_model(m, digest);
	row->digest = own(c, digest);
	row->base = own(c, m->base);
	row->vendor = own(c, m->id.vendor);
	row->family = own_number(c, m->id.family);
	row->cpu_model = own_number(c, m->id.model);
	row->stepping = own_number(c, m->id.stepping);
	row->features = own_features(c, &m->features);
	row->brings = own_features(c, &brings);
	row->tcg_lacks = own_features(c, &lacks);
}

/* A path as a line of the table may hold it: bytes of a file's name that aren't UTF-8, and control
 * characters, become \xNN. */
static const char *own_path(struct compiled *c, const char *path)
{
	_cleanup_text_ struct text t = {0};
	size_t len = strlen(path), size;

	text_adds(&t, "");
	for (size_t i = 0; i < len; i += size) {
		uint32_t character = utf8_next(path + i, len - i, &size);

		if (character == UTF8_NONE || character < 0x20 || character == 0x7f)
			text_addf(&t, "\\x%02x", (unsigned char)path[i]);
		else
			text_add(&t, path + i, size);
	}
	c->failed |= t.failed;
	return own(c, t.failed ? "" : t.data);
}

static struct table_row *add_row(struct compiled *c, const char *model, const char *emulator,
				 const char *origin)
{
	struct table_row *row = &c->row[c->n++];

	table_fields_empty(row, table_row_fields);
	row->model = own(c, model);
	row->emulator = own(c, emulator);
	row->origin = own_path(c, origin);
	return row;
}

static void refuse(struct compiled *c, struct table_row *row, const struct error *why)
{
	char shown[sizeof(why->what)];

	row->refused = own(c, text_escape(shown, sizeof(shown), why->what, strlen(why->what)));
	c->n_refused++;
}

/* A row whose name means what it has meant so far: its fields are those of the old table's row. */
static void fill_from_history(struct compiled *c, struct table_row *row,
			      const struct history *before)
{
	const struct table_row *then = history_row(before, row->model);
	const char *digest = published_digest(&before->published, row->model);
	struct table_row former;

	table_fields_empty(&former, table_row_fields);
	if (then)
		former = *then;
	row->digest = own(c, digest);
	row->base = own(c, former.base);
	row->vendor = own(c, former.vendor);
	row->family = own(c, former.family);
	row->cpu_model = own(c, former.cpu_model);
	row->stepping = own(c, former.stepping);
	row->features = own(c, former.features);
	row->brings = own(c, former.brings);
	row->tcg_lacks = own(c, former.tcg_lacks);
	row->cpu = own(c, former.cpu);
}

/* A row for a good definition. This QEMU may still be unable to provide it. */
static void add_model(struct compiled *c, struct model *m, const char *emulator,
		      const struct qemu *q, const struct libvirtmap *map, struct history *before)
{
	struct table_row *row = add_row(c, m->name, emulator, m->origin);
	_cleanup_text_ struct text cpu = {0};
	struct error why = {0};
	int r = expand_identity(m, q, &why);

	if (r == 0) {
		describe(c, row, m, q, map);
		r = history_check(row, before, &why);
	}
	if (r == -EEXIST)
		fill_from_history(c, row, before);
	if (r == 0)
		r = expand_full(&cpu, m, q, &why);
	if (r < 0) {
		refuse(c, row, &why);
		return;
	}
	row->cpu = own(c, cpu.data);
	c->failed |= published_put(&before->published, row->model, row->digest) < 0;
}

bool compiled_has(const struct compiled *c, const char *model)
{
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->row[i].model, model) == 0)
			return true;
	return false;
}

/* Does a bad definition's name need a row? Only a name that a domain could ask for, and that QEMU
 * doesn't own. */
static bool deserves_row(const struct compiled *c, const struct problem *p, const struct qemu *q)
{
	return p->model && model_name_valid(p->model, strlen(p->model)) &&
	       !strv_has(&q->names, p->model) && !compiled_has(c, p->model);
}

/* A row for a name that has no definition any more. It refuses, and still says what the name
 * meant. */
static int add_gone(struct compiled *c, const char *model, const char *emulator,
		    const struct history *before)
{
	struct table_row *grown = reallocarray(c->row, c->n + 1, sizeof(*grown)), *row;

	if (!grown)
		return -ENOMEM;
	c->row = grown;
	row = add_row(c, model, emulator, "none");
	if (published_digest(&before->published, model))
		fill_from_history(c, row, before);
	row->refused = own(c, "no definition has that name any more; it keeps what it meant for "
			      "the sake of guests that have it (`cpushim compile --force` forgets "
			      "it)");
	return c->failed ? -ENOMEM : 0;
}

/* Rows for the published names that have lost their definition. Where a definition's file is lost
 * or can't be read, its guests mustn't start as what libvirt or QEMU knows by that name. */
static int add_all_gone(struct compiled *c, const char *emulator, const struct qemu *q,
			const struct history *before)
{
	const struct published *p = &before->published;
	int r = 0;

	for (size_t i = 0; i < p->n && r == 0 && !before->force; i++)
		if (!compiled_has(c, p->name[i].model) && !strv_has(&q->names, p->name[i].model))
			r = add_gone(c, p->name[i].model, emulator, before);
	return r;
}

int compile(struct compiled *c, const char *emulator, const struct qemu *q,
	    const struct libvirtmap *map, struct history *before, struct error *err)
{
	_cleanup_free_ char *shipped = root_path(SHIPPED_DIR), *site = root_path(SITE_DIR);
	const char *dirs[] = {shipped, site};
	const struct definition_world world = {.map = map, .qemu_models = &q->names};
	struct definitions *d = &c->definitions;
	int r;

	*c = (struct compiled){0};
	if (!shipped || !site)
		return error_set(err, -ENOMEM, NULL, 0, "out of memory");
	r = definitions_load(d, dirs, ARRAY_SIZE(dirs), &world, err);
	if (r < 0)
		return r;
	c->row = calloc(d->models.n + d->n_problems + 1, sizeof(*c->row));
	if (!c->row)
		return error_set(err, -ENOMEM, NULL, 0, "out of memory");
	for (size_t i = 0; i < d->models.n; i++)
		add_model(c, &d->models.item[i], emulator, q, map, before);
	for (size_t i = 0; i < d->n_problems; i++)
		if (deserves_row(c, &d->problem[i], q))
			refuse(c,
			       add_row(c, d->problem[i].model, emulator, d->problem[i].error.where),
			       &d->problem[i].error);
	if (add_all_gone(c, emulator, q, before) < 0 || c->failed)
		return error_set(err, -ENOMEM, NULL, 0, "out of memory");
	return 0;
}

/* ---- what guests run with ---- */

/* The names of the rows that the include has as models. */
static int included_names(struct strv *names, const struct compiled *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (!*c->row[i].refused &&
		    strv_add(names, c->row[i].model, strlen(c->row[i].model)) < 0)
			return -ENOMEM;
	return 0;
}

int compile_retain(struct compiled *c, const char *emulator, const char *dir,
		   const struct history *before, struct strv *notes, struct error *err)
{
	_cleanup_strv_ struct strv names = {0};
	int r = included_names(&names, c);

	if (r == 0)
		r = retained_models(&c->retained, dir, &names, notes);
	for (size_t i = 0; r == 0 && i < c->retained.n; i++)
		if (!compiled_has(c, c->retained.item[i].name))
			r = add_gone(c, c->retained.item[i].name, emulator, before);
	return r < 0 ? error_set(err, r, NULL, 0, "out of memory") : 0;
}

/* ---- the include ---- */

/* The model of a row, and whether the include has it. @m borrows what it points to. */
static void row_model(struct model *m, bool *included, const struct compiled *c,
		      const struct table_row *row, const struct libvirtmap *map)
{
	const struct model *defined = model_named(&c->definitions.models, row->model);
	const struct model *retained = model_named(&c->retained, row->model);

	*included = !*row->refused;
	if (*row->refused && retained && !model_named(&map->models, row->model)) {
		*m = *retained;
		*included = true;
	} else if (defined) {
		*m = *defined;
	} else {
		m->name = (char *)row->model;
	}
}

int compile_include(struct text *out, const struct compiled *c, const struct libvirtmap *map,
		    struct strv *notes, struct error *err)
{
	_cleanup_free_ struct model *models = calloc(c->n + 1, sizeof(*models));
	_cleanup_free_ bool *included = calloc(c->n + 1, sizeof(*included));
	int r;

	if (!models || !included)
		return error_set(err, -ENOMEM, NULL, 0, "out of memory");
	for (size_t i = 0; i < c->n; i++)
		row_model(&models[i], &included[i], c, &c->row[i], map);
	r = mapchoice(models, included, c->n, map, notes, err);
	return r < 0 ? r : mapinclude_print(out, models, included, c->n, map, notes, err);
}
