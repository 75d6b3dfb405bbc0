/* SPDX-License-Identifier: Apache-2.0 */
#include "leftover.h"

#include <errno.h>
#include <fcntl.h>

#include "cpumap/core/paths.h"
#include "hook/domain/saveimage.h"
#include "hook/domain/snapshot.h"
#include "hook/domain/storedxml.h"

#define SHOWN 128

struct search {
	struct strv *lines;
	const struct table *table;
	const struct storedxml *defined; /* the domain's definition */
	const char *name;
	int rc;
};

static bool is_ours(const struct table *t, const char *model)
{
	return model && table_find(t, model, strlen(model), NULL);
}

static const char *shown(char *buf, const char *s)
{
	return text_escape(buf, SHOWN, s ? s : "no model", strlen(s ? s : "no model"));
}

/* @what: what the domain @s->name has with the CPU of @d; @cure: how to remove it */
static void __attribute__((format(printf, 4, 5)))
add_line(struct search *s, const struct domain *d, const char *what, const char *cure, ...)
{
	char name[SHOWN], asked[SHOWN], has[SHOWN];
	_cleanup_free_ char *way_out = NULL;
	va_list ap;
	int n;

	va_start(ap, cure);
	n = vasprintf(&way_out, cure, ap);
	va_end(ap);
	if (n < 0)
		way_out = NULL;
	s->rc = strv_addf(s->lines, "%s: its %s has the CPU '%s', and it asks for '%s'; %s",
			  shown(name, s->name), what, shown(has, d->model),
			  shown(asked, s->defined->domain.model), way_out ? way_out : "");
}

static void look_at_save(struct search *s)
{
	_cleanup_free_ char *path = NULL, *xml = NULL;
	_cleanup_domain_ struct domain d = {0};
	char name[SHOWN];

	if (domainfile_path(&path, DOMAINFILE_SAVE, s->name, 0) < 0)
		return;
	if (saveimage_read(&d, &xml, path) == 0 && domain_same(&d, &s->defined->domain) &&
	    !is_ours(s->table, d.model))
		add_line(s, &d, "managed save", "`virsh managedsave-remove %s`, and start it anew",
			 shown(name, s->name));
}

static bool look_at_snapshot(const struct domain *d, const char *snapshot, void *data)
{
	struct search *s = data;
	char name[SHOWN], file[SHOWN];

	if (domain_same(d, &s->defined->domain) && !is_ours(s->table, d->model))
		add_line(s, d, "snapshot",
			 "take another one once it has started anew; `virsh snapshot-delete %s %s`",
			 shown(name, s->name), shown(file, snapshot));
	return s->rc < 0;
}

/* nova writes the XML of the running domain there, and later starts the instance from it (unrescue,
 * nova/virt/libvirt/driver.py, Zed). */
static void look_at_rescued(struct search *s, const char *dir)
{
	_cleanup_free_ char *path = NULL, *xml = NULL;
	_cleanup_domain_ struct domain d = {0};
	size_t len;

	if (!s->defined->domain.uuid ||
	    asprintf(&path, "%s/%s/unrescue.xml", dir, s->defined->domain.uuid) < 0)
		return;
	if (file_read(path, TRUST_ANY, LIBVIRT_XML_LIMIT, &xml, &len, NULL) == 0 &&
	    domain_read(&d, xml, len, path, NULL) == 0 && domain_same(&d, &s->defined->domain) &&
	    !is_ours(s->table, d.model))
		add_line(s, &d, "instance in rescue",
			 "after `openstack server unrescue` reboot it hard, as nova then asks for "
			 "its model again");
}

static int look_at(const char *name, void *data)
{
	_cleanup_free_ char *nova = root_path(NOVA_DIR);
	_cleanup_storedxml_ struct storedxml defined = {0};
	struct search *s = data;

	if (!nova)
		return -ENOMEM;
	s->name = name;
	s->defined = &defined;
	if (storedxml_read(&defined, DOMAINFILE_DEFINITION, name, NULL) < 0 ||
	    !is_ours(s->table, defined.domain.model))
		return 0;
	look_at_save(s);
	(void)snapshot_each(name, look_at_snapshot, s);
	look_at_rescued(s, nova);
	return s->rc;
}

int leftover_find(struct strv *lines, const struct table *t)
{
	struct search s = {.lines = lines, .table = t};

	return domainfile_each(DOMAINFILE_DEFINITION, look_at, &s);
}
