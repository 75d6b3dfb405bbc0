/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Talking QMP. Messages are JSON objects, one a line (QEMU ends each with CR LF;
 * docs/interop/qmp-spec, 2.2). Every wait for an answer has the dialogue's deadline: a QEMU that
 * hangs costs a limited time.
 */
#include "qmp.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "cpumap/core/emulator.h"

/* our monitor as a chardev; QEMU names this option in front of an error of the monitor */
#define MONITOR "-chardev socket,id=cpushim,fd=3"

#define STDERR_SHOWN 400 /* characters of a QEMU's last words in an error */

static long long now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (long long)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void qmp_init(struct qmp *q, int fd, const char *name, int timeout_ms)
{
	*q = (struct qmp){.fd = fd, .stderr_fd = -1, .deadline = now_ms() + timeout_ms};
	(void)snprintf(q->name, sizeof(q->name), "%s", name);
}

/* What our QEMU wrote to stderr. It goes into the error, as it says the reason. */
static void last_words(struct qmp *q, char *buf, size_t size)
{
	char raw[4096];
	size_t len = 0;

	buf[0] = '\0';
	if (q->stderr_fd < 0)
		return;
	/* a QEMU that is about to end may still be writing */
	for (int i = 0; i < 20 && len < sizeof(raw); i++) {
		ssize_t n = read(q->stderr_fd, raw + len, sizeof(raw) - len);

		if (n == 0)
			break;
		if (n > 0)
			len += (size_t)n;
		else
			(void)poll(NULL, 0, 10);
	}
	while (len && (raw[len - 1] == '\n' || raw[len - 1] == '\r'))
		len--;
	text_escape(buf, size, raw, len);
}

static int say_gone(struct qmp *q, int code, const char *what, struct error *err)
{
	/* who was only attached to knows no file */
	const char *cure = code == -ETIMEDOUT && q->pid > 0
				   ? "; if it does so again, " EMULATOR_REINSTALL
				   : "";
	char words[STDERR_SHOWN];

	last_words(q, words, sizeof(words));
	if (strstr(words, MONITOR ": ")) {
		what = "can't take a connected socket for a monitor, which QEMU does since 2.12";
		code = -ENOTSUP;
	}
	return error_set(err, code, q->name, 0, "%s%s%s%s", what, *words ? ": " : "", words, cure);
}

static int wait_for(struct qmp *q, short events, struct error *err)
{
	for (;;) {
		struct pollfd p = {.fd = q->fd, .events = events};
		long long left = q->deadline - now_ms();
		int r = left > 0 ? poll(&p, 1, left > 60000 ? 60000 : (int)left) : 0;

		if (r > 0)
			return 0;
		if (r < 0 && errno != EINTR)
			return error_set(err, -errno, q->name, 0, "poll: %s", strerror(errno));
		if (left <= 0)
			return say_gone(q, -ETIMEDOUT, "gave no answer in time, so it was stopped",
					err);
	}
}

static int send_all(struct qmp *q, const char *data, size_t len, struct error *err)
{
	while (len > 0) {
		ssize_t n = send(q->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		int r;

		if (n >= 0) {
			data += n;
			len -= (size_t)n;
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return say_gone(q, -EPROTO, "ended the dialogue", err);
		r = wait_for(q, POLLOUT, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int receive_more(struct qmp *q, struct error *err)
{
	char buf[65536];
	ssize_t n;
	int r = wait_for(q, POLLIN, err);

	if (r < 0)
		return r;
	n = recv(q->fd, buf, sizeof(buf), MSG_DONTWAIT);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n <= 0)
		return say_gone(q, -EPROTO, "ended the dialogue", err);
	text_add(&q->in, buf, (size_t)n);
	if (q->in.failed)
		return error_set(err, -ENOMEM, q->name, 0, "out of memory");
	if (q->in.len > QMP_LINE_LIMIT)
		return error_set(err, -EPROTO, q->name, 0, "an answer is longer than %zu bytes",
				 QMP_LINE_LIMIT);
	return 0;
}

/* One line, parsed; @message receives a new reference. */
static int receive_message(struct qmp *q, json_t **message, struct error *err)
{
	json_error_t why;
	size_t searched = 0;
	char *end;

	while (!q->in.data || !(end = memchr(q->in.data + searched, '\n', q->in.len - searched))) {
		int r;

		searched = q->in.len;
		r = receive_more(q, err);
		if (r < 0)
			return r;
	}
	/* QEMU has unsigned 64 bit numbers (lbr-fmt), which jansson knows only as doubles */
	*message =
		json_loadb(q->in.data, (size_t)(end - q->in.data), JSON_DECODE_INT_AS_REAL, &why);
	q->in.len -= (size_t)(end + 1 - q->in.data);
	memmove(q->in.data, end + 1, q->in.len);
	if (!json_is_object(*message)) {
		json_decref(*message);
		*message = NULL;
		return error_set(err, -EPROTO, q->name, 0, "what it answers isn't QMP: %s",
				 why.text);
	}
	return 0;
}

static int greet(struct qmp *q, struct error *err)
{
	json_t *greeting = NULL;
	int r = receive_message(q, &greeting, err);
	bool is_qmp = r == 0 && json_object_get(greeting, "QMP");

	json_decref(greeting);
	if (r < 0)
		return r;
	if (!is_qmp)
		return error_set(err, -EPROTO, q->name, 0, "doesn't greet as QMP does");
	return qmp_call(q, "qmp_capabilities", NULL, NULL, err);
}

int qmp_attach(struct qmp *q, int fd, const char *name, int timeout_ms, struct error *err)
{
	qmp_init(q, fd, name, timeout_ms);
	return greet(q, err);
}

/* Runs in the child: executes QEMU with the monitor as fd 3, no other descriptor, and no
 * environment. */
static void __attribute__((noreturn)) become_qemu(const char *const *argv, int monitor, int log)
{
	static char *const no_environment[] = {NULL};
	int null = open("/dev/null", O_RDWR);

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(log, 2) < 0 ||
	    dup2(monitor, 3) < 0 || fcntl(3, F_SETFD, 0) < 0)
		_exit(127);
	for (int fd = 4; fd < 256; fd++)
		(void)close(fd);
	(void)execve(argv[0], (char *const *)argv, no_environment);
	dprintf(2, "%s", strerror(errno));
	_exit(127);
}

/* @argv with our monitor added. QEMU takes a connected socket as a chardev (fd=, since 2.12). */
static const char **with_monitor(const char *const *argv)
{
	static const char *const monitor[] = {"-chardev", "socket,id=cpushim,fd=3", "-qmp",
					      "chardev:cpushim", NULL};
	size_t n = 0;
	const char **all;

	while (argv[n])
		n++;
	all = calloc(n + ARRAY_SIZE(monitor), sizeof(*all));
	if (!all)
		return NULL;
	memcpy(all, argv, n * sizeof(*all));
	memcpy(all + n, monitor, sizeof(monitor));
	return all;
}

int qmp_spawn(struct qmp *q, const char *const *argv, int timeout_ms, struct error *err)
{
	_cleanup_free_ const char **all = with_monitor(argv);
	int monitor[2], log[2];

	qmp_init(q, -1, argv[0], timeout_ms);
	if (!all)
		return error_set(err, -ENOMEM, argv[0], 0, "out of memory");
	if (access(argv[0], X_OK) < 0)
		return error_set(err, -errno, argv[0], 0, "can't be run: %s; " EMULATOR_REINSTALL,
				 strerror(errno));
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, monitor) < 0)
		return error_set(err, -errno, argv[0], 0, "socketpair: %s", strerror(errno));
	q->fd = monitor[0];
	if (pipe2(log, O_CLOEXEC | O_NONBLOCK) < 0) {
		(void)close(monitor[1]);
		return error_set(err, -errno, argv[0], 0, "pipe: %s", strerror(errno));
	}
	q->stderr_fd = log[0];
	q->pid = fork();
	if (q->pid == 0)
		become_qemu(all, monitor[1], log[1]);
	(void)close(monitor[1]);
	(void)close(log[1]);
	if (q->pid < 0) {
		q->pid = 0;
		return error_set(err, -EAGAIN, argv[0], 0, "can't fork: %s", strerror(errno));
	}
	return greet(q, err);
}

/* QEMU's error as ours. */
static int answer_error(struct qmp *q, const char *command, json_t *error, struct error *err)
{
	const char *class = json_string_value(json_object_get(error, "class"));
	const char *desc = json_string_value(json_object_get(error, "desc"));
	char shown[STDERR_SHOWN];
	int code = -EREMOTEIO;

	if (class && strcmp(class, "CommandNotFound") == 0)
		code = -ENOENT;
	if (!desc)
		desc = "no reason given";
	text_escape(shown, sizeof(shown), desc, strlen(desc));
	return error_set(err, code, q->name, 0, "%s: %s", command, shown);
}

static int send_command(struct qmp *q, const char *command, json_t *args, struct error *err)
{
	json_t *message = json_pack("{s:s, s:i, s:o*}", "execute", command, "id", (int)++q->next_id,
				    "arguments", args);
	_cleanup_free_ char *line = message ? json_dumps(message, JSON_COMPACT) : NULL;
	int r;

	json_decref(message);
	if (!line)
		return error_set(err, -ENOMEM, q->name, 0, "out of memory");
	r = send_all(q, line, strlen(line), err);
	return r < 0 ? r : send_all(q, "\n", 1, err);
}

/* A double that an integer can't hold must not be cast to one (C11, 6.3.1.4). */
bool qmp_number(const json_t *value, uint32_t *n)
{
	double number = json_number_value(value);

	*n = 0;
	if (!json_is_number(value) || !(number >= 0 && number <= UINT32_MAX) ||
	    number != (uint32_t)number)
		return false;
	*n = (uint32_t)number;
	return true;
}

static bool is_answer(const struct qmp *q, const json_t *message)
{
	uint32_t id;

	return qmp_number(json_object_get(message, "id"), &id) && id == q->next_id;
}

int qmp_call(struct qmp *q, const char *command, json_t *args, json_t **answer, struct error *err)
{
	int r = send_command(q, command, args, err);

	if (answer)
		*answer = NULL;
	while (r == 0) {
		json_t *message = NULL, *result;

		r = receive_message(q, &message, err);
		if (r < 0)
			break;
		/* passes over events, and answers to questions that we gave up on */
		if (!is_answer(q, message)) {
			json_decref(message);
			continue;
		}
		result = json_object_get(message, "return");
		if (!result)
			r = answer_error(q, command, json_object_get(message, "error"), err);
		else if (answer)
			*answer = json_incref(result);
		json_decref(message);
		break;
	}
	return r;
}

static void reap(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

void qmp_close(struct qmp *q)
{
	if (q->pid > 0)
		reap(q->pid);
	if (q->fd >= 0)
		(void)close(q->fd);
	if (q->stderr_fd >= 0)
		(void)close(q->stderr_fd);
	text_free(&q->in);
	*q = QMP_NONE;
}
