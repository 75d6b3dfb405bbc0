/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/stat.h>

#include "hook/core/daemon.h"
#include "ask.h"
#include "change.h"
#include "run.h"
#include "steps.h"

#define SYSTEMD         "/run/systemd/system" /* exists where systemd runs (sd_booted(3)) */
#define RESTART_SECONDS 120
#define DAEMONS_MAX     8

static const char *const services[] = {"libvirtd.service", "virtqemud.service"};

/* Does root's process @pid see the same files as we? In a container or a throwaway root it sees
 * others. */
static bool sees_us(uint64_t pid)
{
	char dir[64], root[80];
	struct stat process, its, ours;

	(void)snprintf(dir, sizeof(dir), "/proc/%llu", (unsigned long long)pid);
	(void)snprintf(root, sizeof(root), "%s/root/", dir);
	return stat(dir, &process) == 0 && process.st_uid == 0 && stat(root, &its) == 0 &&
	       stat("/", &ours) == 0 && its.st_dev == ours.st_dev && its.st_ino == ours.st_ino;
}

size_t daemons_find(struct daemon_here *found, size_t max)
{
	DIR *dir = node_is_live() ? opendir("/proc") : NULL;
	const struct dirent *entry;
	size_t n = 0;

	while (dir && n < max && (entry = readdir(dir))) {
		struct daemon d;
		uint64_t pid;

		if (number_parse(entry->d_name, strlen(entry->d_name), 10, INT32_MAX, &pid) == 0 &&
		    daemon_is(pid, &d) && sees_us(pid))
			found[n++] = (struct daemon_here){.pid = pid};
	}
	if (dir)
		(void)closedir(dir);
	return n;
}

void daemons_reload(struct node *n)
{
	struct daemon_here d[DAEMONS_MAX];
	size_t found = daemons_find(d, ARRAY_SIZE(d));

	for (size_t i = 0; i < found; i++)
		if (kill((pid_t)d[i].pid, SIGHUP) < 0)
			node_fall_short(n,
					"libvirt (process %d) couldn't be told that its hooks "
					"changed: restart it",
					(int)d[i].pid);
}

static int restart(struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(services); i++) {
		const char *const active[] = {"systemctl", "--quiet", "is-active", services[i],
					      NULL};
		const char *const again[] = {"systemctl", "restart", services[i], NULL};
		_cleanup_text_ struct text out = {0};

		if (run_program(active, RESTART_SECONDS, &out, NULL) != 0)
			continue;
		out.len = 0;
		if (run_program(again, RESTART_SECONDS, &out, err) != 0)
			return error_set(err, -EIO, services[i], 0, "can't be restarted: %.*s",
					 (int)strcspn(out.data ? out.data : "", "\n"),
					 out.data ? out.data : "");
	}
	return 0;
}

/* Restarts libvirt if that was asked for. Returns whether it did. */
static bool restarted(struct node *n)
{
	struct error why = {0};

	if (!n->restart)
		return false;
	if (access(SYSTEMD, F_OK) < 0) {
		node_warn(n, "there is no systemd here to restart libvirt; do it by hand");
		return false;
	}
	if (restart(&why) == 0)
		return true;
	node_warn(n, "%s: %s", why.where, why.what);
	return false;
}

int settle_libvirt(struct node *n, struct error *err)
{
	struct daemon_here d[DAEMONS_MAX];
	struct error why = {0};

	(void)err;
	if (n->no_libvirt || daemons_find(d, ARRAY_SIZE(d)) == 0) {
		if (!n->dry_run)
			node_say(n, "libvirt doesn't run here; it knows the models when it starts");
		return 0;
	}
	if (n->dry_run) {
		(void)change_begin(n, "%s libvirt, unless it goes along then",
				   n->restart ? "restart" : "ask you to restart");
		return 0;
	}
	if (libvirt_goes_along(n, &why) == 0)
		return 0;
	if (restarted(n)) {
		why = (struct error){0};
		if (libvirt_goes_along(n, &why) == 0)
			return 0;
		node_fall_short(n, "%s: %s", why.where, why.what);
		return 0;
	}
	node_fall_short(n, "%s: %s; restart it: systemctl restart libvirtd (or virtqemud)",
			why.where, why.what);
	return 0;
}

int forget_libvirt(struct node *n, struct error *err)
{
	struct daemon_here d[DAEMONS_MAX];
	struct error why = {0};
	int r;

	if (daemons_find(d, ARRAY_SIZE(d)) == 0)
		return 0;
	if (n->dry_run) {
		(void)change_begin(n, "%s, unless libvirt has forgotten them by then",
				   n->restart ? "restart libvirt"
					      : "stop here, for you to restart libvirt and run "
						"this again");
		return 0;
	}
	r = libvirt_has_forgotten(&why);
	if (r <= 0 && restarted(n))
		r = libvirt_has_forgotten(&why);
	if (r > 0)
		return 0;
	if (r < 0)
		return error_set(
			err, -EAGAIN, NULL, 0,
			"libvirt (process %d) doesn't say whether it still knows the site's "
			"models, and would start another CPU by their names once the wrapper is "
			"gone: %s. Restart or stop it, then run `cpushim remove` again; until then "
			"everything works",
			(int)d[0].pid, why.what);
	return error_set(
		err, -EAGAIN, NULL, 0,
		"libvirt (process %d) still knows the site's models, and would start another "
		"CPU by their names once the wrapper is gone. Restart it (systemctl restart "
		"libvirtd, or virtqemud), then run `cpushim remove` again; until then "
		"everything works",
		(int)d[0].pid);
}
