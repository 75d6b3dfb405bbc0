/* SPDX-License-Identifier: Apache-2.0 */
#include "task.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define ANSWER_FD    3  /* where the child answers */
#define FIRST_FREE   10 /* descriptors from here on aren't the child's standard files */
#define ANSWER_LIMIT ((size_t)256 << 20)
#define CHUNK        65536

/* What an answer begins with. Both ends are the same program. */
struct head {
	size_t size; /* of this */
	size_t len;  /* of the bytes behind it */
	int r;
	struct error err;
};

/* A child that is waited for. */
struct task {
	pid_t pid;
	int answer; /* our end of its pipe */
	int client; /* in a task: where our own answer goes; else -1 */
	long long deadline;
	struct text bytes; /* what came */
};

static bool in_task;

static long long now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (long long)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int task_fd(int fd)
{
	int high = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FREE);
	int saved = errno;

	if (fd >= 0)
		(void)close(fd);
	errno = saved;
	return high;
}

/* ---- the child ---- */

static int write_all(const void *data, size_t len)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = write(ANSWER_FD, p, len);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			p += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

int task_answer(int r, const struct error *err, const struct text *answer)
{
	struct head head = {.size = sizeof(head), .r = r};
	int w;

	if (err)
		head.err = *err;
	if (answer->failed)
		head.r = error_set(&head.err, -ENOMEM, NULL, 0, "out of memory");
	else
		head.len = answer->len;
	w = write_all(&head, sizeof(head));
	return w < 0 ? w : write_all(answer->data, head.len);
}

void task_reset_signals(void)
{
	sigset_t none;

	for (int s = 1; s < NSIG; s++)
		(void)signal(s, SIG_DFL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* An image that is being made may have no /dev. */
static int open_null(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	return task_fd(fd < 0 ? memfd_create("null", MFD_CLOEXEC) : fd);
}

static void __attribute__((noreturn))
become_task(pid_t parent, const int ends[2], task_work *work, const void *data)
{
	_cleanup_text_ struct text answer = {0};
	struct error err = {0};
	int null = open_null();

	(void)setpgid(0, 0);
	task_reset_signals();
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* it may have ended before */
	if (getppid() != parent || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0 ||
	    dup2(ends[1], ANSWER_FD) < 0)
		_exit(127);
	(void)close(ends[1]);
	/* so that it sees when nobody reads its answer */
	if (ends[0] > ANSWER_FD)
		(void)close(ends[0]);
	in_task = true;
	_exit(task_answer(work(data, &answer, &err), &err, &answer) < 0);
}

/* ---- its parent ---- */

static const struct head *head_of(const struct text *bytes)
{
	/* malloc aligns it */
	return bytes->len >= sizeof(struct head) ? (const void *)bytes->data : NULL;
}

static bool is_whole(const struct text *bytes)
{
	const struct head *head = head_of(bytes);

	return head && (head->size != sizeof(*head) || bytes->len - sizeof(*head) >= head->len);
}

/* Returns 1: something can be read; 0: look again. */
static int wait_more(const struct task *t, struct error *err)
{
	struct pollfd fds[] = {{.fd = t->answer, .events = POLLIN}, {.fd = t->client}};
	long long left = t->deadline - now_ms();
	int n = left > 0 ? poll(fds, ARRAY_SIZE(fds), left > 60000 ? 60000 : (int)left) : 0;

	if (n < 0 && errno != EINTR)
		return error_set(err, -errno, NULL, 0, "poll: %s", strerror(errno));
	if (n > 0 && fds[1].revents)
		return error_set(err, -ECANCELED, NULL, 0, "nobody waits for it any more");
	if (left <= 0)
		return error_set(err, -ETIMEDOUT, NULL, 0, "took too long, so it was stopped");
	return n > 0;
}

/* Reads until the answer is whole, or the child's end is closed. */
static int gather(struct task *t, struct error *err)
{
	while (!is_whole(&t->bytes)) {
		char buf[CHUNK];
		ssize_t n;
		int r = wait_more(t, err);

		if (r < 0)
			return r;
		if (r == 0)
			continue;
		n = read(t->answer, buf, sizeof(buf));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return 0;
		text_add(&t->bytes, buf, (size_t)n);
		if (t->bytes.failed || t->bytes.len > ANSWER_LIMIT)
			return error_set(err, -EFBIG, NULL, 0, "answers with more than %zu MiB",
					 ANSWER_LIMIT >> 20);
	}
	return 0;
}

/* Nothing is left of the child, and of what it started in its process group. Returns its status, or
 * -1 if that is unknown (SIGCHLD is ignored). */
static int end(pid_t pid)
{
	int status;

	(void)kill(-pid, SIGKILL);
	(void)kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return status;
}

static int no_answer(int status, struct error *err)
{
	if (status != -1 && WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
		return error_set(err, -EIO, NULL, 0, "was ended by signal %d (%s)",
				 WTERMSIG(status), strsignal(WTERMSIG(status)));
	return error_set(err, -EIO, NULL, 0, "ended without an answer");
}

static int finish(struct task *t, struct text *answer, struct error *err)
{
	const struct head *head;
	int r = gather(t, err);
	int status = end(t->pid);

	if (r < 0)
		return r;
	head = head_of(&t->bytes);
	if (!head || head->size != sizeof(*head) || !is_whole(&t->bytes))
		return no_answer(status, err);
	if (head->r < 0 && err)
		*err = head->err;
	text_add(answer, t->bytes.data + sizeof(*head), head->len);
	return answer->failed ? error_set(err, -ENOMEM, NULL, 0, "out of memory") : head->r;
}

int task_run(task_work *work, const void *data, unsigned int seconds, struct text *answer,
	     struct error *err)
{
	struct task t = {.client = in_task ? ANSWER_FD : -1,
			 .deadline = now_ms() + (long long)seconds * 1000};
	pid_t self = getpid();
	int ends[2], r;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_set(err, -errno, NULL, 0, "pipe: %s", strerror(errno));
	t.answer = ends[0];
	/* the child must not find it among its standard files */
	ends[1] = task_fd(ends[1]);
	t.pid = ends[1] < 0 ? -1 : fork();
	if (t.pid == 0)
		become_task(self, ends, work, data);
	r = t.pid < 0 ? error_set(err, -errno, NULL, 0, "can't fork: %s", strerror(errno)) : 0;
	if (ends[1] >= 0)
		(void)close(ends[1]);
	/* whichever of the two comes first */
	if (r == 0) {
		(void)setpgid(t.pid, t.pid);
		r = finish(&t, answer, err);
	}
	(void)close(t.answer);
	text_free(&t.bytes);
	return r;
}
