/* SPDX-License-Identifier: Apache-2.0 */
/* Which guests need cpushim: those that run, are defined, or were saved with a site model. They are
 * found in libvirt's and nova's files. */
#include <dirent.h>
#include <errno.h>

#include "cpumap/core/paths.h"
#include "cpumap/core/show.h"
#include "hook/domain/saveimage.h"
#include "hook/domain/snapshot.h"
#include "hook/domain/storedxml.h"
#include "change.h"
#include "models.h"
#include "steps.h"

#define SHOWN 128

struct search {
	struct node *node;
	const struct strv *names; /* the site's models */
	const char *guest;        /* the domain whose files are looked at */
	size_t n;
};

static bool is_ours(const struct search *s, const struct domain *d)
{
	return d->model && strv_has(s->names, d->model);
}

/* @fmt: what the guest has, up to the model's name */
static void __attribute__((format(printf, 3, 4)))
tell(struct search *s, const struct domain *d, const char *fmt, ...)
{
	_cleanup_text_ struct text name = {0}, model = {0};
	_cleanup_free_ char *has = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&has, fmt, ap) < 0)
		has = NULL;
	va_end(ap);
	(void)show(&name, s->guest, strlen(s->guest), SHOWN);
	(void)show(&model, d->model, strlen(d->model), SHOWN);
	s->n++;
	if (has && name.data && model.data)
		node_warn(s->node, "guest %s %s %s", name.data, has, model.data);
}

static bool look_at_snapshot(const struct domain *d, const char *snapshot, void *data)
{
	struct search *s = data;
	_cleanup_text_ struct text name = {0};

	if (is_ours(s, d) && show(&name, snapshot, strlen(snapshot), SHOWN) && name.data)
		tell(s, d, "has the snapshot %s with", name.data);
	return false;
}

static int look_at_save(const char *guest, void *data)
{
	_cleanup_free_ char *path = NULL, *xml = NULL;
	_cleanup_domain_ struct domain d = {0};
	struct search *s = data;

	s->guest = guest;
	if (domainfile_path(&path, DOMAINFILE_SAVE, guest, 0) < 0)
		return 0;
	if (saveimage_read(&d, &xml, path) == 0 && is_ours(s, &d))
		tell(s, &d, "has a managed save with");
	return 0;
}

static int look_at(struct search *s, enum domainfile kind, const char *guest, const char *has)
{
	_cleanup_storedxml_ struct storedxml stored = {0};

	s->guest = guest;
	if (storedxml_read(&stored, kind, guest, NULL) == 0 && is_ours(s, &stored.domain))
		tell(s, &stored.domain, "%s", has);
	return 0;
}

static int look_at_running(const char *guest, void *data)
{
	return look_at(data, DOMAINFILE_STATUS, guest, "runs with");
}

static int look_at_definition(const char *guest, void *data)
{
	return look_at(data, DOMAINFILE_DEFINITION, guest, "is defined with");
}

static int look_at_snapshots(const char *guest, void *data)
{
	struct search *s = data;

	s->guest = guest;
	(void)snapshot_each(guest, look_at_snapshot, s);
	return 0;
}

/* nova later starts a rescued instance from the XML that it keeps there (nova/virt/libvirt/
 * driver.py, Zed). */
static void look_at_nova(struct search *s)
{
	_cleanup_free_ char *path = NULL, *here = NULL, *xml = NULL;
	_cleanup_domain_ struct domain d = {0};
	size_t len = 0;

	if (asprintf(&path, NOVA_DIR "/%s/unrescue.xml", s->guest) < 0)
		path = NULL;
	here = path ? root_path(path) : NULL;
	if (here && file_read(here, TRUST_ANY, LIBVIRT_XML_LIMIT, &xml, &len, NULL) == 0 &&
	    domain_read(&d, xml, len, path, NULL) == 0 && is_ours(s, &d))
		tell(s, &d, "is in rescue, with nova's unrescue.xml, and asks for");
}

static void each_instance(struct search *s)
{
	_cleanup_free_ char *path = root_path(NOVA_DIR);
	DIR *dir = path ? opendir(path) : NULL;
	const struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (*entry->d_name != '.') {
			s->guest = entry->d_name;
			look_at_nova(s);
		}
	if (dir)
		(void)closedir(dir);
}

static int find_all(struct search *s)
{
	int r = domainfile_each(DOMAINFILE_STATUS, look_at_running, s);

	if (r == 0)
		r = domainfile_each(DOMAINFILE_DEFINITION, look_at_definition, s);
	if (r == 0)
		r = domainfile_each(DOMAINFILE_SAVE, look_at_save, s);
	if (r == 0)
		r = domainfile_each(DOMAINFILE_SNAPSHOTS, look_at_snapshots, s);
	each_instance(s);
	return r;
}

int check_needs(struct node *n, struct error *err)
{
	_cleanup_strv_ struct strv names = {0};
	struct search s = {.node = n, .names = &names};

	if (models_names_ever(&names) < 0 || find_all(&s) < 0)
		return error_set(err, -ENOMEM, NULL, 0, "out of memory");
	if (s.n == 0)
		return 0;
	if (!n->force)
		return error_set(
			err, -EBUSY, NULL, 0,
			"guests need cpushim: stop or migrate those that run, define the others "
			"with another model, and remove their saves and snapshots; or "
			"`cpushim remove --force`, after which none of them starts here again, "
			"and libvirt since 11 ends those that run when it restarts");
	node_warn(n,
		  "they can't be started, restored or migrated here again; those that run go on, "
		  "until libvirt restarts if it is 11 or later");
	return 0;
}
