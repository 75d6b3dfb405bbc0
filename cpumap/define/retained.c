/* SPDX-License-Identifier: Apache-2.0 */
#include "retained.h"

#include <dirent.h>
#include <errno.h>

#include "cpumap/core/paths.h"
#include "cpumap/core/util.h"

static bool mentions(const char *dir, const char *file, const char *element)
{
	_cleanup_free_ char *path = NULL, *text = NULL;
	size_t len;

	if (asprintf(&path, "%s/%s", dir, file) < 0) {
		path = NULL;
		return false;
	}
	return file_read(path, TRUST_ANY, LIBVIRT_XML_LIMIT, &text, &len, NULL) == 0 &&
	       memmem(text, len, element, strlen(element));
}

/* The name of a running domain, by libvirt's status files, that has @model. Allocated; NULL: there
 * is none. */
static char *find_guest(const char *model)
{
	_cleanup_free_ char *path = root_path(LIBVIRT_STATE_DIR), *element = NULL;
	DIR *dir = path ? opendir(path) : NULL;
	const struct dirent *entry;
	char *guest = NULL;

	if (asprintf(&element, ">%s</model>", model) < 0)
		element = NULL;
	while (dir && element && !guest && (entry = readdir(dir))) {
		size_t len = strlen(entry->d_name);

		if (len > 4 && strcmp(entry->d_name + len - 4, ".xml") == 0 &&
		    mentions(path, entry->d_name, element))
			guest = strndup(entry->d_name, len - 4);
	}
	if (dir)
		(void)closedir(dir);
	return guest;
}

static int add_model(struct model_list *out, const struct model *m)
{
	struct model *grown = reallocarray(out->item, out->n + 1, sizeof(*grown));
	struct model copy = *m;

	if (!grown)
		return -ENOMEM;
	out->item = grown;
	copy.name = strdup(m->name);
	copy.origin = strdup(m->origin);
	copy.base = NULL;
	grown[out->n++] = copy;
	return copy.name && copy.origin ? 0 : -ENOMEM;
}

int retained_models(struct model_list *out, const char *dir, const struct strv *stays,
		    struct strv *notes)
{
	_cleanup_libvirtmap_ struct libvirtmap map = {0};
	int r = 0;

	/* nobody knows what was in a map that can't be read */
	if (libvirtmap_load(&map, dir, NULL, NULL) < 0)
		return 0;
	for (size_t i = 0; i < map.models.n && r == 0; i++) {
		const struct model *m = &map.models.item[i];
		_cleanup_free_ char *guest = NULL;
		_cleanup_text_ struct text note = {0};

		if (!strv_has(&map.ours, m->name) || strv_has(stays, m->name) ||
		    !(guest = find_guest(m->name)))
			continue;
		text_addf(&note,
			  "model '%s' stays known to libvirt for guest %s, which runs with it and "
			  "could be "
			  "ended when libvirt restarts; none is started with it",
			  m->name, guest);
		r = note.failed ? -ENOMEM : strv_add(notes, note.data, note.len);
		if (r == 0)
			r = add_model(out, m);
	}
	return r;
}
