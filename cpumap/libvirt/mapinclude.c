/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One wrong entry breaks every CPU call of libvirt (measured on 9.0): a feature that the map lacks,
 * a missing <decode>, a name that is defined twice. So each model lists all of its features, and
 * only what this map is known to accept is written.
 */
#include "mapinclude.h"

#include <errno.h>

#include "cpumap/core/paths.h"

static int compare_features(const void *a, const void *b)
{
	const struct feature *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static void print_model(struct text *out, const struct model *m, bool decode)
{
	const struct feature *member[FEATURE_MAX];
	size_t n = 0;

	for (size_t i = 0; i < n_features; i++)
		if (featset_has(&m->features, i))
			member[n++] = &features[i];
	qsort(member, n, sizeof(member[0]), compare_features);
	text_addf(out, "  <model name='%s'>\n", m->name);
	/* off, so that libvirt doesn't choose our models for host-model and capabilities */
	if (decode)
		text_adds(out, "    <decode host='off' guest='off'/>\n");
	for (size_t i = 0; i < n; i++)
		text_addf(out, "    <feature name='%s'/>\n", member[i]->name);
	text_adds(out, "  </model>\n");
}

/* definitions_load has compared them already. With other features the name would mean two
 * things. */
static int check_theirs(const struct model *m, const struct libvirtmap *map, struct error *err)
{
	const struct model *theirs = model_named(&map->models, m->name);
	bool odd = strv_has(&map->odd, m->name);

	if (!odd && (!theirs || featset_equal(&theirs->features, &m->features)))
		return 0;
	return error_set(err, -EEXIST, m->origin, 0,
			 "model '%s': libvirt's map has one of this name with other features%s%s",
			 m->name, theirs ? ": " : "", theirs ? theirs->origin : "");
}

/* XML forbids `--` in a comment, so a `%`, which no name has, is put between the two. */
static void add_in_comment(struct text *out, const char *s)
{
	for (; *s; s++)
		text_addf(out, "%c%s", *s, s[0] == '-' && s[1] == '-' ? "%" : "");
}

/* A line for the reader of the include: why a model isn't in it. */
static void __attribute__((format(printf, 3, 4)))
add_missing(struct text *missing, const char *name, const char *fmt, ...)
{
	char why[1024], shown[1024];
	va_list ap;

	va_start(ap, fmt);
	error_format(why, sizeof(why), fmt, ap);
	va_end(ap);
	text_adds(missing, "<!-- not here: ");
	add_in_comment(missing, name);
	text_adds(missing, ": ");
	add_in_comment(missing, text_escape(shown, sizeof(shown), why, strlen(why)));
	text_adds(missing, ". -->\n");
}

/* The file's name of FILE:LINE */
static const char *base_name(const char *origin)
{
	const char *slash = strrchr(origin, '/');

	return slash ? slash + 1 : origin;
}

/* Can @m stand in this map, and does it have to? The reason why not goes to @notes and @missing. */
static bool belongs(const struct model *m, const struct libvirtmap *map, struct strv *notes,
		    struct text *missing)
{
	const struct model *theirs = model_named(&map->models, m->name);
	_cleanup_text_ struct text names = {0};
	struct featset unknown = m->features;

	if (theirs) {
		(void)strv_addf(
			notes,
			"%s: model '%s' has the same features there and stays theirs; when it "
			"goes, run `cpushim compile` and restart libvirt, which knows none "
			"then",
			theirs->origin, m->name);
		add_missing(missing, m->name,
			    "%s" MAPINCLUDE_THEIRS "; when it goes there, run cpushim compile and "
			    "restart libvirt",
			    base_name(theirs->origin));
		return false;
	}
	featset_subtract(&unknown, &map->features);
	if (featset_count(&unknown) == 0)
		return true;
	featset_print(&names, &unknown, " ");
	(void)strv_addf(notes,
			"%s: model '%s' isn't made known to libvirt, whose map lacks %s: nova "
			"won't find it",
			m->origin, m->name, names.data ? names.data : "");
	add_missing(missing, m->name, "this map lacks %s", names.data ? names.data : "");
	return false;
}

static void print_names(struct text *out, const struct model *models, size_t n)
{
	text_adds(out, "<!-- " MAPINCLUDE_NAMES);
	for (size_t i = 0; i < n; i++) {
		text_adds(out, " ");
		add_in_comment(out, models[i].name);
	}
	text_adds(out, " -->\n");
}

int mapinclude_print(struct text *out, const struct model *models, const bool *included, size_t n,
		     const struct libvirtmap *map, struct strv *notes, struct error *err)
{
	_cleanup_text_ struct text missing = {0}, body = {0};
	int r = 0;

	text_adds(&missing, "");
	text_adds(&body, "");
	for (size_t i = 0; i < n && r == 0; i++) {
		if (!included[i]) {
			add_missing(&missing, models[i].name, "cpushim compile says why");
			continue;
		}
		r = check_theirs(&models[i], map, err);
		if (r == 0 && belongs(&models[i], map, notes, &missing))
			print_model(&body, &models[i], map->has_decode);
	}
	if (r < 0)
		return r;
	if (missing.failed || body.failed)
		return error_set(err, -ENOMEM, NULL, 0, "out of memory");
	text_adds(out, "<!-- " MAPINCLUDE_FIRST " from its definitions; changes are lost. -->\n");
	print_names(out, models, n);
	text_addf(out, "%s<cpus>\n%s</cpus>\n", missing.data, body.data);
	return out->failed ? error_set(err, -ENOMEM, NULL, 0, "out of memory") : 0;
}

void mapinclude_stage(struct text *out, const char *index, const char *name)
{
	while (*index) {
		size_t len = strcspn(index, "\n");
		_cleanup_free_ char *line = strndup(index, len);

		if (!line) {
			out->failed = true;
			return;
		}
		index += len + (index[len] == '\n');
		if (strstr(line, LIBVIRTMAP_OURS))
			continue;
		text_addf(out, "%s\n", line);
		if (name && strstr(line, "x86_features.xml"))
			text_addf(out, "    <include filename='%s'/>\n", name);
	}
}
