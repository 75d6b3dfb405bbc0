/* SPDX-License-Identifier: Apache-2.0 */
/* libvirt: its CPU map, and the daemon that has read it. */
#include <errno.h>

#include "cpumap/core/paths.h"
#include "cpumap/libvirt/libvirtask.h"
#include "condition.h"
#include "run.h"

#define INCLUDE_PATH  LIBVIRTMAP_DIR "/" LIBVIRTMAP_OURS
#define SYSTEMD       "/run/systemd/system" /* exists where systemd runs (sd_booted(3)) */
#define DROPIN_WORDS  "cpushim ready --before-libvirt"
#define TRIAL_SECONDS 20
#define SHOW_SECONDS  20

void look_libvirt(struct checkup *c, const struct condition *it, struct faults *f)
{
	if (c->state.libvirt)
		return;
	fault_add(f, it->id, WEIGHT_WARNS, "there is no libvirt here: it has no CPU map in %s",
		  LIBVIRTMAP_DIR);
	fault_cure(f, "install libvirt-daemon-system, then " CURE_READY);
}

void look_answers(struct checkup *c, const struct condition *it, struct faults *f)
{
	const struct error *why = &checkup_libvirt(c)->error;

	if (!c->live)
		fault_add(f, it->id, WEIGHT_SKIPPED, "%s", why->what);
	/* libvirt's own refusal is an answer */
	else if (why->code && why->code != -EINVAL && geteuid() != 0)
		fault_add(f, it->id, WEIGHT_UNKNOWN,
			  "libvirt doesn't answer this user: %s; run this as root", why->what);
	else if (why->code && why->code != -EINVAL) {
		fault_add(f, it->id, WEIGHT_UNKNOWN, "libvirt doesn't answer: %s", why->what);
		fault_cure(f, "%s", c->restart);
	}
}

/* libvirt itself loads the map, in a child process. */
void look_map(struct checkup *c, const struct condition *it, struct faults *f)
{
	const struct libvirt_at at = {.uri = LIBVIRT_TEST_URI, .seconds = TRIAL_SECONDS};
	_cleanup_strv_ struct strv names = {0};
	struct error err = {0};
	int r;

	look_told(c, it, f);
	if (f->n)
		return;
	if (!c->state.map.include) {
		fault_add(f, it->id, WEIGHT_SKIPPED, "not looked at, as the include is missing");
		return;
	}
	/* without the library the map has been read as far as we can */
	r = c->live ? libvirt_ask_models(&at, "x86_64", &names, &err) : 0;
	if (r == 0 || r == -ELIBACC)
		return;
	if (r != -EINVAL) {
		fault_add(f, it->id, WEIGHT_UNKNOWN, "whether libvirt takes its map: %s", err.what);
		return;
	}
	fault_add(f, it->id, WEIGHT_BLOCKS, "%s: libvirt doesn't take it: %.*s", LIBVIRTMAP_DIR,
		  (int)strcspn(err.what, "\n"), err.what);
	fault_cure(f, CURE_READY);
}

/* A model has a row for each emulator, one behind the other. Is it the first of them? */
static bool is_first(const struct table *t, size_t i)
{
	return i == 0 || strcmp(t->row[i - 1].model, t->row[i].model) != 0;
}

/* Is @model among the names in the include's first comment, where the hook finds them if the table
 * is lost? There a `--` of a name is written `-%-`. */
static bool is_named(const char *text, const char *model)
{
	const char *at = strstr(text, MAPINCLUDE_NAMES), *end = at ? strchr(at, '\n') : NULL;
	_cleanup_text_ struct text name = {0};
	const char *found;

	text_adds(&name, " ");
	for (const char *m = model; *m; m++)
		text_addf(&name, "%c%s", *m, m[0] == '-' && m[1] == '-' ? "%" : "");
	text_adds(&name, " ");
	if (name.failed)
		return true;
	found = at ? strstr(at, name.data) : NULL;
	return found && (!end || found < end);
}

void look_include(struct checkup *c, const struct condition *it, struct faults *f)
{
	_cleanup_free_ char *text =
		checkup_text(c->state.map.single ? MAPSINGLE_PATH : INCLUDE_PATH);
	_cleanup_text_ struct text names = {0};

	if (c->state.map.include && c->state.map.error.code) {
		fault_add(f, it->id, WEIGHT_SKIPPED, "not looked at, as the map can't be loaded");
		return;
	}
	look_told(c, it, f);
	for (size_t i = 0; text && i < c->table.n; i++)
		if (is_first(&c->table, i) && !is_named(text, c->table.row[i].model))
			text_addf(&names, " %s", c->table.row[i].model);
	if (!names.data || names.failed)
		return;
	fault_add(f, it->id, WEIGHT_FAILS,
		  INCLUDE_PATH ": its comment doesn't name%s, so without the table the hook would "
			       "take that for a model of somebody else's",
		  names.data);
	fault_cure(f, CURE_COMPILE);
}

/* Does libvirt's map have the row's model, or can't it? */
static bool may_lack(const struct checkup *c, const struct table_row *row)
{
	size_t len = strlen(row->model);

	for (size_t i = 0; i < c->state.map.wanting.n; i++)
		if (strncmp(c->state.map.wanting.item[i], row->model, len) == 0 &&
		    c->state.map.wanting.item[i][len] == ':')
			return true;
	return *row->refused || strv_has(&c->state.map.unknown, row->model);
}

/* The models that the running libvirt should know and doesn't, a blank before each. */
static void add_unknown(struct text *names, struct checkup *c)
{
	const struct strv *known = &checkup_libvirt(c)->models;

	for (size_t i = 0; i < c->table.n; i++) {
		const struct table_row *row = &c->table.row[i];

		if (is_first(&c->table, i) && !may_lack(c, row) && !strv_has(known, row->model))
			text_addf(names, " %s", row->model);
	}
}

/* What QEMU gets is the wrapper's to say, so an older map that has the names does no harm. */
static bool knows_names(struct checkup *c)
{
	_cleanup_text_ struct text names = {0};

	if (c->state.native || checkup_libvirt(c)->error.code)
		return false;
	add_unknown(&names, c);
	return !names.data && !names.failed;
}

void look_daemon(struct checkup *c, const struct condition *it, struct faults *f)
{
	if (c->state.n_daemons)
		look_told(c, it, f);
	else
		fault_add(
			f, it->id, WEIGHT_UNKNOWN,
			"libvirt answers, and none of its processes sees this CPU map: is it in a "
			"container?");
	for (size_t i = 0; i < f->n; i++)
		if (f->item[i].weight > WEIGHT_UNKNOWN && knows_names(c))
			f->item[i].weight = WEIGHT_WARNS;
}

/* Is the daemon older than the map? Then that is why it lacks models. */
static bool is_older(const struct checkup *c)
{
	for (size_t i = 0; i < c->told.n; i++)
		if (strcmp(c->told.item[i].id, "daemon") == 0)
			return true;
	return false;
}

void look_models(struct checkup *c, const struct condition *it, struct faults *f)
{
	const struct checkup_libvirt *libvirt = checkup_libvirt(c);
	_cleanup_text_ struct text names = {0};

	if (is_older(c)) {
		fault_add(f, it->id, WEIGHT_SKIPPED, "not looked at, as daemon isn't right");
		return;
	}
	if (libvirt->error.code) {
		fault_add(f, it->id, WEIGHT_BLOCKS, "the running libvirt tells no models: %.*s",
			  (int)strcspn(libvirt->error.what, "\n"), libvirt->error.what);
		fault_cure(f, "%s", c->restart);
		return;
	}
	add_unknown(&names, c);
	if (!names.data || names.failed)
		return;
	fault_add(f, it->id, WEIGHT_BLOCKS,
		  "the running libvirt doesn't know%s, so it starts no guest "
		  "of that",
		  names.data);
	fault_cure(f, "%s", c->restart);
}

/* ---- systemd ---- */

static const char *const unit_dirs[] = {"/etc/systemd/system/", "/run/systemd/system/",
					"/usr/lib/systemd/system/", "/lib/systemd/system/"};

static bool has_unit(const char *service)
{
	for (size_t i = 0; i < ARRAY_SIZE(unit_dirs); i++) {
		_cleanup_free_ char *path = NULL;

		if (asprintf(&path, "%s%s.service", unit_dirs[i], service) < 0)
			path = NULL;
		if (path && checkup_has(path))
			return true;
	}
	return false;
}

/* The drop-in that counts is the one in the first of the directories (systemd.unit(5)). NULL: there
 * is none. */
static char *find_dropin(const char *service)
{
	for (size_t i = 0; i < ARRAY_SIZE(unit_dirs); i++) {
		char *path;

		if (asprintf(&path, "%s%s.service.d/cpushim.conf", unit_dirs[i], service) < 0)
			return NULL;
		if (checkup_has(path))
			return path;
		free(path);
	}
	return NULL;
}

/* Does systemd go by it? It reads its units when it is told to. */
static void look_at_systemd(const char *service, const struct condition *it, struct faults *f)
{
	_cleanup_free_ char *unit = NULL;
	_cleanup_text_ struct text out = {0};
	struct error err = {0};
	int r;

	if (asprintf(&unit, "%s.service", service) < 0) {
		unit = NULL;
		return;
	}
	r = run_program(
		(const char *const[]){"systemctl", "show", "-p", "ExecStartPre", unit, NULL},
		SHOW_SECONDS, &out, &err);
	if (r != 0) {
		fault_add(f, it->id, WEIGHT_UNKNOWN, "systemctl show %s says nothing: %s", unit,
			  r < 0 ? err.what : "it fails");
		return;
	}
	if (out.data && strstr(out.data, "--before-libvirt"))
		return;
	fault_add(
		f, it->id, WEIGHT_FAILS,
		"systemd doesn't go by cpushim's drop-in for %s, so that after an upgrade libvirt "
		"may start without the models",
		unit);
	fault_cure(f, "`systemctl daemon-reload`");
}

static void look_at_service(struct checkup *c, const char *service, const struct condition *it,
			    struct faults *f)
{
	_cleanup_free_ char *path = find_dropin(service), *text = path ? checkup_text(path) : NULL;

	if (!path) {
		fault_add(
			f, it->id, WEIGHT_FAILS,
			"%s.service has no drop-in of cpushim's, so that after an upgrade libvirt "
			"may start without the models, or on a map that it can't read",
			service);
		fault_cure(f, CURE_READY);
	} else if (!text || !strstr(text, DROPIN_WORDS)) {
		fault_add(f, it->id, WEIGHT_FAILS, "%s: doesn't call `%s`", path, DROPIN_WORDS);
		fault_cure(f, CURE_READY);
	} else if (c->live && checkup_has(SYSTEMD)) {
		look_at_systemd(service, it, f);
	}
}

void look_dropin(struct checkup *c, const struct condition *it, struct faults *f)
{
	static const char *const services[] = {"libvirtd", "virtqemud"};
	bool any = false;

	for (size_t i = 0; i < ARRAY_SIZE(services); i++) {
		if (!has_unit(services[i]))
			continue;
		any = true;
		look_at_service(c, services[i], it, f);
	}
	if (!any)
		fault_add(f, it->id, WEIGHT_SKIPPED, "systemd has no service of libvirt's here");
}

void look_daemons(struct checkup *c, const struct condition *it, struct faults *f)
{
	const struct node_daemon *first = &c->state.daemon[0];

	for (size_t i = 1; i < c->state.n_daemons; i++) {
		const struct node_daemon *other = &c->state.daemon[i];

		if (strcmp(other->name, first->name) == 0)
			continue;
		fault_add(
			f, it->id, WEIGHT_WARNS,
			"%s (process %d) and %s (process %d) run guests: each goes by the map and "
			"the hook that it found when it was started",
			first->name, (int)first->id.pid, other->name, (int)other->id.pid);
		fault_cure(f, "`systemctl restart %s %s`, or disable one of them", first->name,
			   other->name);
		return;
	}
}
