/* SPDX-License-Identifier: Apache-2.0 */
#include "maptrial.h"

#include <errno.h>
#include <grp.h>
#include <sys/stat.h>

#include "cpumap/core/task.h"
#include "libvirtask.h"
#include "libvirtquestion.h"

/* for the process that mounts to end after the one that asks */
#define GRACE_SECONDS 10

/* What a trial asks. */
struct trial {
	const struct maptrial *map;
	const char *question;
	const struct strv *args;
};

/* ---- the process that mounts ---- */

static int ask_test(const struct trial *t, struct text *answer, struct error *err)
{
	const struct libvirt_at at = {.uri = LIBVIRT_TEST_URI, .seconds = t->map->seconds};

	return libvirt_ask(&at, t->question, t->args, answer, err);
}

/* A task's work. */
static int try_mounted(const void *data, struct text *answer, struct error *err)
{
	const struct trial *t = data;
	struct mapmount m = {0};
	int r = mapmount(&m, t->map->file, t->map->n, err);

	if (r == 0)
		r = ask_test(t, answer, err);
	mapmount_undo(&m);
	return r;
}

#define NOBODY 65534

/* Root becomes a user who can change nothing of the node. */
static int become_nobody(const char *room)
{
	if (geteuid() != 0)
		return 0;
	return chown(room, NOBODY, NOBODY) < 0 || setgroups(0, NULL) < 0 ||
			       setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
			       setresuid(NOBODY, NOBODY, NOBODY) < 0
		       ? -errno
		       : 0;
}

static int ask_embedded(const struct trial *t, const char *room, struct text *answer,
			struct error *err)
{
	_cleanup_free_ char *uri = NULL;
	struct libvirt_at at = {.seconds = t->map->seconds, .home = room};
	int r = asprintf(&uri, LIBVIRT_EMBED_URI "%s/qemu", room) < 0 ? -ENOMEM
								      : become_nobody(room);

	at.uri = uri;
	return r < 0 ? error_set(err, r, room, 0, "%s", strerror(-r))
		     : libvirt_ask(&at, t->question, t->args, answer, err);
}

/* A task's work. Its mounts are undone by the child of a child: what became nobody can't. */
static int try_embedded(const void *data, struct text *answer, struct error *err)
{
	const struct trial *t = data;
	_cleanup_free_ char *room = mapmount_room(&t->map->file[0], err);

	return room ? ask_embedded(t, room, answer, err) : -EIO;
}

/* A task's work. */
static int try_driver(const void *data, struct text *answer, struct error *err)
{
	const struct trial *t = data;
	struct mapmount m = {0};
	int r = mapmount(&m, t->map->file, t->map->n, err);

	if (r == 0)
		mapmount_device(&m, &t->map->file[0], "/dev/kvm");
	if (r == 0)
		r = task_run(try_embedded, t, t->map->seconds + GRACE_SECONDS, answer, err);
	mapmount_undo(&m);
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

int maptrial_native(const struct maptrial *t, const char *domain, char **argv, struct error *err)
{
	_cleanup_free_ char *copy = strdup(domain);
	const struct trial trial = {.map = t,
				    .question = QUESTION_NATIVE,
				    .args = &(const struct strv){.item = &copy, .n = 1}};
	struct text answer = {0};
	int r = copy ? task_run(try_driver, &trial, t->seconds + 2 * GRACE_SECONDS, &answer, err)
		     : error_set(err, -ENOMEM, NULL, 0, "out of memory");

	if (r == 0 && !answer.data)
		r = error_set(err, -EIO, NULL, 0, "libvirt's answer is empty");
	if (r == 0)
		*argv = steal_pointer(&answer.data);
	text_free(&answer);
	return r;
}
