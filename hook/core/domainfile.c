/* SPDX-License-Identifier: Apache-2.0 */
#include "domainfile.h"

#include <dirent.h>
#include <errno.h>

#include "cpumap/core/paths.h"
#include "cpumap/core/util.h"

static const struct {
	const char *dir, *suffix;
	bool escaped; /* by releases after 1.2 */
} places[] = {
	[DOMAINFILE_PID] = {LIBVIRT_STATE_DIR, ".pid", true},
	[DOMAINFILE_STATUS] = {LIBVIRT_STATE_DIR, ".xml", false},
	[DOMAINFILE_DEFINITION] = {LIBVIRT_DEFINITION_DIR, ".xml", false},
	[DOMAINFILE_LOG] = {LIBVIRT_LOG_DIR, ".log", false},
	[DOMAINFILE_SNAPSHOTS] = {LIBVIRT_LIB_DIR "/snapshot", "", false},
	[DOMAINFILE_SAVE] = {LIBVIRT_LIB_DIR "/save", ".save", false},
};

const char *domainfile_dir(enum domainfile kind)
{
	return places[kind].dir;
}

/* Escapes as virBufferEscapeString does (src/util/virbuffer.c, 4.0 to 9.0): it drops the control
 * characters up to 0x19, which XML can't hold, except tab, line feed and carriage return. */
static void add_escaped(struct text *t, const char *name)
{
	for (; *name; name++) {
		switch (*name) {
		case '<':
			text_adds(t, "&lt;");
			break;
		case '>':
			text_adds(t, "&gt;");
			break;
		case '&':
			text_adds(t, "&amp;");
			break;
		case '"':
			text_adds(t, "&quot;");
			break;
		case '\'':
			text_adds(t, "&apos;");
			break;
		default:
			if ((unsigned char)*name > 0x19 || strchr("\t\n\r", *name))
				text_add(t, name, 1);
		}
	}
}

int domainfile_path(char **path, enum domainfile kind, const char *name, unsigned int spelling)
{
	_cleanup_free_ char *dir = NULL;
	_cleanup_text_ struct text t = {0};
	bool escaped = places[kind].escaped && spelling == 0;

	if (!*name || strchr(name, '/') || spelling > (places[kind].escaped ? 1 : 0))
		return -ENOENT;
	dir = root_path(places[kind].dir);
	if (!dir)
		return -ENOMEM;
	text_addf(&t, "%s/", dir);
	if (escaped)
		add_escaped(&t, name);
	else
		text_adds(&t, name);
	text_adds(&t, places[kind].suffix);
	if (t.failed)
		return -ENOMEM;
	*path = steal_pointer(&t.data);
	return 0;
}

/* The domain's name in the name of a file; NULL: it is no such file, or out of memory (@r) */
static char *name_in(const char *file, const char *suffix, int *r)
{
	size_t len = strlen(file), end = strlen(suffix);
	char *name;

	if (strcmp(file, ".") == 0 || strcmp(file, "..") == 0 || len <= end ||
	    strcmp(file + len - end, suffix) != 0)
		return NULL;
	name = strndup(file, len - end);
	if (!name)
		*r = -ENOMEM;
	return name;
}

bool domainfile_exists(enum domainfile kind, const char *name)
{
	_cleanup_free_ char *path = NULL;

	return domainfile_path(&path, kind, name, 0) == 0 && access(path, F_OK) == 0;
}

int domainfile_each(enum domainfile kind, int (*look)(const char *name, void *data), void *data)
{
	_cleanup_free_ char *path = root_path(places[kind].dir);
	DIR *dir = path ? opendir(path) : NULL;
	const struct dirent *entry;
	int r = path ? 0 : -ENOMEM;

	while (dir && r == 0 && (entry = readdir(dir))) {
		_cleanup_free_ char *name = name_in(entry->d_name, places[kind].suffix, &r);

		if (name)
			r = look(name, data);
	}
	if (dir)
		(void)closedir(dir);
	return r;
}
