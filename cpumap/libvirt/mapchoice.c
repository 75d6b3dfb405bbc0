/* SPDX-License-Identifier: Apache-2.0 */
#include "mapchoice.h"

#include <errno.h>

#include "cpumap/core/paths.h"
#include "cpumap/qemu/hostcpu.h"
#include "mapinclude.h"
#include "mapsingle.h"
#include "maptrial.h"

#define TRIAL LIBVIRTMAP_DIR "/.cpushim.trial"

int mapchoice_cpus(struct strv *cpus, const struct featset *cpu, const char *vendor)
{
	/* libvirt 1.2 has both, and today's CPUs have all of their features */
	static const char *const names[] = {"486", "pentium"};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(names) && r == 0; i++) {
		_cleanup_text_ struct text out = {0};

		text_addf(&out, "<cpu><arch>x86_64</arch><model>%s</model>", names[i]);
		if (vendor)
			text_addf(&out, "<vendor>%s</vendor>", vendor);
		for (size_t f = 0; f < n_features; f++)
			if (featset_has(cpu, f))
				text_addf(&out, "<feature name='%s'/>", features[f].name);
		text_adds(&out, "</cpu>");
		r = out.failed ? -ENOMEM : strv_add(cpus, out.data, out.len);
	}
	return r;
}

int mapchoice_model(const struct mapchoice *c, const struct text *map, char **answer,
		    struct error *err)
{
	const struct map_binding file = {.staged = c->staged, .path = c->target};
	const struct maptrial trial = {.file = &file, .n = 1, .seconds = MAPTRIAL_SECONDS};
	int r = map->failed ? error_set(err, -ENOMEM, c->target, 0, "out of memory")
			    : file_write(c->staged, 0644, map->data, map->len, NULL, err);

	return r < 0 ? r : maptrial_baseline(&trial, c->cpus, answer, err);
}

/* This host's CPU, as far as libvirt knows its features. */
static int host_cpus(struct strv *cpus, const struct libvirtmap *map, struct error *err)
{
	struct featset cpu, unknown;

	hostcpu_features(&cpu);
	unknown = cpu;
	featset_subtract(&unknown, &map->features);
	featset_subtract(&cpu, &unknown);
	if (mapchoice_cpus(cpus, &cpu, libvirtmap_host_vendor(map)) < 0)
		return error_set(err, -ENOMEM, NULL, 0, "out of memory");
	return 0;
}

/* Some of our models, and the map that they are tried in. */
struct trial {
	const struct mapchoice *c;
	const struct libvirtmap *map;
	char *text; /* of the target, as it is now */
};

static void trial_free(struct trial *t)
{
	free(t->text);
}

/* The target's text with @n of our models in it. */
static int stage(struct text *out, const struct trial *t, const struct model *models,
		 const bool *included, size_t n, struct error *err)
{
	_cleanup_text_ struct text include = {0};
	int r = n ? mapinclude_print(&include, models, included, n, t->map, NULL, err) : 0;

	if (r < 0)
		return r;
	if (t->map->single)
		return mapsingle_merge(out, t->text, t->c->target, include.data, err);
	mapinclude_stage(out, t->text, n ? strrchr(TRIAL, '/') + 1 : NULL);
	return n ? file_write(TRIAL, 0644, include.data, include.len, NULL, err) : 0;
}

/* @answer: what libvirt takes this host's CPU for with these models. */
static int ask(const struct trial *t, const struct model *models, const bool *included, size_t n,
	       char **answer, struct error *err)
{
	_cleanup_text_ struct text staged = {0};
	int r = stage(&staged, t, models, included, n, err);

	return r < 0 ? r : mapchoice_model(t->c, &staged, answer, err);
}

static void note(struct strv *notes, const struct model *m)
{
	_cleanup_text_ struct text line = {0};

	text_addf(&line,
		  "%s: model '%s' isn't made known to libvirt, which would take it for this host's "
		  "CPU in host-model and capabilities: nova won't find it",
		  m->origin, m->name);
	if (!line.failed)
		(void)strv_add(notes, line.data, line.len);
}

/* Tries each model alone, and then all that are left together: so libvirt has loaded that map,
 * too. */
static int compare_all(const struct trial *t, const struct model *models, bool *included, size_t n,
		       struct strv *notes, struct error *err)
{
	_cleanup_free_ char *before = NULL, *together = NULL;
	const bool yes = true;
	int r = ask(t, NULL, NULL, 0, &before, err);

	for (size_t i = 0; i < n && r == 0; i++) {
		_cleanup_free_ char *after = NULL;

		/* a model that isn't in the map changes nothing */
		if (!included[i])
			continue;
		r = ask(t, &models[i], &yes, 1, &after, err);
		if (r == 0 && strcmp(before, after) != 0) {
			included[i] = false;
			note(notes, &models[i]);
		}
	}
	if (r == 0)
		r = ask(t, models, included, n, &together, err);
	if (r == 0 && strcmp(before, together) != 0)
		r = error_set(err, -EINVAL, t->c->target, 0,
			      "with these models libvirt would take this host's CPU for another "
			      "one, though with none of them alone; left as it is");
	return r;
}

int mapchoice(const struct model *models, bool *included, size_t n, const struct libvirtmap *map,
	      struct strv *notes, struct error *err)
{
	static const char not_asked[] =
		"libvirt's CPU map has no <decode>, and whether libvirt would take a model for the "
		"host's CPU can't be tried here; compare `virsh capabilities` before and after";
	_cleanup_strv_ struct strv cpus = {0};
	const struct mapchoice c = {
		.target = map->single ? MAPSINGLE_PATH : LIBVIRTMAP_DIR "/index.xml",
		.staged = "/usr/share/libvirt/.cpushim.map",
		.cpus = &cpus,
	};
	__attribute__((cleanup(trial_free))) struct trial t = {.c = &c, .map = map};
	size_t len;
	int r;

	if (map->has_decode)
		return 0;
	if (root_is_another() || geteuid() != 0)
		return strv_add(notes, not_asked, strlen(not_asked));
	r = file_read(c.target, TRUST_ANY, 16 << 20, &t.text, &len, err);
	if (r == 0)
		r = host_cpus(&cpus, map, err);
	if (r == 0)
		r = compare_all(&t, models, included, n, notes, err);
	(void)unlink(c.staged);
	(void)unlink(TRIAL);
	/* no library */
	return r == -ELIBACC ? strv_add(notes, not_asked, strlen(not_asked)) : r;
}

static void add_name(struct text *out, const char *name, const struct strv *qemu,
		     const struct model_list *ours)
{
	if (!strv_has(qemu, name) && !model_named(ours, name))
		text_addf(out, "%s%s", out->len ? " " : "", name);
}

int mapchoice_translated(struct strv *notes, const struct libvirtmap *map, const char *dir,
			 const struct strv *qemu, const struct model_list *ours)
{
	_cleanup_text_ struct text names = {0};
	char shown[2048];

	if (map->has_decode)
		return 0;
	for (size_t i = 0; i < map->models.n; i++)
		add_name(&names, map->models.item[i].name, qemu, ours);
	for (size_t i = 0; i < map->odd.n; i++)
		add_name(&names, map->odd.item[i], qemu, ours);
	if (names.failed)
		return -ENOMEM;
	if (!names.len)
		return 0;
	return strv_addf(notes,
			 "%s: a guest of a model that this map has and QEMU hasn't is started as "
			 "the nearest that QEMU offers, by libvirt before 6.2, and that may now be "
			 "a site's: %s; have such guests ask for another",
			 dir, text_escape(shown, sizeof(shown), names.data, names.len));
}
