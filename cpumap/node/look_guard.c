/* SPDX-License-Identifier: Apache-2.0 */
/* The guard: libvirt's hook. */
#include <dirent.h>
#include <sys/stat.h>

#include "cpumap/core/paths.h"
#include "ask.h"
#include "condition.h"

#define HOOK_LIMIT    ((size_t)16 << 20)
#define HOOKS_DIR     "/etc/libvirt/hooks/qemu.d"
#define START_SECONDS 1 /* a daemon may still look for the hook so long after its start */

/* The one that counts: the first of the two that is ours. */
static const struct hook_file *our_hook(const struct checkup *c)
{
	const struct hook_file *hook = c->state.hook;

	return hook[0].ours ? &hook[0] : &hook[1];
}

void look_hook_overwritten(struct checkup *c, const struct condition *it, struct faults *f)
{
	const struct hook_file *own = &c->state.hook[0];

	if (!own->there || own->ours || our_hook(c)->ours ||
	    !receipt_has(&c->receipt, RECEIPT_FILE, own->path, NULL))
		return;
	fault_add(f, it->id, WEIGHT_FAILS,
		  "%s: another tool has written its hook over cpushim's, so nothing checks what "
		  "guests of site models get",
		  own->path);
	fault_cure(f, CURE_READY ", which leaves the tool's hook and puts cpushim's beside it");
}

static char *read_program(const char *path, size_t *len)
{
	_cleanup_free_ char *here = root_path(path);
	char *data = NULL;

	return here && file_read(here, TRUST_ANY, HOOK_LIMIT, &data, len, NULL) == 0 ? data : NULL;
}

/* A site's own script that runs ours is whatever the site wants; what it runs is HOOK_SOURCE. */
void look_hook_release(struct checkup *c, const struct condition *it, struct faults *f)
{
	const struct hook_file *hook = our_hook(c);
	_cleanup_free_ char *here = root_path(hook->path), *source = NULL;
	size_t len = 0;

	source = read_program(HOOK_SOURCE, &len);
	if (source && (!here || file_has(here, source, len) || hook->script))
		return;
	if (source)
		fault_add(f, it->id, WEIGHT_FAILS, "%s: is the hook of another release of cpushim",
			  hook->path);
	else
		fault_add(f, it->id, WEIGHT_FAILS,
			  HOOK_SOURCE ": is missing, so that the hook's release can't be told");
	fault_cure(f, "%s", source ? CURE_READY : CURE_REINSTALL);
}

/* Is there another file among libvirt's hooks that was there before @time? Then the daemon knows that
 * there are hooks. */
static bool older_hook(const char *dir, const char *except, const struct timespec *time)
{
	_cleanup_free_ char *here = root_path(dir);
	DIR *d = here ? opendir(here) : NULL;
	const struct dirent *entry;
	bool found = false;

	while (d && !found && (entry = readdir(d))) {
		struct stat st;

		found = *entry->d_name != '.' && strcmp(entry->d_name, except) != 0 &&
			fstatat(dirfd(d), entry->d_name, &st, 0) == 0 && S_ISREG(st.st_mode) &&
			(st.st_mode & 0111) && !time_later(&st.st_ctim, time);
	}
	if (d)
		(void)closedir(d);
	return found;
}

/* The hook writes a record for each guest that libvirt starts, so the directory of the records tells
 * when libvirt called it last. */
static bool was_called(const struct timespec *since)
{
	_cleanup_free_ char *dir = root_path(RECORD_DIR);
	struct stat st;

	return dir && stat(dir, &st) == 0 && time_later(&st.st_mtim, since);
}

/* Files and times can't tell, so libvirt itself is asked. */
static bool is_called(struct checkup *c)
{
	const struct checkup_libvirt *libvirt = checkup_libvirt(c);

	for (size_t i = 0; i < c->table.n && !libvirt->error.code; i++) {
		const struct table_row *row = &c->table.row[i];

		if (!*row->refused && strv_has(&libvirt->models, row->model))
			return libvirt_calls_hook(row->model, row->emulator, NULL) == 0;
	}
	return false;
}

/* libvirt looks once whether there is a hook, when it starts or is told to reload (virHookInitialize,
 * src/util/virhook.c, 1.2 to 11.3). */
void look_hook_known(struct checkup *c, const struct condition *it, struct faults *f)
{
	const struct hook_file *hook = our_hook(c), *other = &c->state.hook[hook == c->state.hook];

	if (c->state.n_daemons == 0)
		fault_add(f, it->id, WEIGHT_SKIPPED,
			  "not looked at, as libvirt's process isn't found");
	for (size_t i = 0; i < c->state.n_daemons; i++) {
		const struct node_daemon *d = &c->state.daemon[i];
		struct timespec looked = d->started;

		looked.tv_sec += START_SECONDS;
		if (!time_later(&hook->time, &looked) || was_called(&d->started) ||
		    (other->there && other->runs && !time_later(&other->time, &looked)) ||
		    older_hook(HOOKS_DIR, "cpushim", &looked) || is_called(c))
			continue;
		fault_add(f, it->id, WEIGHT_FAILS,
			  "%s: was put there after %s (process %d) was started, which looks once "
			  "whether there is a hook, and doesn't call this one",
			  hook->path, d->name, (int)d->id.pid);
		fault_cure(f, "`systemctl restart %s`", d->name);
	}
}
