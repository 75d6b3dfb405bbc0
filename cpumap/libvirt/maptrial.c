/* SPDX-License-Identifier: Apache-2.0 */
#include "maptrial.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "cpumap/core/task.h"
#include "libvirtask.h"
#include "libvirtquestion.h"

/* for the process that mounts to end after the one that asks */
#define GRACE_SECONDS 10

#define FILE_LIMIT ((size_t)16 << 20)

/* What a trial asks. */
struct trial {
	const struct maptrial *map;
	const char *question;
	const struct strv *args;
};

/* -EINVAL is libvirt's no, and not the kernel's */
static int fail(const char *path, const char *what, struct error *err)
{
	int code = errno;

	return error_set(err, code == EINVAL ? -EIO : -code, path, 0,
			 "can't be tried with libvirt, as %s: %s", what, strerror(code));
}

/* ---- the process that mounts ---- */

/* Nobody else sees its mounts, unless / isn't a mount point (a chroot): then they can't be made
 * private, and each is noted, to be removed after the trial. @seen: is that so? */
static int separate(const char *path, bool *seen, struct error *err)
{
	if (unshare(CLONE_NEWNS) < 0)
		return fail(path, "no mount namespace can be made", err);
	*seen = mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0;
	if (*seen && errno != EINVAL)
		return fail(path, "mounts can't be made private", err);
	/* so that it lives to remove them: the task that it runs ends with whoever waits for it */
	if (*seen)
		(void)prctl(PR_SET_PDEATHSIG, 0);
	return 0;
}

static int copy_file(int from_dir, const char *name, int to_dir)
{
	_cleanup_close_ int from = openat(from_dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	_cleanup_close_ int to = -1;
	_cleanup_free_ char *data = NULL;
	struct stat st;
	size_t len = 0;

	if (from < 0 || fstat(from, &st) < 0)
		return errno == ENOENT ? 0 : -errno; /* a link that leads nowhere */
	if (!S_ISREG(st.st_mode))
		return 0;
	if (fd_read_all(from, FILE_LIMIT, &data, &len) < 0)
		return -EIO;
	to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	return to >= 0 && write(to, data, len) == (ssize_t)len ? 0 : -EIO;
}

static int copy_files(DIR *from, const char *dir)
{
	_cleanup_close_ int to = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct dirent *entry;
	int r = to < 0 ? -errno : 0;

	while (r == 0 && (entry = readdir(from)))
		r = copy_file(dirfd(from), entry->d_name, to);
	errno = -r;
	return r;
}

/* Mounts a copy of @path's directory over it: there the file can be made that is bound over. */
static int make_room(const char *path, struct strv *mounts, struct error *err)
{
	_cleanup_free_ char *dir = strndup(path, (size_t)(strrchr(path, '/') - path));
	_cleanup_close_ int made = -1;
	DIR *from = dir ? opendir(dir) : NULL;
	int r;

	if (!from)
		return fail(path, "its directory can't be read", err);
	r = mount("cpushim", dir, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755") < 0
		    ? fail(path, "nothing can be mounted", err)
		    : strv_add(mounts, dir, strlen(dir));
	if (r == 0 && copy_files(from, dir) < 0)
		r = fail(path, "its directory can't be copied", err);
	(void)closedir(from);
	if (r < 0)
		return r;
	made = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	return made < 0 ? fail(path, "it can't be made", err) : 0;
}

static int bind_all(const struct maptrial *map, struct strv *mounts, struct error *err)
{
	int r = 0;

	for (size_t i = 0; i < map->n && r == 0; i++)
		if (access(map->file[i].path, F_OK) < 0)
			r = make_room(map->file[i].path, mounts, err);
	for (size_t i = 0; i < map->n && r == 0; i++)
		r = mount(map->file[i].staged, map->file[i].path, NULL, MS_BIND, NULL) < 0
			    ? fail(map->file[i].path, "nothing can be mounted", err)
			    : strv_add(mounts, map->file[i].path, strlen(map->file[i].path));
	return r;
}

static int ask_test(const struct trial *t, struct text *answer, struct error *err)
{
	const struct libvirt_at at = {.uri = LIBVIRT_TEST_URI, .seconds = t->map->seconds};

	return libvirt_ask(&at, t->question, t->args, answer, err);
}

/* A task's work. */
static int try_mounted(const void *data, struct text *answer, struct error *err)
{
	const struct trial *t = data;
	_cleanup_strv_ struct strv mounts = {0};
	bool seen = false;
	int r = separate(t->map->file[0].path, &seen, err);

	if (r == 0)
		r = bind_all(t->map, &mounts, err);
	if (r == 0)
		r = ask_test(t, answer, err);
	for (size_t i = mounts.n; seen && i-- > 0;)
		(void)umount2(mounts.item[i], MNT_DETACH);
	return r;
}

/* ---- its parent ---- */

static int try(const struct trial *t, struct text *answer, struct error *err)
{
	const char *where = t->map->n ? t->map->file[0].path : LIBVIRT_TEST_URI;
	struct error why = {0};
	char shown[1024];
	int r = t->map->n ? task_run(try_mounted, t, t->map->seconds + GRACE_SECONDS, answer, &why)
			  : ask_test(t, answer, &why);

	if (r == -EINVAL)
		return error_set(err, r, where, 0, "libvirt doesn't take it: %s",
				 text_escape(shown, sizeof(shown), why.what, strlen(why.what)));
	if (r == -ETIMEDOUT)
		return error_set(err, r, where, 0,
				 "libvirt, asked to load it, gave no answer in %u s",
				 t->map->seconds);
	if (r < 0)
		return error_set(err, r, *why.where ? why.where : where, 0, "%s", why.what);
	return r;
}

int maptrial(const struct maptrial *t, struct strv *models, struct error *err)
{
	char arch[] = "x86_64", *args = arch;
	const struct trial trial = {.map = t,
				    .question = QUESTION_MODELS,
				    .args = &(const struct strv){.item = &args, .n = 1}};
	_cleanup_text_ struct text answer = {0};
	int r = try(&trial, &answer, err);

	for (size_t at = 0; r == 0 && models && at < answer.len; at += strlen(answer.data + at) + 1)
		r = strv_add(models, answer.data + at, strlen(answer.data + at));
	return r == -ENOMEM ? error_set(err, r, NULL, 0, "out of memory") : r;
}

int maptrial_baseline(const struct maptrial *t, const struct strv *cpus, char **answer,
		      struct error *err)
{
	const struct trial trial = {.map = t, .question = QUESTION_BASELINE, .args = cpus};
	struct text text = {0};
	int r = try(&trial, &text, err);

	if (r == 0 && !text.data)
		r = error_set(err, -EIO, NULL, 0, "libvirt's answer is empty");
	if (r == 0)
		*answer = steal_pointer(&text.data);
	text_free(&text);
	return r;
}
