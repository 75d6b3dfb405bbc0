/* SPDX-License-Identifier: Apache-2.0 */
#include "stockmodels.h"

#include "cpumap/core/paths.h"

static struct libvirtmap map;
static bool tried, there;

const struct libvirtmap *stockmodels_map(void)
{
	_cleanup_free_ char *dir = tried ? NULL : root_path(LIBVIRTMAP_DIR);

	if (!tried && dir) {
		tried = true;
		there = libvirtmap_load(&map, dir, NULL, NULL) == 0;
	}
	return there ? &map : NULL;
}

const struct model *stockmodels_find(const char *name)
{
	const struct libvirtmap *m = stockmodels_map();

	return m ? model_named(&m->models, name) : NULL;
}

void stockmodels_free(void)
{
	libvirtmap_free(&map);
	map = (struct libvirtmap){0};
	tried = there = false;
}
