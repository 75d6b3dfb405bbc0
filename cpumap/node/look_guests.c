/* SPDX-License-Identifier: Apache-2.0 */
/* Guests: those that run, are defined, or were saved. */
#include <dirent.h>
#include <errno.h>

#include "cpumap/core/paths.h"
#include "hook/core/domainfile.h"
#include "hook/domain/mark.h"
#include "hook/domain/saveimage.h"
#include "hook/domain/snapshot.h"
#include "hook/guests/leftover.h"
#include "hook/guests/running_guest.h"
#include "condition.h"

#define SHOWN 128

/* libvirt 11.3 and 12.8 end a running guest when they restart and its model isn't in their map any more,
 * and 9.0 doesn't (measured); which release began isn't known. */
#define ENDS_SINCE LIBVIRT_RELEASE(10, 0, 0)

struct looking {
	const struct condition *it;
	struct faults *faults;
	size_t n; /* guests that were looked at */
};

static const char *shown(char buf[SHOWN], const char *s)
{
	return text_escape(buf, SHOWN, s ? s : "", strlen(s ? s : ""));
}

/* Only root may read libvirt's files. */
static bool may_look(const char *path, const struct condition *it, struct faults *f)
{
	_cleanup_free_ char *here = root_path(path);
	DIR *dir = here ? opendir(here) : NULL;

	if (!dir && errno == EACCES)
		fault_add(f, it->id, WEIGHT_UNKNOWN, "%s: %s; run this as root", path,
			  strerror(EACCES));
	if (dir)
		(void)closedir(dir);
	return dir != NULL;
}

/* ---- what a restart of libvirt does ---- */

static bool ends_guests(const struct checkup *c)
{
	unsigned long release = c->state.n_daemons ? daemon_release(&c->state.daemon[0].id) : 0;

	return release == 0 || release >= ENDS_SINCE;
}

static void count_guest(struct checkup *c, const char *name, const struct domain *d, void *data)
{
	struct looking *l = data;

	(void)c;
	(void)name;
	(void)d;
	l->n++;
}

static void judge_restart(struct checkup *c, const char *name, const struct domain *d, void *data)
{
	const struct libvirtmap *map = checkup_map(c);
	struct looking *l = data;
	char guest[SHOWN], model[SHOWN];

	if (!d->model || model_named(&map->models, d->model) || libvirtmap_odd(map, d->model))
		return;
	if (ends_guests(c))
		fault_add(l->faults, l->it->id, WEIGHT_FAILS,
			  "guest %s runs with model '%s', which libvirt's map on disk hasn't: "
			  "libvirt "
			  "ends it when it restarts",
			  shown(guest, name), shown(model, d->model));
	else
		fault_add(l->faults, l->it->id, WEIGHT_WARNS,
			  "guest %s runs with model '%s', which libvirt's map on disk hasn't: this "
			  "libvirt lets it run when it restarts, and later ones don't",
			  shown(guest, name), shown(model, d->model));
	fault_cure(l->faults, CURE_READY " before libvirt is restarted");
}

void look_guests_restart(struct checkup *c, const struct condition *it, struct faults *f)
{
	struct looking l = {.it = it, .faults = f};

	if (!c->state.map.error.code) {
		checkup_domains(c, DOMAINFILE_STATUS, judge_restart, &l);
		return;
	}
	checkup_domains(c, DOMAINFILE_STATUS, count_guest, &l);
	if (l.n == 0)
		return;
	fault_add(f, it->id, ends_guests(c) ? WEIGHT_FAILS : WEIGHT_WARNS,
		  "%zu guest%s, and libvirt's map on disk can't be loaded: %s", l.n,
		  l.n == 1 ? " runs" : "s run",
		  ends_guests(c) ? "libvirt ends them all when it restarts"
				 : "once libvirt restarts none can be started");
	fault_cure(f, "%s before libvirt is restarted",
		   nodestate_spoils_map(&c->state) ? CURE_READY : "mend it, as told above,");
}

/* ---- what runs ---- */

/* Calls @judge for each guest that is libvirt's. */
static void each_guest(struct checkup *c, const struct condition *it, struct faults *f,
		       void (*judge)(struct looking *l, const struct running_guest *g,
				     const struct table_row *row))
{
	const struct process_list *processes = checkup_processes(c);
	const struct names *names = checkup_names(c);
	struct looking l = {.it = it, .faults = f};

	for (size_t i = 0; i < processes->n; i++) {
		_cleanup_running_guest_ struct running_guest g;

		running_guest_read(&g, &processes->item[i], names);
		if (processes->item[i].owner != OWNER_OTHER)
			judge(&l, &g,
			      table_find(&names->table, g.running.model, strlen(g.running.model),
					 NULL));
	}
}

static void boot_anew(struct looking *l, const struct running_guest *g)
{
	char guest[SHOWN];

	(void)shown(guest, g->domain ? g->domain : g->uuid);
	fault_cure(l->faults, "`virsh shutdown %s`, then `virsh start %s`", guest, guest);
}

/* It was started by cpushim, and what its name means is another CPU by now. */
static void judge_meaning(struct looking *l, const struct running_guest *g,
			  const struct table_row *row)
{
	const struct running *r = &g->running;
	const struct domain *live = &g->live.domain;
	char guest[SHOWN];

	if (r->runs == RUNS_OTHER && r->expanded)
		fault_add(l->faults, l->it->id, WEIGHT_FAILS, "guest %s%s%s: %s",
			  shown(guest, g->domain ? g->domain : g->uuid),
			  *r->model ? " asked for " : "", r->model, r->why);
	else if (r->runs == RUNS_MODEL && row && mark_has(live, row->model) &&
		 !mark_is(live, row->model, row->digest))
		fault_add(l->faults, l->it->id, WEIGHT_WARNS,
			  "guest %s is marked as another definition of %s, so it can't migrate",
			  shown(guest, g->domain), row->model);
	else
		return;
	boot_anew(l, g);
}

void look_guests_meaning(struct checkup *c, const struct condition *it, struct faults *f)
{
	each_guest(c, it, f, judge_meaning);
}

/* It was started without cpushim, or before a release that marks guests. */
static void judge_before(struct looking *l, const struct running_guest *g,
			 const struct table_row *row)
{
	const struct running *r = &g->running;
	char guest[SHOWN];

	(void)shown(guest, g->domain ? g->domain : g->uuid);
	if (r->runs == RUNS_OTHER && !r->expanded)
		fault_add(l->faults, l->it->id, WEIGHT_FAILS, "guest %s%s%s: %s", guest,
			  *r->model ? " asked for " : "", r->model, r->why);
	else if (r->runs == RUNS_UNKNOWN)
		fault_add(l->faults, l->it->id, WEIGHT_UNKNOWN, "guest %s: %s", guest, r->why);
	else if (r->runs == RUNS_MODEL && row && !mark_has(&g->live.domain, row->model))
		fault_add(l->faults, l->it->id, WEIGHT_WARNS,
			  "guest %s isn't marked as %s: where it migrates it is judged by the "
			  "model's name alone",
			  guest, row->model);
	else
		return;
	boot_anew(l, g);
}

void look_guests_before(struct checkup *c, const struct condition *it, struct faults *f)
{
	each_guest(c, it, f, judge_before);
}

/* ---- what is defined ---- */

/* Does nobody know this model, neither libvirt nor QEMU? */
static bool is_unknown(struct checkup *c, const char *model)
{
	const struct libvirtmap *map = checkup_map(c);
	const struct checkup_qemu *qemu;
	size_t n;

	if (!map->models.n || model_named(&map->models, model) || libvirtmap_odd(map, model))
		return false;
	qemu = checkup_qemus(c, &n);
	for (size_t i = 0; i < n; i++)
		if (qemu[i].error.code || strv_has(&qemu[i].qemu.names, model))
			return false;
	return true;
}

/* @what: what asks for the model of @d */
static void judge_model(struct checkup *c, struct looking *l, const char *what,
			const struct domain *d)
{
	const struct names *names = checkup_names(c);
	const struct table_row *row =
		d->model ? table_find(&names->table, d->model, strlen(d->model), NULL) : NULL;
	char model[SHOWN];

	if (!d->model)
		return;
	(void)shown(model, d->model);
	if (row && *row->refused)
		fault_add(l->faults, l->it->id, WEIGHT_FAILS,
			  "%s asks for %s, which is refused: %s", what, model, row->refused);
	else if (!row && names_has(names, d->model))
		fault_add(l->faults, l->it->id, WEIGHT_FAILS,
			  "%s asks for %s, which no definition has any more", what, model);
	else if (!row && is_unknown(c, d->model))
		fault_add(l->faults, l->it->id, WEIGHT_FAILS,
			  "%s asks for %s, which neither cpushim nor libvirt nor QEMU knows", what,
			  model);
	else
		return;
	fault_cure(l->faults, "bring a definition of the same meaning back, then " CURE_COMPILE);
}

static void judge_definition(struct checkup *c, const char *name, const struct domain *d,
			     void *data)
{
	_cleanup_free_ char *what = NULL;
	char guest[SHOWN];

	if (asprintf(&what, "domain %s", shown(guest, name)) < 0)
		what = NULL;
	else
		judge_model(c, data, what, d);
}

void look_defined_gone(struct checkup *c, const struct condition *it, struct faults *f)
{
	struct looking l = {.it = it, .faults = f};

	if (may_look(LIBVIRT_DEFINITION_DIR, it, f))
		checkup_domains(c, DOMAINFILE_DEFINITION, judge_definition, &l);
}

/* ---- what was saved ---- */

struct saved {
	struct checkup *checkup;
	struct looking looking;
	const char *name;
};

static int judge_save(const char *name, void *data)
{
	_cleanup_free_ char *path = NULL, *xml = NULL, *what = NULL;
	_cleanup_domain_ struct domain d = {0};
	struct saved *s = data;
	char guest[SHOWN];

	if (domainfile_path(&path, DOMAINFILE_SAVE, name, 0) < 0 ||
	    saveimage_read(&d, &xml, path) < 0 ||
	    asprintf(&what, "the managed save of %s", shown(guest, name)) < 0)
		return 0;
	judge_model(s->checkup, &s->looking, what, &d);
	return 0;
}

static bool judge_snapshot(const struct domain *d, const char *snapshot, void *data)
{
	struct saved *s = data;
	_cleanup_free_ char *what = NULL;
	char guest[SHOWN], name[SHOWN];

	if (asprintf(&what, "snapshot %s of %s", shown(name, snapshot), shown(guest, s->name)) < 0)
		what = NULL;
	else
		judge_model(s->checkup, &s->looking, what, d);
	return false;
}

static int judge_snapshots(const char *name, void *data)
{
	struct saved *s = data;

	s->name = name;
	(void)snapshot_each(name, judge_snapshot, s);
	return 0;
}

void look_saved_gone(struct checkup *c, const struct condition *it, struct faults *f)
{
	struct saved s = {.checkup = c, .looking = {.it = it, .faults = f}};

	if (!may_look(LIBVIRT_LIB_DIR, it, f))
		return;
	if (domainfile_each(DOMAINFILE_SAVE, judge_save, &s) < 0 ||
	    domainfile_each(DOMAINFILE_SNAPSHOTS, judge_snapshots, &s) < 0)
		f->lost = true;
}

void look_saved_before(struct checkup *c, const struct condition *it, struct faults *f)
{
	_cleanup_strv_ struct strv lines = {0};

	if (!may_look(LIBVIRT_LIB_DIR, it, f))
		return;
	if (leftover_find(&lines, &c->table) < 0)
		f->lost = true;
	for (size_t i = 0; i < lines.n; i++) {
		char *cure = strstr(lines.item[i], "; ");

		/* WHAT; CURE */
		if (cure)
			*cure = '\0';
		fault_add(f, it->id, WEIGHT_WARNS, "%s", lines.item[i]);
		if (cure)
			fault_cure(f, "%s", cure + strlen("; "));
	}
}
