/* SPDX-License-Identifier: Apache-2.0 */
#include "write.h"

#include <errno.h>

#include "cpumap/define/definition_print.h"
#include "cpumap/define/expand.h"
#include "cpumap/libvirt/mapinclude.h"

static int no_memory(struct error *err)
{
	return error_set(err, -ENOMEM, NULL, 0, "out of memory");
}

int write_definition(struct text *out, const struct fleet_findings *f, struct error *err)
{
	_cleanup_strv_ struct strv notes = {0};

	if (fleet_notes(&notes, f) < 0)
		return no_memory(err);
	definition_print(out, &f->baseline.model, &notes);
	return 0;
}

/* Why there is none, as an error. */
static int missing(const struct fleet_findings *f, enum catalogue_from from, struct error *err)
{
	const struct error *why = &f->catalogue.missing[from];

	if (why->code == 0)
		return 0;
	return error_set(err, -ENOENT, why->where, 0, "%s; --format needs %s", why->what,
			 from == CATALOGUE_QEMU ? "a QEMU" : "libvirt's CPU map");
}

/* compile's own comments are no part of it. */
int write_map(struct text *out, const struct fleet_findings *f, struct error *err)
{
	const struct libvirtmap *map = &f->catalogue.map;
	_cleanup_strv_ struct strv notes = {0}, left = {0};
	_cleanup_text_ struct text include = {0};
	int r = missing(f, CATALOGUE_LIBVIRT, err);

	if (r == 0)
		r = mapinclude_print(&include, &f->baseline.model, (const bool[]){true}, 1, map,
				     &left, err);
	if (r == 0 && left.n)
		return error_set(err, -ENOTSUP, NULL, 0, "%s", left.item[0]);
	if (r == -EEXIST)
		return -ENOTSUP;
	if (r < 0 || fleet_notes(&notes, f) < 0)
		return r < 0 ? r : no_memory(err);
	definition_print_notes(out, &notes);
	text_adds(out, include.failed ? "" : strstr(include.data, "<cpus>"));
	return include.failed ? no_memory(err) : 0;
}

int write_qemu(struct text *out, const struct fleet_findings *f, struct error *err)
{
	struct model m = f->baseline.model;
	int r = missing(f, CATALOGUE_QEMU, err);

	if (r == 0)
		r = expand_identity(&m, &f->catalogue.qemu, err);
	return r == 0 ? expand_full(out, &m, &f->catalogue.qemu, err) : r;
}

/* ---- nova ---- */

/* The model of libvirt's with the fewest differences, and those. */
struct near {
	const struct catalogue_model *model;
	struct featset more, less;
	size_t n;
};

/* @subset: only what all hosts run */
static struct near nearest(const struct fleet_findings *f, bool subset)
{
	const struct featset *want = &f->baseline.model.features;
	struct near best = {.n = SIZE_MAX};

	for (size_t i = 0; i < f->catalogue.n; i++) {
		const struct catalogue_model *m = f->catalogue.item[i];
		struct near one = {.model = m, .more = m->gives, .less = *want};

		if (m->from != CATALOGUE_LIBVIRT)
			continue;
		featset_subtract(&one.more, want);
		featset_subtract(&one.less, &m->gives);
		one.n = featset_count(&one.more) + featset_count(&one.less);
		if (one.n < best.n && !(subset && featset_count(&one.more)))
			best = one;
	}
	return best;
}

static void add_flags(struct text *out, const struct featset *set, const char *sign, bool *first)
{
	_cleanup_text_ struct text names = {0};
	char *rest, *name;

	featset_print(&names, set, " ");
	rest = names.data;
	while (rest && (name = strsep(&rest, " "))) {
		text_addf(out, "%s%s%s", *first ? "" : ", ", sign, name);
		*first = false;
	}
	out->failed |= names.failed;
}

/* Lines that are commented out: @key is cpu_model or cpu_models. */
static void add_stock(struct text *out, const char *releases, const char *key,
		      const struct near *near, bool signs)
{
	bool first = true;

	text_addf(out, "# %s:\n", releases);
	if (!near->model) {
		text_adds(out, "# none of libvirt's models runs on all hosts\n");
		return;
	}
	text_addf(out, "#%s = %s\n", key, near->model->name);
	if (near->n == 0)
		return;
	text_adds(out, "#cpu_model_extra_flags = ");
	add_flags(out, &near->less, signs ? "+" : "", &first);
	add_flags(out, &near->more, "-", &first);
	text_adds(out, "\n");
}

void write_nova_named(struct text *out, const char *name)
{
	text_addf(out, "[libvirt]\ncpu_mode = custom\ncpu_models = %s\n", name);
}

void write_nova(struct text *out, const struct fleet_findings *f)
{
	struct near exact = nearest(f, false), subset = nearest(f, true);

	text_adds(out, "# With cpushim and this model on each node, from Train (20) on:\n");
	write_nova_named(out, f->baseline.model.name);
	text_addf(out, "# up to Stein (19), in place of cpu_models:\n#cpu_model = %s\n",
		  f->baseline.model.name);
	if (f->catalogue.missing[CATALOGUE_LIBVIRT].code)
		return;
	text_adds(out,
		  "\n# Without cpushim, from libvirt's nearest model. Under KVM libvirt and QEMU "
		  "add features\n# of their own, and the host's vendor.\n");
	add_stock(out, "from Wallaby (23) on", "cpu_models", &exact, true);
	add_stock(out, "Train to Victoria (20 to 22), where flags are only added", "cpu_models",
		  &subset, false);
	add_stock(out, "Rocky and Stein (18 and 19)", "cpu_model", &subset, false);
}

/* ---- Proxmox ---- */

/* Adds features in the spelling that `+` and `-` of QEMU's -cpu take. */
static void add_signed(struct text *out, const struct featset *set, char sign, bool *first)
{
	for (size_t i = 0; i < n_features; i++) {
		/* qemu-server itself writes it so, and a flag of the same spelling takes its place */
		bool lahf = strcmp(features[i].name, "lahf_lm") == 0;

		if (!featset_has(set, i) || !features[i].qemu)
			continue;
		text_addf(out, "%s%c%s", *first ? "" : ";", sign,
			  lahf ? features[i].name : features[i].qemu);
		*first = false;
	}
}

int write_proxmox(struct text *out, const struct fleet_findings *f, struct error *err)
{
	static const char *const by_proxmox[] = {"lahf_lm", "sep"};
	const struct model *m = &f->baseline.model;
	struct featset off = {0};
	bool first = true;
	int r = missing(f, CATALOGUE_QEMU, err);

	if (r < 0)
		return r;
	qemu_brings(&f->catalogue.qemu, m->base, &off);
	for (size_t i = 0; i < ARRAY_SIZE(by_proxmox); i++)
		featset_add(&off, (size_t)feature_find(by_proxmox[i], strlen(by_proxmox[i])));
	featset_subtract(&off, &m->features);
	text_addf(out, "cpu-model: %s\n\tflags ", m->name);
	add_signed(out, &m->features, '+', &first);
	add_signed(out, &off, '-', &first);
	text_addf(out, "\n\treported-model %s\n", m->base);
	return 0;
}
