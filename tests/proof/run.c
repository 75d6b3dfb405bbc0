/* SPDX-License-Identifier: Apache-2.0 */
#include "run.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#define TIMEOUT_MS 60000
#define MAX_ARGS   32

void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("exact: ", stderr);
	(void)vfprintf(stderr, fmt, ap);
	fputs("\n", stderr);
	va_end(ap);
	exit(2);
}

void outcome_free(struct outcome *o)
{
	text_free(&o->out);
	text_free(&o->err);
}

static long long now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (long long)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void __attribute__((noreturn)) become(const char *const *argv, int in, int out, int err)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0)
		_exit(127);
	for (int fd = 3; fd < 64; fd++)
		(void)close(fd);
	(void)execv(argv[0], (char *const *)argv);
	dprintf(2, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

/* One end of @pipe is the child's, the other stays here. */
static void open_pipe(int fd[2])
{
	if (pipe(fd) < 0)
		die("pipe: %s", strerror(errno));
}

/* Both streams to their ends. Returns false when that takes too long. */
static bool drain(int out, int err, struct outcome *o)
{
	struct pollfd p[2] = {{.fd = out, .events = POLLIN}, {.fd = err, .events = POLLIN}};
	struct text *t[2] = {&o->out, &o->err};
	long long deadline = now_ms() + TIMEOUT_MS;
	static char buf[1 << 16];

	while (p[0].fd >= 0 || p[1].fd >= 0) {
		long long left = deadline - now_ms();

		if (left <= 0)
			return false;
		(void)poll(p, 2, (int)left);
		for (size_t i = 0; i < 2; i++) {
			ssize_t n;

			if (p[i].fd < 0 || !p[i].revents)
				continue;
			n = read(p[i].fd, buf, sizeof(buf));
			if (n > 0)
				text_add(t[i], buf, (size_t)n);
			else if (n == 0 || errno != EINTR)
				p[i].fd = -1;
		}
	}
	return true;
}

void run(struct outcome *o, const char *const *argv, const char *input)
{
	int in[2], out[2], err[2], status = 0;
	bool ended;
	pid_t pid;

	*o = (struct outcome){0};
	text_adds(&o->out, "");
	text_adds(&o->err, "");
	open_pipe(in);
	open_pipe(out);
	open_pipe(err);
	pid = fork();
	if (pid < 0)
		die("fork: %s", strerror(errno));
	if (pid == 0)
		become(argv, in[0], out[1], err[1]);
	(void)close(in[0]);
	(void)close(out[1]);
	(void)close(err[1]);
	/* less than a pipe holds, so that it can't block */
	(void)!write(in[1], input, strlen(input));
	(void)close(in[1]);
	ended = drain(out[0], err[0], o);
	if (!ended)
		(void)kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	(void)close(out[0]);
	(void)close(err[0]);
	if (o->out.failed || o->err.failed)
		die("out of memory");
	o->status = !ended              ? RUN_TIMED_OUT
		    : WIFEXITED(status) ? WEXITSTATUS(status)
					: 128 + WTERMSIG(status);
}

/* The answers among the lines: the greeting, qmp_capabilities' answer and events aren't. */
static json_t *answers(char *lines)
{
	json_t *all = json_array();
	bool first = true;
	char *line;

	while ((line = strsep(&lines, "\n"))) {
		json_t *message = json_loads(line, JSON_DECODE_INT_AS_REAL, NULL);
		json_t *answer = json_object_get(message, "return");

		if (answer || json_object_get(message, "error")) {
			if (!first)
				(void)json_array_append_new(all, answer ? json_incref(answer)
									: json_null());
			first = false;
		}
		json_decref(message);
	}
	return all;
}

json_t *ask(const char *emulator, const char *const *args, const char *commands, struct outcome *o)
{
	static const char *const common[] = {"-S",   "-nodefaults", "-no-user-config", "-display",
					     "none", "-qmp",        "stdio",           NULL};
	_cleanup_outcome_ struct outcome own;
	_cleanup_text_ struct text input = {0};
	const char *argv[MAX_ARGS] = {emulator};
	size_t n = 1;
	json_t *all;

	for (size_t i = 0; common[i]; i++)
		argv[n++] = common[i];
	for (size_t i = 0; args[i] && n + 1 < ARRAY_SIZE(argv); i++)
		argv[n++] = args[i];
	text_addf(&input, "{\"execute\": \"qmp_capabilities\"}\n%s\n{\"execute\": \"quit\"}\n",
		  commands);
	run(&own, argv, input.data);
	all = own.status == 0 ? answers(own.out.data) : NULL;
	if (o) {
		*o = own;
		own = (struct outcome){0};
	}
	return all;
}
