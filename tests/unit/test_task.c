/* SPDX-License-Identifier: Apache-2.0 */
/* A task: its answer, its error, its end, and what is left of it. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "cpumap/core/task.h"
#include "check.h"

#define LARGE ((size_t)5 << 20)

static int says(const void *data, struct text *answer, struct error *err)
{
	(void)err;
	text_adds(answer, data);
	/* what it prints isn't the answer */
	puts("printed");
	(void)fflush(stdout);
	return 0;
}

static int says_much(const void *data, struct text *answer, struct error *err)
{
	(void)data;
	(void)err;
	for (size_t i = 0; i < LARGE / 8; i++)
		text_add(answer, "1234567\0", 8);
	return 0;
}

static int fails(const void *data, struct text *answer, struct error *err)
{
	(void)data;
	text_adds(answer, "some");
	return error_set(err, -EXDEV, "here", 7, "no");
}

static int crashes(const void *data, struct text *answer, struct error *err)
{
	(void)answer;
	(void)err;
	(void)raise(*(const int *)data);
	return 0;
}

static int leaves(const void *data, struct text *answer, struct error *err)
{
	(void)data;
	(void)answer;
	(void)err;
	_exit(0);
}

/* @data: where it tells its own number and its child's, which hangs as it does */
static int hangs(const void *data, struct text *answer, struct error *err)
{
	pid_t pids[2] = {getpid(), fork()};

	(void)answer;
	(void)err;
	if (pids[1] > 0 && write(*(const int *)data, pids, sizeof(pids)) != sizeof(pids))
		return -EIO;
	for (;;)
		(void)pause();
}

/* As a task that has something to put away. */
static int puts_away(const void *data, struct text *answer, struct error *err)
{
	(void)prctl(PR_SET_PDEATHSIG, 0);
	return task_run(hangs, data, 60, answer, err);
}

static int runs_another(const void *data, struct text *answer, struct error *err)
{
	return task_run(hangs, data, 1, answer, err);
}

static void test_answers(void)
{
	_cleanup_text_ struct text answer = {0}, much = {0};
	struct error err = {0};

	text_adds(&answer, "before ");
	CHECK(task_run(says, "this", 60, &answer, &err) == 0);
	CHECK_STR(answer.data, "before this");
	CHECK(task_run(says_much, NULL, 60, &much, &err) == 0);
	CHECK(much.len == LARGE && memcmp(much.data + LARGE - 8, "1234567\0", 8) == 0);
	CHECK(task_run(fails, NULL, 60, &answer, &err) == -EXDEV);
	CHECK(err.code == -EXDEV);
	CHECK_STR(err.where, "here:7");
	CHECK_STR(err.what, "no");
	CHECK_STR(answer.data, "before thissome");
	CHECK(task_run(fails, NULL, 60, &answer, NULL) == -EXDEV);
}

static void test_ends(void)
{
	_cleanup_text_ struct text answer = {0};
	const int segv = SIGSEGV;
	struct error err = {0};

	CHECK(task_run(crashes, &segv, 60, &answer, &err) == -EIO);
	CHECK_STR(err.what, "was ended by signal 11 (Segmentation fault)");
	CHECK(task_run(leaves, NULL, 60, &answer, &err) == -EIO);
	CHECK_STR(err.what, "ended without an answer");
	CHECK(answer.len == 0);
}

/* Has it ended? Its parent may not have reaped it yet. */
static bool ended(pid_t pid)
{
	_cleanup_free_ char *path = NULL, *stat = NULL;
	size_t len;

	if (asprintf(&path, "/proc/%d/stat", (int)pid) < 0)
		path = NULL;
	return !path || file_read(path, TRUST_ANY, 4096, &stat, &len, NULL) < 0 ||
	       strstr(stat, ") Z ");
}

static bool gone(pid_t pid)
{
	for (int i = 0; i < 3000 && !ended(pid); i++)
		(void)usleep(10000);
	return ended(pid);
}

static void test_time(task_work *work, int code)
{
	_cleanup_text_ struct text answer = {0};
	pid_t pids[2] = {0, 0};
	struct error err = {0};
	int ends[2];

	if (!CHECK(pipe2(ends, O_CLOEXEC) == 0))
		return;
	CHECK(task_run(work, &ends[1], work == hangs ? 1 : 60, &answer, &err) == code);
	CHECK(read(ends[0], pids, sizeof(pids)) == sizeof(pids));
	CHECK(gone(pids[0]));
	CHECK(gone(pids[1]));
	CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

/* Whoever waits for a task is killed. */
static void test_parent(task_work *work)
{
	pid_t pids[2] = {0, 0}, parent;
	int ends[2];

	if (!CHECK(pipe2(ends, O_CLOEXEC) == 0))
		return;
	parent = fork();
	if (parent == 0) {
		_cleanup_text_ struct text answer = {0};

		_exit(task_run(work, &ends[1], 60, &answer, NULL) < 0);
	}
	CHECK(read(ends[0], pids, sizeof(pids)) == sizeof(pids));
	CHECK(kill(parent, SIGKILL) == 0);
	CHECK(waitpid(parent, NULL, 0) == parent);
	CHECK(gone(pids[0]));
	/* its own child is left: nobody waits for that */
	(void)kill(pids[1], SIGKILL);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

int main(void)
{
	test_answers();
	test_ends();
	test_time(hangs, -ETIMEDOUT);
	test_time(runs_another, -ETIMEDOUT);
	test_parent(hangs);
	test_parent(puts_away);
	/* the child isn't this process's to wait for */
	(void)signal(SIGCHLD, SIG_IGN);
	test_answers();
	test_time(hangs, -ETIMEDOUT);
	return check_done();
}
