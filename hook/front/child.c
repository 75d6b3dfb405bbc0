/* SPDX-License-Identifier: Apache-2.0 */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#define ERR_LIMIT  ((size_t)64 << 10)
#define GRACE_MS   1000 /* for a killed program to end: it may be stuck in the kernel */
#define NS_PER_MS  1000000L
#define MS_PER_SEC 1000L

struct child {
	pid_t pid;
	int out, err; /* our ends of the pipes; -1: closed */
	int status;   /* waitpid's */
	bool ended;
	sigset_t mask; /* as it was */
	struct timespec deadline;
};

static void on_child(int number)
{
	(void)number; /* the signal only has to end ppoll */
}

static struct timespec later(long ms)
{
	struct timespec t = {0};

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += ms / MS_PER_SEC;
	t.tv_nsec += ms % MS_PER_SEC * NS_PER_MS;
	if (t.tv_nsec >= NS_PER_MS * MS_PER_SEC) {
		t.tv_nsec -= NS_PER_MS * MS_PER_SEC;
		t.tv_sec++;
	}
	return t;
}

/* The time that is left until @deadline; false: none. */
static bool time_left(const struct timespec *deadline, struct timespec *left)
{
	struct timespec now = later(0);

	if (!time_later(deadline, &now))
		return false;
	left->tv_sec = deadline->tv_sec - now.tv_sec;
	left->tv_nsec = deadline->tv_nsec - now.tv_nsec;
	if (left->tv_nsec < 0) {
		left->tv_nsec += NS_PER_MS * MS_PER_SEC;
		left->tv_sec--;
	}
	return true;
}

static void close_end(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

/* Runs in the new process: becomes the program, or exits with status 127. */
static void __attribute__((noreturn))
become(const struct child *c, const char *path, char *const argv[], const int fds[3])
{
	(void)setsid();
	(void)sigprocmask(SIG_SETMASK, &c->mask, NULL);
	for (int i = 0; i < 3; i++)
		if (dup2(fds[i], i) < 0)
			_exit(127);
	(void)execv(path, argv);
	_exit(127);
}

/* Starts the program. This process closes the program's ends of both pipes. */
static int start(struct child *c, const char *path, char *const argv[], int in)
{
	int out[2], err[2], rc = 0;

	if (pipe2(out, O_CLOEXEC) < 0)
		return -errno;
	if (pipe2(err, O_CLOEXEC) < 0) {
		rc = -errno;
		(void)close(out[0]);
		(void)close(out[1]);
		return rc;
	}
	c->out = out[0];
	c->err = err[0];
	(void)fcntl(c->out, F_SETFL, O_NONBLOCK);
	(void)fcntl(c->err, F_SETFL, O_NONBLOCK);
	c->pid = fork();
	if (c->pid == 0)
		become(c, path, argv, (const int[]){in, out[1], err[1]});
	rc = c->pid < 0 ? -errno : 0;
	(void)close(out[1]);
	(void)close(err[1]);
	return rc;
}

/* Reads what is there, at most @limit bytes in all; -EFBIG if there is more. */
static int gather(int *fd, struct text *t, size_t limit)
{
	char buf[65536];
	ssize_t n;

	while (*fd >= 0 && (n = read(*fd, buf, sizeof(buf))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return 0;
		if (t->len + (size_t)n > limit)
			return -EFBIG;
		text_add(t, buf, (size_t)n);
		if (t->failed)
			return -ENOMEM;
	}
	close_end(fd);
	return 0;
}

static int gather_both(struct child *c, size_t limit, struct child_said *said)
{
	/* errors beyond the limit are dropped */
	if (gather(&c->err, &said->err, ERR_LIMIT) < 0)
		close_end(&c->err);
	return gather(&c->out, &said->out, limit);
}

static void look(struct child *c)
{
	if (!c->ended)
		c->ended = waitpid(c->pid, &c->status, WNOHANG) == c->pid;
}

/* Gathers output until the program has ended, or until the deadline. */
static int attend(struct child *c, size_t limit, struct child_said *said)
{
	struct pollfd fds[2];
	struct timespec left;
	int rc;

	for (;;) {
		look(c);
		rc = gather_both(c, limit, said);
		if (rc < 0 || c->ended)
			return rc;
		if (!time_left(&c->deadline, &left))
			return -ETIME;
		fds[0] = (struct pollfd){.fd = c->out, .events = POLLIN};
		fds[1] = (struct pollfd){.fd = c->err, .events = POLLIN};
		(void)ppoll(fds, ARRAY_SIZE(fds), &left, &c->mask);
	}
}

static void end(struct child *c)
{
	struct timespec left;

	if (c->ended)
		return;
	(void)kill(-c->pid, SIGKILL);
	(void)kill(c->pid, SIGKILL);
	c->deadline = later(GRACE_MS);
	for (look(c); !c->ended && time_left(&c->deadline, &left); look(c))
		(void)ppoll(NULL, 0, &left, &c->mask);
}

int child_run(const char *path, char *const argv[], int in, unsigned int seconds, size_t out_limit,
	      struct child_said *said)
{
	struct sigaction action = {.sa_handler = on_child};
	struct child c = {.out = -1, .err = -1};
	sigset_t block;
	int rc;

	(void)sigemptyset(&block);
	(void)sigaddset(&block, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &block, &c.mask);
	(void)sigdelset(&c.mask, SIGCHLD);
	(void)sigaction(SIGCHLD, &action, NULL);
	c.deadline = later((long)seconds * MS_PER_SEC);
	rc = start(&c, path, argv, in);
	if (rc == 0) {
		rc = attend(&c, out_limit, said);
		end(&c);
	}
	close_end(&c.out);
	close_end(&c.err);
	if (rc < 0)
		return rc;
	return WIFEXITED(c.status) ? WEXITSTATUS(c.status) : -ECANCELED;
}
