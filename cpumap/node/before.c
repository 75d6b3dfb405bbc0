/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Before systemd starts libvirt. A map that libvirt can't read ends every guest at that start (11.3;
 * docs/facts.md), and one without our models those that have them. Package upgrades replace the
 * index, and anything can happen to the include. So libvirt itself tries what is there; what it
 * doesn't take is mended or, as the last way out, our line leaves the index.
 */
#include <errno.h>
#include <sys/stat.h>

#include "cpumap/core/paths.h"
#include "emulators.h"
#include "map.h"
#include "models.h"
#include "release.h"
#include "steps.h"

#define COMPILE_SECONDS 12

/* ---- the stamp: which files libvirt took at the last trial ---- */

static void add_file(struct text *t, const char *path)
{
	struct stat st;

	if (!path || stat(path, &st) < 0) {
		text_addf(t, "%s is missing\n", path ? path : "libvirt");
		return;
	}
	text_addf(t, "%s %ju %ju %jd %jd.%09ld %jd.%09ld\n", path, (uintmax_t)st.st_dev,
		  (uintmax_t)st.st_ino, (intmax_t)st.st_size, (intmax_t)st.st_mtim.tv_sec,
		  st.st_mtim.tv_nsec, (intmax_t)st.st_ctim.tv_sec, st.st_ctim.tv_nsec);
}

/* Whatever a start of libvirt depends on, and our own include. */
static void print_stamp(struct text *t)
{
	static const char *const paths[] = {LIBVIRTMAP_DIR "/index.xml",
					    LIBVIRTMAP_DIR "/" LIBVIRTMAP_OURS,
					    INCLUDE_COPY,
					    TABLE_PATH,
					    COMMAND_PATH,
					    LIBVIRTMAP_DIR};
	_cleanup_free_ char *library = libvirt_library();

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		_cleanup_free_ char *here = root_path(paths[i]);

		add_file(t, here);
	}
	add_file(t, library);
}

static bool stamped(void)
{
	_cleanup_free_ char *here = root_path(MAP_STAMP);
	_cleanup_text_ struct text now = {0};

	print_stamp(&now);
	return here && !now.failed && file_has(here, now.data, now.len);
}

static void stamp(struct node *n)
{
	_cleanup_free_ char *here = root_path(MAP_STAMP);
	_cleanup_text_ struct text now = {0};
	struct error why = {0};

	print_stamp(&now);
	if (here && !now.failed && file_write(here, 0644, now.data, now.len, NULL, &why) < 0)
		node_warn(n, "%s: %s", why.where, why.what);
}

/* ---- mending ---- */

/* The include as compiled, tried, and named. */
static int name_again(struct node *n, struct error *err)
{
	int r = place_include(n, err);

	return r < 0 ? r : name_include(n, err);
}

/* First our line goes out, so that libvirt starts whatever becomes of the rest. */
static int mend(struct node *n, struct error *err)
{
	struct error why = {0};
	int made, r = unname_include(n, err);

	if (r < 0 && comment_out_include(&why) < 0)
		return r;
	if (!include_leaves_out() && name_again(n, &why) == 0)
		return 0;
	/* another libvirt may have other features, and somebody else's file other models: make the
	 * include anew */
	r = emulators_choose(n, err);
	made = r == 0 ? models_compile(n, COMPILE_SECONDS, &why) : r;
	if (r == 0 && name_again(n, &why) == 0)
		return made >= 0 && made <= 1
			       ? 0
			       : error_set(
					 err, -EIO, TABLE_PATH, 0,
					 "couldn't be made anew, so libvirt starts with the models "
					 "as they were; `cpushim ready`");
	return error_set(err, -EIO, why.where, 0,
			 "%s. libvirt starts without the site's models, and guests that ask for "
			 "them are refused: put that right, then `cpushim ready`, and restart "
			 "libvirt",
			 why.what);
}

int ready_before_libvirt(struct node *n, struct error *err)
{
	int r;

	/* where cpushim isn't, or not yet, or not for long, there is nothing to mend */
	if (node_has(REMOVING_MARK) || stamped() || (!node_has(INCLUDE_COPY) && !map_names_ours()))
		return 0;
	n->no_wrapper = node_has(NATIVE_MARK);
	r = receipt_load(&n->receipt, err);
	n->receipt.rebuilt = n->receipt.lost;
	if (r == 0)
		r = map_is_taken(err);
	if (r < 0)
		r = mend(n, err);
	if (r == 0)
		stamp(n);
	return r;
}
