/* SPDX-License-Identifier: Apache-2.0 */
/*
 * systemd's part: a drop-in of libvirt's services that has its map looked after before they start,
 * and a path unit that notices an upgrade of libvirt or QEMU where no package's trigger does.
 */
#include <errno.h>

#include "cpumap/core/emulator.h"
#include "cpumap/core/paths.h"
#include "change.h"
#include "dpkg.h"
#include "run.h"
#include "steps.h"

#define SECONDS 60

static const char *const places[] = {UNITS_DIR "/libvirtd.service.d/cpushim.conf",
				     UNITS_DIR "/virtqemud.service.d/cpushim.conf",
				     UNITS_DIR "/cpushim.path", UNITS_DIR "/cpushim.service"};
enum { PATH_UNIT = 2, PATH_SERVICE };

/* The leading - and the limits: whatever becomes of our command, libvirt starts. */
static const char drop_in[] =
	"# Written by cpushim ready; see cpushim(1).\n"
	"[Unit]\n"
	"Wants=cpushim.path\n"
	"\n"
	"[Service]\n"
	"ExecStartPre=-/usr/bin/timeout -k 2 20 " COMMAND_PATH " ready --before-libvirt\n";

static const char service[] = "# Written by cpushim ready; see cpushim(1).\n"
			      "[Unit]\n"
			      "Description=Make this node right for the site's CPU models\n"
			      "\n"
			      "[Service]\n"
			      "Type=oneshot\n"
			      "TimeoutStartSec=400\n"
			      "ExecStart=" COMMAND_PATH " ready --allow-missing\n";

static void print_path_unit(struct text *t, const struct node *n)
{
	text_adds(t, "# Written by cpushim ready; see cpushim(1).\n"
		     "[Unit]\n"
		     "Description=Watch libvirt's CPU map and QEMU for upgrades\n"
		     "\n"
		     "[Path]\n"
		     "PathChanged=" LIBVIRTMAP_DIR "/index.xml\n");
	for (size_t i = 0; i < n->emulators.n && !n->no_wrapper; i++)
		text_addf(t, "PathChanged=%s" EMULATOR_REAL "\n", n->emulators.item[i]);
}

static int put_text(struct node *n, const char *path, const char *text, struct error *err)
{
	return change_put(n, path, 0644, text, strlen(text), err);
}

/* Where systemd runs it reads its units again. */
static void reload(struct node *n, unsigned int changes)
{
	const char *const argv[] = {"systemctl", "daemon-reload", NULL};
	/* or a unit that is gone stays listed as failed */
	const char *const forget[] = {"systemctl", "reset-failed", "cpushim.service", NULL};
	_cleanup_text_ struct text out = {0};

	if (n->dry_run || n->changes == changes || !node_is_live() ||
	    access("/run/systemd/system", F_OK) < 0)
		return;
	if (run_program(argv, SECONDS, &out, NULL) != 0)
		node_fall_short(n, "systemd can't read its units again: systemctl daemon-reload");
	if (!node_has(places[PATH_SERVICE]))
		(void)run_program(forget, SECONDS, &out, NULL);
}

static int put_path_unit(struct node *n, const char *text, struct error *err)
{
	int r = put_text(n, places[PATH_UNIT], text, err);

	return r < 0 ? r : put_text(n, places[PATH_SERVICE], service, err);
}

/* Also what an installation without the package has left */
static int unput_path_unit(struct node *n, struct error *err)
{
	const char *const stop[] = {"systemctl", "stop", "cpushim.path", NULL};
	_cleanup_text_ struct text out = {0};
	int r;

	if (!n->dry_run && node_is_live() && node_has(places[PATH_UNIT]) &&
	    access("/run/systemd/system", F_OK) == 0)
		(void)run_program(stop, SECONDS, &out, NULL);
	r = change_unput(n, places[PATH_UNIT], err);
	return r < 0 ? r : change_unput(n, places[PATH_SERVICE], err);
}

/* Keeps libvirt's next start from mending what is taken away, whoever still calls us there. */
int begin_removal(struct node *n, struct error *err)
{
	static const char words[] = "cpushim remove\n";

	return node_is_live() ? change_place(n, REMOVING_MARK, 0644, words, sizeof(words) - 1, err)
			      : 0;
}

int end_removal(struct node *n, struct error *err)
{
	return change_delete(n, REMOVING_MARK, err);
}

int put_units(struct node *n, struct error *err)
{
	unsigned int before = n->changes;
	_cleanup_text_ struct text path_unit = {0};
	int r;

	if (!node_has(UNITS_DIR) && !node_has("/lib/systemd/system"))
		return 0;
	print_path_unit(&path_unit, n);
	if (path_unit.failed)
		return error_set(err, -ENOMEM, UNITS_DIR, 0, "out of memory");
	r = put_text(n, places[0], drop_in, err);
	if (r == 0)
		r = put_text(n, places[1], drop_in, err);
	/* a package has triggers */
	if (r == 0)
		r = dpkg_has_us() ? unput_path_unit(n, err) : put_path_unit(n, path_unit.data, err);
	if (r == 0)
		reload(n, before);
	return r;
}

int remove_units(struct node *n, struct error *err)
{
	unsigned int before = n->changes;
	int r = unput_path_unit(n, err);

	for (size_t i = 0; i < PATH_UNIT && r == 0; i++)
		r = change_unput(n, places[i], err);
	if (r == 0)
		reload(n, before);
	return r;
}
