/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hook among libvirt's hooks: a real file, as AppArmor denies libvirtd a link to elsewhere. A
 * site's own hook keeps its place, and ours goes beside it, which needs libvirt 6.5.
 */
#include <errno.h>
#include <sys/stat.h>

#include "cpumap/core/paths.h"
#include "hook/core/daemon.h"
#include "change.h"
#include "daemons.h"
#include "hookfile.h"
#include "release.h"
#include "steps.h"

#define HOOK_LIMIT ((size_t)64 << 20)

/* Is the file at @path our hook, or a script that runs it? */
static bool runs_ours(const char *path)
{
	_cleanup_free_ char *here = root_path(path), *data = NULL;
	size_t len;

	return here && file_read(here, TRUST_ANY, HOOK_LIMIT, &data, &len, NULL) == 0 &&
	       (memmem(data, len, MAPINCLUDE_NAMES, strlen(MAPINCLUDE_NAMES)) ||
		memmem(data, len, HOOK_SOURCE, strlen(HOOK_SOURCE)));
}

/* Where the hook is to be; a link of the site's that leads nowhere is the site's, too. An empty file is ours
 * where ours was: it may have been damaged. */
static const char *place(const struct node *n)
{
	struct stat st;
	_cleanup_free_ char *here = root_path(HOOK_PATH);
	bool ours;

	if (!here || lstat(here, &st) < 0)
		return HOOK_PATH;
	if (!S_ISREG(st.st_mode))
		return HOOK_BESIDE;
	ours = st.st_size == 0 ? receipt_has(&n->receipt, RECEIPT_FILE, HOOK_PATH, NULL)
			       : runs_ours(HOOK_PATH);
	return ours ? HOOK_PATH : HOOK_BESIDE;
}

/* A script of the site's that runs ours is left as it is. */
static bool is_script(const char *path)
{
	_cleanup_free_ char *here = root_path(path), *data = NULL;
	size_t len;

	return here && file_read(here, TRUST_ANY, HOOK_LIMIT, &data, &len, NULL) == 0 && len > 1 &&
	       data[0] == '#' && data[1] == '!';
}

int check_hook(struct node *n, struct error *err)
{
	_cleanup_free_ char *here = root_path(HOOK_PATH);
	unsigned long release = libvirt_installed_release();

	if (strcmp(place(n), HOOK_PATH) == 0 || !release || release >= LIBVIRT_RELEASE(6, 5, 0))
		return 0;
	return error_set(err, -EEXIST, here ? here : HOOK_PATH, 0,
			 "belongs to this site, and this libvirt (before 6.5) runs no other beside "
			 "it; move it away, or upgrade libvirt to 6.5 or later");
}

int place_hook(struct node *n, struct error *err)
{
	_cleanup_free_ char *from = root_path(HOOK_SOURCE), *data = NULL;
	const char *path = place(n);
	size_t len = 0;
	int r = from ? file_read(from, TRUST_ANY, HOOK_LIMIT, &data, &len, err) : -ENOMEM;

	if (r == -ENOENT && n->dry_run)
		r = 0;
	if (r < 0)
		return r;
	if (strcmp(path, HOOK_PATH) != 0)
		node_say(n, "the site's own " HOOK_PATH " stays; ours is %s", path);
	else if (is_script(HOOK_PATH))
		return 0;
	r = change_put(n, path, 0755, data ? data : "", len, err);
	/* one of both is enough */
	if (r == 0 && strcmp(path, HOOK_PATH) == 0 && runs_ours(HOOK_BESIDE) &&
	    !is_script(HOOK_BESIDE))
		r = change_unput(n, HOOK_BESIDE, err);
	return r;
}

int check_hook_scripts(struct node *n, struct error *err)
{
	static const char *const places[] = {HOOK_PATH, HOOK_BESIDE};

	(void)n;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (is_script(places[i]) && runs_ours(places[i]))
			return error_set(err, -EBUSY, places[i], 0,
					 "runs " HOOK_SOURCE ", and libvirt would start no guest "
					 "once that is gone; take the call out of this script, "
					 "then run this again");
	return 0;
}

int remove_hook(struct node *n, struct error *err)
{
	static const char *const places[] = {HOOK_PATH, HOOK_BESIDE};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(places) && r == 0; i++)
		if (receipt_has(&n->receipt, RECEIPT_FILE, places[i], NULL) || n->receipt.lost)
			r = change_unput(n, places[i], err);
	/* before 6.5 libvirt remembers that there is a hook, and starts no guest when it is gone
	 * (virHookCall, src/util/virhook.c); on SIGHUP it looks again */
	if (r == 0 && !n->dry_run && libvirt_installed_release() < LIBVIRT_RELEASE(6, 5, 0))
		daemons_reload(n);
	return r;
}
