/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "cpumap/core/paths.h"
#include "dpkg.h"
#include "steps.h"

/*
 * Forward, to make a node right. The guard comes before libvirt hears of the models, and the wrapper
 * before libvirt passes their names on.
 */
static const struct step ready_steps[] = {
	{"look whether this is a node with libvirt and QEMU", check_node},
	{"put the programs and the shipped models in their places", put_programs},
	{"let guests read and run the real QEMU by AppArmor", allow_in_apparmor},
	{"remove what an interrupted run left", remove_leftovers},
	{"write the table of models", write_table},
	{"put the hook in its place", place_hook},
	{"put the wrapper where QEMU is, and QEMU beside it", swap_emulators},
	{"give libvirt the models, after it has tried them", place_include},
	{"name them in the index of its CPU map", name_include},
	{"have systemd look after the map before it starts libvirt", put_units},
	{"end a removal that was begun", end_removal},
	{"have libvirt go along", settle_libvirt},
};

/* Without the wrapper: the hook lets run what libvirt itself makes of a model and is exact. */
static const struct step native_steps[] = {
	{"look whether this is a node with libvirt and QEMU", check_node},
	{"put the programs and the shipped models in their places", put_programs},
	{"tell the hook that there is no wrapper", mark_native},
	{"put QEMU back where an earlier wrapper is", swap_emulators_back},
	{"take its rule out of AppArmor's override", disallow_in_apparmor},
	{"remove what only the wrapper needs", unput_wrapper_programs},
	{"remove what an interrupted run left", remove_leftovers},
	{"write the table of models", write_table},
	{"put the hook in its place", place_hook},
	{"give libvirt the models, after it has tried them", place_include},
	{"name them in the index of its CPU map", name_include},
	{"have systemd look after the map before it starts libvirt", put_units},
	{"end a removal that was begun", end_removal},
	{"have libvirt go along", settle_libvirt},
};

/* The way back: libvirt knows the models no more before anything else goes. */
static const struct step remove_steps[] = {
	{"look which guests need cpushim", check_needs},
	{"look whether a script of the site runs the hook", check_hook_scripts},
	{"have nobody mend what is taken away", begin_removal},
	{"have systemd start libvirt without us", remove_units},
	{"take the models out of the index of libvirt's CPU map", unname_include},
	{"have libvirt forget them", forget_libvirt},
	{"remove the include", remove_include},
	{"remove the hook", remove_hook},
	{"put QEMU back where the wrapper is", swap_emulators_back},
	{"take the rule out of AppArmor's override", disallow_in_apparmor},
	{"remove the table", remove_table},
	{"remove what an interrupted run left", remove_leftovers},
	{"remove everything else that was put", unput_programs},
	{"end the removal", end_removal},
};

static int wait_for_lock(struct node *n, int fd, const char *path, struct error *err)
{
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	node_say(n, "waiting for another cpushim ready or remove on this node");
	return flock(fd, LOCK_EX) == 0
		       ? 0
		       : error_set(err, -errno, path, 0, "can't be locked: %s", strerror(errno));
}

/* Alone on this node: a second run waits, and then finds the work done. Nobody else can open the file, and so
 * hold us up. A root without /run is being prepared by one alone. */
static int lock_node(struct node *n, int *fd, struct error *err)
{
	_cleanup_free_ char *path = root_path(LOCK_PATH);
	struct stat st = {0};
	int r = 0;

	while (r == 0 && st.st_nlink == 0) {
		cleanup_closep(fd); /* one that its holder removed meanwhile */
		*fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600) : -1;
		if (*fd < 0)
			return path && errno == ENOENT
				       ? 0
				       : error_set(err, -errno, LOCK_PATH, 0, "can't be opened: %s",
						   strerror(errno));
		r = wait_for_lock(n, *fd, path, err);
		if (r == 0 && fstat(*fd, &st) < 0)
			r = error_set(err, -errno, path, 0, "%s", strerror(errno));
	}
	return r;
}

static void unlock_node(int *fd)
{
	_cleanup_free_ char *path = *fd >= 0 ? root_path(LOCK_PATH) : NULL;

	if (path)
		(void)unlink(path);
	cleanup_closep(fd);
}

static int run_steps(struct node *n, const struct step *steps, size_t n_steps, struct error *err)
{
	for (size_t i = 0; i < n_steps; i++) {
		size_t before = n->told.n;
		int r;

		if (n->dry_run)
			node_say(n, "%zu. %s", i + 1, steps[i].what);
		r = steps[i].run(n, err);
		if (r < 0)
			return r;
		if (n->dry_run && n->told.n == before)
			node_say(n, "   nothing to do");
	}
	return 0;
}

/* What was chosen once stays so where nobody chooses: package scripts, systemd and doctor call us. */
static void keep_choice(struct node *n)
{
	if (!n->source && !n->chosen.n && node_has(NATIVE_MARK))
		n->no_wrapper = true;
}

/* A run that puts the programs notes all; another one can't make up for a receipt that was lost. */
static void judge_receipt(struct node *n)
{
	if (!n->removing)
		n->receipt.rebuilt = n->receipt.lost && !n->source && !dpkg_has_us() &&
				     (n->receipt.rebuilt || node_has(TABLE_PATH));
}

static int run(struct node *n, const struct step *steps, size_t n_steps, struct error *err)
{
	__attribute__((cleanup(unlock_node))) int lock = -1;
	int r;

	(void)umask(022); /* directories are for guests, too */
	r = n->dry_run ? 0 : lock_node(n, &lock, err);
	if (r == 0)
		r = receipt_load(&n->receipt, err);
	judge_receipt(n);
	return r < 0 ? r : run_steps(n, steps, n_steps, err);
}

int ready(struct node *n, struct error *err)
{
	keep_choice(n);
	return n->no_wrapper ? run(n, native_steps, ARRAY_SIZE(native_steps), err)
			     : run(n, ready_steps, ARRAY_SIZE(ready_steps), err);
}

int node_remove(struct node *n, struct error *err)
{
	n->removing = true;
	return run(n, remove_steps, ARRAY_SIZE(remove_steps), err);
}
