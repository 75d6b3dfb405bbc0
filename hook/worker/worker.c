/* SPDX-License-Identifier: Apache-2.0 */
#include "worker.h"

#include <errno.h>
#include <limits.h>

#include "cpumap/core/emulator.h"
#include "cpumap/core/paths.h"
#include "cpumap/libvirt/libvirtmap.h"
#include "cpumap/qemu/kvm.h"
#include "native.h"

void asked_free(struct asked *a)
{
	table_free(&a->table);
	table_free(&a->other);
	domain_free(&a->domain);
	free(a->emulator);
}

/* The file that the domain's <emulator> resolves to. */
static char *resolve(const char *emulator)
{
	_cleanup_free_ char *path = root_path(emulator);
	char *real = path ? realpath(path, NULL) : NULL;

	return real ? real : steal_pointer(&path);
}

/* Is @file an emulator of the table? */
static bool is_of_table(const struct table *t, const char *file)
{
	for (size_t i = 0; i < t->n_qemus; i++) {
		_cleanup_free_ char *path = resolve(t->qemu[i].emulator);

		if (path && strcmp(path, file) == 0)
			return true;
	}
	return false;
}

static int load_rows(struct table *t, const char *model, struct error *err)
{
	_cleanup_free_ char *path = root_path(TABLE_PATH);

	return path ? table_load_model(t, path, model, model ? strlen(model) : 0, err)
		    : error_set(err, -ENOMEM, TABLE_PATH, 0, "out of memory");
}

const struct table_row *asked_row(struct asked *a, const char *model, const char *emulator)
{
	const struct table *t = &a->table;

	if (!a->domain.model || strcmp(a->domain.model, model) != 0) {
		table_free(&a->other);
		(void)load_rows(&a->other, model, NULL);
		t = &a->other;
	}
	return table_find(t, model, strlen(model), emulator);
}

static const struct table_qemu *noted_qemu(const struct asked *a)
{
	return table_qemu_of(&a->table, a->emulator ? a->emulator : a->facts.row->emulator);
}

/* The table's note of the QEMU behind the emulator, if by now that is another one. */
static const struct table_qemu *former_qemu(const struct asked *a)
{
	_cleanup_free_ char *path =
		a->emulator ? strdup(a->emulator) : root_path(a->facts.row->emulator);
	_cleanup_free_ char *real = NULL;
	const struct table_qemu *noted = noted_qemu(a);

	if (!path || asprintf(&real, "%s" EMULATOR_REAL, path) < 0) {
		real = NULL;
		return NULL;
	}
	return noted && emulator_compare(noted, real) == EMULATOR_OTHER ? noted : NULL;
}

void asked_program(struct asked *a, const char *program)
{
	const struct table_qemu *noted = a->facts.row ? noted_qemu(a) : NULL;

	a->facts.was =
		noted && emulator_compare_program(noted, program) == EMULATOR_OTHER ? noted : NULL;
}

/* Gathers the facts for a decision about a.domain. */
static void gather(struct asked *a)
{
	const struct domain *d = &a->domain;

	if (!d->model)
		return;
	if (d->emulator) {
		a->facts.emulator = a->emulator = resolve(d->emulator);
		a->facts.wrapper = a->emulator && emulator_is_wrapper(a->emulator);
		a->facts.native = a->emulator && !a->facts.wrapper && native_node() &&
				  is_of_table(&a->table, a->emulator);
	}
	a->facts.row = table_find(&a->table, d->model, strlen(d->model), a->emulator);
	/* With an emulator that has no rows the name is still a site model's. If the emulator has
	 * other rows, its QEMU has a model of this name itself. */
	if (!a->facts.row &&
	    !((a->facts.wrapper || a->facts.native) && table_has_emulator(&a->table, a->emulator)))
		a->facts.row = table_find(&a->table, d->model, strlen(d->model), NULL);
	/* without the wrapper QEMU itself is asked what it makes of a model */
	if (a->facts.row && !a->facts.native)
		a->facts.was = former_qemu(a);
	if (a->facts.row && d->kvm && kvm_offers(&a->kvm, NULL) == 0)
		a->facts.kvm = &a->kvm;
}

int asked_read(struct asked *a, char *xml, size_t len, const char *name, struct error *err)
{
	struct domain d;
	int r = domain_read(&d, xml, len, name, err);

	if (r < 0) {
		domain_free(&d);
		*a = (struct asked){0};
		return r;
	}
	return asked_domain(a, &d, err);
}

int asked_domain(struct asked *a, struct domain *d, struct error *err)
{
	int r;

	*a = (struct asked){.facts.table = &a->table, .domain = *d};
	*d = (struct domain){0};
	r = load_rows(&a->table, a->domain.model, err);
	if (r == 0)
		gather(a);
	return r;
}

void asked_map(struct asked *a)
{
	_cleanup_free_ char *dir = root_path(LIBVIRTMAP_DIR);
	_cleanup_libvirtmap_ struct libvirtmap map = {0};

	if (!dir || libvirtmap_load(&map, dir, LIBVIRTMAP_OURS, NULL) < 0)
		return;
	a->map = map.features;
	a->facts.map = &a->map;
}

/* Adds the features that the XML would have to name, and that libvirt has no name for. */
static void add_nameless(struct text *out, const struct facts *f)
{
	const char *const lists[] = {f->row->features, f->row->brings};
	_cleanup_text_ struct text names = {0};
	struct featset all = {0};

	for (size_t i = 0; f->map && i < ARRAY_SIZE(lists); i++) {
		struct featset some;

		if (featset_parse(&some, lists[i], strlen(lists[i]), ',', NULL) == 0)
			featset_union(&all, &some);
	}
	if (f->map)
		featset_subtract(&all, f->map);
	if (featset_count(&all) == 0)
		return;
	featset_print(&names, &all, " ");
	text_addf(out, ", nor, as libvirt's map lacks them: %s", names.data ? names.data : "");
}

void unsaid_print(const char *name, const struct facts *f)
{
	_cleanup_text_ struct text what = {0};
	struct error err = {0};
	char line[4096];

	text_addf(&what,
		  "model '%s': a domain XML can't say family=%s, model=%s, stepping=%s and enforce",
		  f->row->model, f->row->family, f->row->cpu_model, f->row->stepping);
	add_nameless(&what, f);
	text_adds(&what, "; the wrapper does");
	if (what.failed)
		return;
	error_set(&err, -EPERM, name, 0, "%s", what.data);
	error_line(&err, line, sizeof(line));
	fputs(line, stderr);
}
