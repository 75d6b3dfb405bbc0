/* SPDX-License-Identifier: Apache-2.0 */
#include "snapshot.h"

#include <dirent.h>

#include "cpumap/core/paths.h"
#include "cpumap/core/util.h"
#include "hook/core/domainfile.h"

typedef bool found_fn(const struct domain *d, const char *snapshot, void *data);

static bool look_into(const char *dir, const char *file, bool live, found_fn *found, void *data)
{
	_cleanup_free_ char *path = NULL, *xml = NULL, *snapshot = NULL;
	_cleanup_domain_ struct domain d = {0};
	size_t len = strlen(file), size;

	if (len <= strlen(".xml") || strcmp(file + len - strlen(".xml"), ".xml") != 0 ||
	    asprintf(&path, "%s/%s", dir, file) < 0)
		return false;
	snapshot = strndup(file, len - strlen(".xml"));
	return snapshot && file_read(path, TRUST_ANY, LIBVIRT_XML_LIMIT, &xml, &size, NULL) == 0 &&
	       domain_read_snapshot(&d, xml, size, live, path, NULL) == 0 &&
	       found(&d, snapshot, data);
}

static bool each(const char *name, bool live, found_fn *found, void *data)
{
	_cleanup_free_ char *path = NULL;
	const struct dirent *entry;
	bool done = false;
	DIR *dir;

	if (domainfile_path(&path, DOMAINFILE_SNAPSHOTS, name, 0) < 0)
		return false;
	dir = opendir(path);
	while (dir && !done && (entry = readdir(dir)))
		done = look_into(path, entry->d_name, live, found, data);
	if (dir)
		(void)closedir(dir);
	return done;
}

bool snapshot_each(const char *name, found_fn *found, void *data)
{
	return each(name, true, found, data);
}

static bool same_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

static bool is_this(const struct domain *d, const char *snapshot, void *data)
{
	const struct domain *want = data;

	(void)snapshot;
	return domain_same(d, want) && domain_same_cpu(d, want) &&
	       same_text(d->mark_model, want->mark_model) &&
	       same_text(d->mark_digest, want->mark_digest);
}

bool snapshot_holds(const struct domain *d, const char *name)
{
	return each(name, true, is_this, (void *)d) || each(name, false, is_this, (void *)d);
}
