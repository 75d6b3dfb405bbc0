/* SPDX-License-Identifier: Apache-2.0 */
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define OUTPUT_LIMIT ((size_t)1 << 20)
#define NOT_EXECUTED 127
#define SEARCH_PATH  "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* What a program sees of the environment. */
static int make_environment(struct strv *env)
{
	static const char *const passed[] = {"CPUSHIM_ROOT", "DPKG_MAINTSCRIPT_PACKAGE",
					     "DPKG_ADMINDIR", "DPKG_ROOT"};
	int r = strv_addf(env, "LC_ALL=C");

	if (r == 0)
		r = strv_addf(env, "HOME=/");
	if (r == 0)
		r = strv_addf(env, "PATH=" SEARCH_PATH);
	for (size_t i = 0; i < ARRAY_SIZE(passed) && r == 0; i++)
		if (getenv(passed[i]))
			r = strv_addf(env, "%s=%s", passed[i], getenv(passed[i]));
	return r;
}

static void __attribute__((noreturn))
become(const char *const argv[], const struct strv *env, int out)
{
	_cleanup_free_ char **environment = calloc(env->n + 1, sizeof(*environment));
	sigset_t none;

	(void)setpgid(0, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
	(void)signal(SIGXFSZ, SIG_DFL);
	if (dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), 0) < 0 ||
	    (out >= 0 && (dup2(out, 1) < 0 || dup2(out, 2) < 0)) || !environment)
		_exit(NOT_EXECUTED);
	for (size_t i = 0; i < env->n; i++)
		environment[i] = env->item[i];
	/* the program itself is looked for with this process's PATH */
	(void)setenv("PATH", SEARCH_PATH, 1);
	(void)execvpe(argv[0], (char *const *)argv, environment);
	_exit(NOT_EXECUTED);
}

static int64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Reads what the program prints until it closes its outputs or its time is over. */
static void read_output(int fd, int64_t end, struct text *out)
{
	char buf[4096];

	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int64_t left = end - now_ms();
		ssize_t n;

		if (left <= 0 || (poll(&p, 1, (int)left) < 0 && errno != EINTR))
			return;
		if (!p.revents)
			continue;
		n = read(fd, buf, sizeof(buf));
		if (n == 0 || (n < 0 && errno != EINTR))
			return;
		if (n > 0 && out->len < OUTPUT_LIMIT)
			text_add(out, buf, (size_t)n);
	}
}

/* Waits for the end of @pid. Returns its status, or -ETIMEDOUT once it had to be killed. */
static int wait_until(pid_t pid, int64_t end)
{
	int status;

	for (unsigned int pause = 500; now_ms() < end; pause = pause < 50000 ? 2 * pause : pause) {
		pid_t ended = waitpid(pid, &status, WNOHANG);

		if (ended == pid)
			return status;
		if (ended < 0 && errno != EINTR)
			return -errno; /* there is none to be killed */
		(void)usleep(pause);
	}
	(void)kill(-pid, SIGKILL);
	(void)kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return -ETIMEDOUT;
}

static int judge_end(const char *name, int status, unsigned int seconds, struct error *err)
{
	if (status == -ETIMEDOUT)
		return error_set(err, -ETIMEDOUT, name, 0, "doesn't end within %u seconds",
				 seconds);
	if (status < 0)
		return error_set(err, -EIO, name, 0, "its end isn't known: %s", strerror(-status));
	if (!WIFEXITED(status))
		return error_set(err, -EIO, name, 0, "was ended by signal %d", WTERMSIG(status));
	if (WEXITSTATUS(status) == NOT_EXECUTED)
		return error_set(err, -ENOENT, name, 0, "can't be run");
	return WEXITSTATUS(status);
}

int run_program(const char *const argv[], unsigned int seconds, struct text *out, struct error *err)
{
	_cleanup_strv_ struct strv env = {0};
	_cleanup_close_ int read_end = -1;
	int64_t end = now_ms() + (int64_t)seconds * 1000;
	int pipe_ends[2] = {-1, -1};
	pid_t pid;

	if (make_environment(&env) < 0)
		return error_set(err, -ENOMEM, argv[0], 0, "out of memory");
	if (out && pipe2(pipe_ends, O_CLOEXEC) < 0)
		return error_set(err, -errno, argv[0], 0, "pipe: %s", strerror(errno));
	read_end = pipe_ends[0];
	pid = fork();
	if (pid == 0)
		become(argv, &env, pipe_ends[1]);
	if (pipe_ends[1] >= 0)
		(void)close(pipe_ends[1]);
	if (pid < 0)
		return error_set(err, -EIO, argv[0], 0, "can't fork: %s", strerror(errno));
	if (out)
		read_output(read_end, end, out);
	return judge_end(argv[0], wait_until(pid, end), seconds, err);
}
