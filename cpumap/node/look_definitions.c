/* SPDX-License-Identifier: Apache-2.0 */
/* Definitions: what compile would say of them now, and whether the table has what they say. */
#include <errno.h>

#include "cpumap/core/paths.h"
#include "condition.h"

void look_published(struct checkup *c, const struct condition *it, struct faults *f)
{
	_cleanup_free_ char *path = root_path(PUBLISHED_PATH);
	struct published published = {0};
	_cleanup_text_ struct text names = {0};
	struct error err = {0};
	int r = path ? published_load(&published, path, &err) : -ENOMEM;

	if (r < 0)
		fault_error(f, it->id, r == -EACCES ? WEIGHT_UNKNOWN : WEIGHT_FAILS, &err, NULL);
	for (size_t i = 0; i < c->table.n && r == 0; i++) {
		const struct table_row *row = &c->table.row[i];

		if (!*row->refused && !published_digest(&published, row->model) &&
		    (i == 0 || strcmp(row[-1].model, row->model) != 0))
			text_addf(&names, " %s", row->model);
	}
	if (names.len && !names.failed) {
		fault_add(f, it->id, WEIGHT_FAILS, PUBLISHED_PATH ": has lost%s", names.data);
		fault_cure(f, CURE_COMPILE);
	}
	published_free(&published);
}

/* The first emulator's: all of them read the same files. NULL: compile can't be asked. */
static const struct checkup_qemu *first_qemu(struct checkup *c, const struct condition *it,
					     struct faults *f)
{
	size_t n;
	const struct checkup_qemu *qemu = checkup_qemus(c, &n);

	if (c->state.libvirt && c->state.map.error.code) {
		fault_add(f, it->id, WEIGHT_SKIPPED,
			  "not looked at, as libvirt's map can't be read");
		return NULL;
	}
	if (n && !qemu->refuses.code)
		return qemu;
	fault_add(f, it->id, WEIGHT_UNKNOWN, "%s%s%s", n ? qemu->refuses.where : "",
		  n ? ": " : "out of memory", n ? qemu->refuses.what : "");
	return NULL;
}

static void look_at_problems(const struct checkup_qemu *qemu, enum problem_kind kind,
			     const struct condition *it, struct faults *f)
{
	const struct definitions *d = &qemu->compiled.definitions;

	for (size_t i = 0; i < d->n_problems; i++)
		if (d->problem[i].kind == kind)
			fault_error(f, it->id, WEIGHT_FAILS, &d->problem[i].error, CURE_COMPILE);
}

/* Good definitions that this QEMU can't provide, or that give a name another meaning; and names without
 * a definition. */
static void look_at_rows(const struct checkup_qemu *qemu, const struct condition *it,
			 struct faults *f)
{
	const struct compiled *compiled = &qemu->compiled;

	for (size_t i = 0; i < compiled->n; i++) {
		const struct table_row *row = &compiled->row[i];
		bool defined = model_named(&compiled->definitions.models, row->model);
		struct error why = {0};

		if (!*row->refused || (!defined && strcmp(row->origin, "none") != 0))
			continue;
		error_set(&why, -EINVAL, defined ? row->origin : row->model, 0, "%s", row->refused);
		fault_error(f, it->id, defined ? WEIGHT_FAILS : WEIGHT_WARNS, &why,
			    strstr(row->refused, "; ") ? CURE_COMPILE
						       : "mend the definition, then " CURE_COMPILE);
	}
}

void look_definitions(struct checkup *c, const struct condition *it, struct faults *f)
{
	static const struct {
		const char *id;
		enum problem_kind kind;
	} kinds[] = {
		{"def-unreadable", PROBLEM_UNREADABLE},
		{"def-doubled", PROBLEM_DOUBLED},
		{"def-refused", PROBLEM_TEXT},
	};
	const struct checkup_qemu *qemu = first_qemu(c, it, f);

	for (size_t i = 0; i < ARRAY_SIZE(kinds) && qemu; i++) {
		if (strcmp(kinds[i].id, it->id) != 0)
			continue;
		look_at_problems(qemu, kinds[i].kind, it, f);
		if (kinds[i].kind == PROBLEM_TEXT)
			look_at_rows(qemu, it, f);
	}
}

void look_shipped(struct checkup *c, const struct condition *it, struct faults *f)
{
	const struct checkup_qemu *qemu = first_qemu(c, it, f);
	const struct model_list *models = qemu ? &qemu->compiled.definitions.models : NULL;

	if (!qemu)
		return;
	look_at_problems(qemu, PROBLEM_SHIPPED, it, f);
	for (size_t i = 0; i < models->n; i++) {
		const struct model *theirs =
			model_named(&checkup_stock(c)->models, models->item[i].name);

		if (!theirs)
			continue;
		fault_add(f, it->id, WEIGHT_WARNS,
			  "%s: libvirt's map has a model %s with the same features, which stays "
			  "libvirt's",
			  theirs->origin, models->item[i].name);
		fault_cure(f, "give the site's another name, if that file isn't the site's");
	}
}

/* ---- the table ---- */

static const struct table_row *same_row(const struct table_row *rows, size_t n,
					const struct table_row *as)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(rows[i].model, as->model) == 0 &&
		    strcmp(rows[i].emulator, as->emulator) == 0)
			return &rows[i];
	return NULL;
}

static void compare_row(const struct table *t, const struct table_row *now,
			const struct condition *it, struct faults *f)
{
	const struct table_row *then = same_row(t->row, t->n, now);

	if (!then)
		fault_add(f, it->id, WEIGHT_FAILS, "%s: model %s isn't in the table for %s",
			  now->origin, now->model, now->emulator);
	else if (strcmp(then->digest, now->digest) != 0 || !*then->refused != !*now->refused)
		fault_add(f, it->id, WEIGHT_FAILS,
			  "%s: model %s was changed since the table was written", now->origin,
			  now->model);
	else
		return;
	fault_cure(f, CURE_COMPILE ", then restart libvirt");
}

void look_compiled(struct checkup *c, const struct condition *it, struct faults *f)
{
	size_t n;
	const struct checkup_qemu *qemu = checkup_qemus(c, &n);

	if (!first_qemu(c, it, f))
		return;
	for (size_t i = 0; i < n; i++) {
		const struct compiled *compiled = &qemu[i].compiled;

		for (size_t k = 0; k < compiled->n; k++)
			compare_row(&c->table, &compiled->row[k], it, f);
		/* rows that refuse stay for the guests that have them */
		for (size_t k = 0; k < c->table.n; k++) {
			const struct table_row *row = &c->table.row[k];

			if (strcmp(row->emulator, qemu[i].emulator) != 0 || *row->refused ||
			    same_row(compiled->row, compiled->n, row))
				continue;
			fault_add(f, it->id, WEIGHT_FAILS,
				  "the table has a model %s, which no definition has any more",
				  row->model);
			fault_cure(f, CURE_COMPILE);
		}
	}
}
