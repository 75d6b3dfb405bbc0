/* SPDX-License-Identifier: Apache-2.0 */
#include "mapwith.h"

#include <errno.h>

#include "cpumap/core/paths.h"
#include "mapinclude.h"

#define INDEX       LIBVIRTMAP_DIR "/index.xml"
#define INCLUDE     "x86_cpushim-try.xml"
#define INDEX_LIMIT ((size_t)16 << 20)

void mapwith_free(struct mapwith *w)
{
	text_free(&w->index);
	text_free(&w->include);
	*w = (struct mapwith){0};
}

static int check_features(const struct model *m, const struct libvirtmap *map, struct error *err)
{
	struct featset lacking = m->features;
	_cleanup_text_ struct text names = {0};

	featset_subtract(&lacking, &map->features);
	if (featset_count(&lacking) == 0)
		return 0;
	featset_print(&names, &lacking, " ");
	return error_set(err, -ENOTSUP, LIBVIRTMAP_DIR, 0,
			 "this libvirt's CPU map has no such feature: %s",
			 names.failed ? "" : names.data);
}

/* "Intel" for "GenuineIntel"; NULL: the map lacks it. */
static const char *vendor_in(const struct libvirtmap *map, const char *vendor)
{
	for (size_t i = 0; i + 1 < map->vendors.n; i += 2)
		if (strcmp(map->vendors.item[i + 1], vendor) == 0)
			return map->vendors.item[i];
	return NULL;
}

static void print_include(struct text *out, const struct model *m, const struct libvirtmap *map)
{
	const char *vendor = vendor_in(map, m->id.vendor);

	text_addf(out, "<cpus>\n  <model name='%s'>\n", m->name);
	if (map->has_decode)
		text_adds(out, "    <decode host='on' guest='on'/>\n");
	if (vendor)
		text_addf(out, "    <vendor name='%s'/>\n", vendor);
	for (size_t i = 0; i < n_features; i++)
		if (featset_has(&m->features, i))
			text_addf(out, "    <feature name='%s'/>\n", features[i].name);
	text_adds(out, "  </model>\n</cpus>\n");
}

static void add_file(struct mapwith *w, const char *path, const struct text *text)
{
	w->file[w->n++] = (struct map_binding){.path = path, .text = text->data};
}

int mapwith(struct mapwith *w, const struct model *m, const struct libvirtmap *map,
	    struct error *err)
{
	bool theirs = model_named(&map->models, m->name) || libvirtmap_odd(map, m->name);
	_cleanup_free_ char *index = NULL;
	size_t len;
	int r;

	if (map->single)
		return error_set(err, -ENOSYS, LIBVIRTMAP_DIR ".xml", 0,
				 "libvirt before 6.1 can't be asked without a guest");
	r = theirs ? 0 : check_features(m, map, err);
	if (r == 0)
		r = file_read(INDEX, TRUST_ANY, INDEX_LIMIT, &index, &len, err);
	if (r < 0)
		return r;
	mapinclude_stage(&w->index, index, theirs ? NULL : INCLUDE);
	print_include(&w->include, m, map);
	if (w->index.failed || w->include.failed)
		return error_set(err, -ENOMEM, INDEX, 0, "out of memory");
	add_file(w, INDEX, &w->index);
	if (!theirs)
		add_file(w, LIBVIRTMAP_DIR "/" INCLUDE, &w->include);
	return 0;
}
