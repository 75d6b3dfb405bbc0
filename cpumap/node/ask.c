/* SPDX-License-Identifier: Apache-2.0 */
#include "ask.h"

#include <errno.h>

#include "cpumap/core/paths.h"
#include "cpumap/core/table.h"
#include "cpumap/libvirt/libvirtask.h"
#include "cpumap/libvirt/maptrial.h"
#include "map.h"
#include "models.h"

#define SECONDS 30

/* of a domain that is never started */
#define TRIAL_UUID "c9d5a3f0-6370-7573-6869-6d0000000000"

static const struct libvirt_at system_daemon = {.uri = LIBVIRT_SYSTEM_URI, .seconds = SECONDS};

/* Those of @names that libvirt's map has as its files are now. */
static int in_map(struct strv *ours, const struct strv *names, struct error *err)
{
	static const struct maptrial as_it_is = {.seconds = SECONDS};
	_cleanup_strv_ struct strv all = {0};
	int r = maptrial(&as_it_is, &all, err);

	for (size_t i = 0; i < names->n && r == 0; i++)
		if (strv_has(&all, names->item[i]))
			r = strv_add(ours, names->item[i], strlen(names->item[i]));
	return r;
}

/* The smallest domain that asks for @model. @more: attributes of its <cpu> */
static char *domain_asking(const char *model, const char *emulator, const char *more)
{
	char *xml;

	return asprintf(&xml,
			"<domain type='qemu'><name>cpushim-trial</name>"
			"<uuid>" TRIAL_UUID "</uuid><memory>65536</memory>"
			"<os><type arch='x86_64'>hvm</type></os>"
			"<cpu mode='custom' match='%s'><model>%s</model></cpu>"
			"<devices><emulator>%s</emulator>"
			"<controller type='usb' model='none'/><memballoon model='none'/>"
			"</devices></domain>",
			more, model, emulator) < 0
		       ? NULL
		       : xml;
}

/* Does libvirt pass the name on to QEMU, rather than translate it? */
static int check_passed(const char *model, const char *emulator, struct error *err)
{
	_cleanup_free_ char *xml = domain_asking(model, emulator, "exact"), *argv = NULL,
			    *arg = NULL;
	int r = xml && asprintf(&arg, "-cpu %s", model) >= 0 ? 0 : -ENOMEM;

	if (r == 0)
		r = libvirt_ask_native(&system_daemon, xml, &argv, err);
	if (r < 0)
		return r;
	if (strstr(argv, arg))
		return 0;
	return error_set(err, -ESTALE, "libvirt", 0,
			 "translates %s instead of passing the name on to QEMU, as it asked QEMU "
			 "for its models before the wrapper stood there",
			 model);
}

/* The hook refuses this domain at once, before a QEMU is started. */
int libvirt_calls_hook(const char *model, const char *emulator, struct error *err)
{
	_cleanup_free_ char *xml = domain_asking(model, emulator, "minimum");
	struct error why = {0};
	int r = xml ? libvirt_ask_start(&system_daemon, xml, &why) : -ENOMEM;

	if (r == -EINVAL && strstr(why.what, "cpushim"))
		return 0;
	if (r == 0 || r == -EINVAL)
		return error_set(
			err, -ESTALE, "libvirt", 0,
			"doesn't call the hook, as it looked for hooks before ours was there%s%s",
			*why.what ? ": " : "", why.what);
	if (err)
		*err = why;
	return r;
}

/* A model of the table's that starts with that emulator, and that libvirt's map has. NULL: there is none. */
static const char *one_of(const struct table *t, const struct strv *ours, const char *emulator)
{
	for (size_t i = 0; i < t->n; i++)
		if (!*t->row[i].refused && strcmp(t->row[i].emulator, emulator) == 0 &&
		    strv_has(ours, t->row[i].model))
			return t->row[i].model;
	return NULL;
}

/* Does it know all that its map has of ours? */
static int check_known(const struct strv *ours, struct error *err)
{
	_cleanup_strv_ struct strv names = {0};
	int r = libvirt_ask_models(&system_daemon, "x86_64", &names, err);

	/* a trial has just taken the files */
	if (r == -EINVAL)
		return error_set(err, -ESTALE, "libvirt", 0,
				 "couldn't load its CPU map, which was mended since: %s",
				 strdupa(err->what));
	for (size_t i = 0; i < ours->n && r == 0; i++)
		if (!strv_has(&names, ours->item[i]))
			r = error_set(err, -ESTALE, "libvirt", 0,
				      "doesn't know %s, as it read its CPU map before",
				      ours->item[i]);
	return r;
}

int libvirt_goes_along(struct node *n, struct error *err)
{
	const char *model, *emulator = n->emulators.n ? n->emulators.item[n->emulators.n - 1]
						      : EMULATOR_DEFAULT;
	_cleanup_free_ char *path = root_path(TABLE_PATH);
	_cleanup_strv_ struct strv names = {0}, ours = {0};
	_cleanup_table_ struct table t = {0};
	int r = path && models_names(&names) == 0
			? table_load(&t, path, err)
			: error_set(err, -ENOMEM, TABLE_PATH, 0, "out of memory");

	if (r == 0)
		r = in_map(&ours, &names, err);
	if (r == 0)
		r = check_known(&ours, err);
	model = r == 0 ? one_of(&t, &ours, emulator) : NULL;
	if (model && !n->no_wrapper)
		r = check_passed(model, emulator, err);
	if (r == 0 && model)
		r = libvirt_calls_hook(model, emulator, err);
	return r;
}

int libvirt_has_forgotten(struct error *err)
{
	_cleanup_strv_ struct strv names = {0}, ours = {0}, known = {0};
	int r;

	if (map_names_ours())
		return 0;
	if (models_names_ever(&names) < 0)
		return error_set(err, -ENOMEM, NULL, 0, "out of memory");
	/* the names that another file of the map has stay; of a map that can't be read none is known to */
	(void)in_map(&ours, &names, NULL);
	r = libvirt_ask_models(&system_daemon, "x86_64", &known, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < names.n; i++)
		if (strv_has(&known, names.item[i]) && !strv_has(&ours, names.item[i]))
			return 0;
	return 1;
}
