/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp-proxy TABLE EMULATOR: relays between libvirt and the QEMU that libvirt probes. Bytes go both
 * ways unchanged. Only to the answer of query-cpu-definitions our models are added
 * (proxy_answer.c), in a child: if that dies, answers nonsense or takes too long, libvirt gets
 * QEMU's own answer. qmp-proxy ends when either side ends; a side that has only ended its output
 * still gets answers. The wrapper starts it, with these descriptors:
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include "cpumap/core/util.h"
#include "proxy_answer.h"

enum { FD_LISTEN = 3, FD_RELAY, FD_QUESTIONS, FD_READY };

#define ANSWER_MS  10000
#define LINE_LIMIT ((size_t)16 << 20)

/* The socket's file where libvirt connects. QEMU removes its socket when it ends, so this one is
 * removed, too. */
struct place {
	char path[sizeof(((struct sockaddr_un *)0)->sun_path) + 1]; /* "": not known */
	dev_t dev;
	ino_t ino;
};

struct proxy {
	const char *table, *emulator;
	int libvirt;          /* the connection; -1: not yet */
	bool silent;          /* libvirt has ended its output */
	struct text asked;    /* libvirt's incomplete line */
	struct text request;  /* libvirt's query-cpu-definitions, until it is answered */
	struct text answered; /* QEMU's incomplete line while an answer is awaited */
	struct text earlier;  /* the answer with our models, for a repeated question */
};

static void find_place(struct place *place)
{
	struct sockaddr_un name = {0};
	socklen_t len = sizeof(name);
	struct stat st;

	*place = (struct place){0};
	/* a relative path is useless, as the working directory isn't QEMU's any more */
	if (getsockname(FD_LISTEN, (struct sockaddr *)&name, &len) < 0 || name.sun_path[0] != '/')
		return;
	/* the path needn't end in a NUL */
	memcpy(place->path, name.sun_path, sizeof(name.sun_path));
	if (lstat(place->path, &st) < 0) {
		*place->path = '\0';
		return;
	}
	place->dev = st.st_dev;
	place->ino = st.st_ino;
}

/* Removes the socket's file, unless another file has its name by now. */
static void leave(const struct place *place)
{
	struct stat st;

	if (*place->path && lstat(place->path, &st) == 0 && st.st_dev == place->dev &&
	    st.st_ino == place->ino)
		(void)unlink(place->path);
}

static bool write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		data += n;
		len -= (size_t)n;
	}
	return true;
}

static void text_clear(struct text *t)
{
	t->len = 0;
}

/* Notes what libvirt asks, line by line. The bytes have been passed on already. */
static void listen_in(struct proxy *p, const char *data, size_t len)
{
	while (len > 0) {
		const char *end = memchr(data, '\n', len);
		size_t n = end ? (size_t)(end + 1 - data) : len;

		if (p->asked.len + n <= LINE_LIMIT)
			text_add(&p->asked, data, n);
		data += n;
		len -= n;
		if (!end)
			continue;
		if (!p->asked.failed && strstr(p->asked.data, "\"query-cpu-definitions\"")) {
			text_clear(&p->request);
			text_add(&p->request, p->asked.data, p->asked.len);
		}
		text_clear(&p->asked);
	}
}

static long long now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (long long)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Reads what the child writes until it closes its end, for a limited time. */
static bool read_result(int fd, struct text *result)
{
	long long deadline = now_ms() + ANSWER_MS;
	char buf[65536];

	for (;;) {
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		long long left = deadline - now_ms();
		ssize_t n;

		if (left <= 0 || result->len > LINE_LIMIT)
			return false;
		if (poll(&ready, 1, (int)left) <= 0)
			continue;
		n = read(fd, buf, sizeof(buf));
		if (n <= 0)
			return n == 0 && !result->failed;
		text_add(result, buf, (size_t)n);
	}
}

static void __attribute__((noreturn)) be_the_child(const struct proxy *p, const char *line, int out)
{
	_cleanup_text_ struct text result = {0};
	int r;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	r = proxy_answer(&result, p->request.data, line, p->earlier.len ? p->earlier.data : NULL,
			 p->table, p->emulator, FD_QUESTIONS);
	if (r == 0 && !result.failed)
		for (size_t at = 0; at < result.len;) {
			ssize_t n = write(out, result.data + at, result.len - at);

			if (n <= 0)
				_exit(1);
			at += (size_t)n;
		}
	_exit(r == 0 ? 0 : r == -EAGAIN ? 3 : 1);
}

/*
 * Adds our models to QEMU's line if it is the answer that is awaited. If the child exits with 3 it
 * is another answer. With every status except 0 the line stays unchanged.
 */
static void complete(struct proxy *p, const char *line, struct text *result)
{
	int pair[2], status = -1;
	bool done;
	pid_t pid;

	if (pipe2(pair, O_CLOEXEC) < 0)
		return;
	pid = fork();
	if (pid == 0)
		be_the_child(p, line, pair[1]);
	(void)close(pair[1]);
	done = pid > 0 && read_result(pair[0], result);
	(void)close(pair[0]);
	if (pid > 0) {
		if (!done)
			(void)kill(pid, SIGKILL);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	if (!done || status != 0)
		text_clear(result);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 3)
		text_clear(&p->request);
}

/* Passes on a whole line from QEMU while an answer is awaited. */
static bool pass_line(struct proxy *p, const char *line, size_t len)
{
	_cleanup_text_ struct text result = {0};

	complete(p, line, &result);
	if (result.len && !p->earlier.len)
		text_add(&p->earlier, result.data, result.len);
	return result.len ? write_all(p->libvirt, result.data, result.len)
			  : write_all(p->libvirt, line, len);
}

/* Passes QEMU's bytes to libvirt: as they come, or line by line while an answer is awaited. */
static bool pass_answers(struct proxy *p, const char *data, size_t len)
{
	while (len > 0 && p->request.len > 0) {
		const char *end = memchr(data, '\n', len);
		size_t n = end ? (size_t)(end + 1 - data) : len;

		text_add(&p->answered, data, n);
		data += n;
		len -= n;
		if (p->answered.failed)
			return false;
		if (p->answered.len > LINE_LIMIT) {
			text_clear(&p->request);
		} else if (!end) {
			continue;
		} else {
			if (!pass_line(p, p->answered.data, p->answered.len))
				return false;
			text_clear(&p->answered);
		}
	}
	if (p->answered.len > 0 && p->request.len == 0) {
		if (!write_all(p->libvirt, p->answered.data, p->answered.len))
			return false;
		text_clear(&p->answered);
	}
	return len == 0 || write_all(p->libvirt, data, len);
}

/* Passes on the next bytes of one direction. False at its end. libvirt's end is passed on, so that
 * QEMU still answers what was asked before. */
static bool pump(struct proxy *p, int from)
{
	char buf[65536];
	ssize_t n = recv(from, buf, sizeof(buf), 0);

	if (n < 0 && errno == EINTR)
		return true;
	if (n < 0 || (n == 0 && from == FD_RELAY))
		return false;
	if (n == 0) {
		p->silent = true;
		return shutdown(FD_RELAY, SHUT_WR) == 0;
	}
	if (from == FD_RELAY)
		return pass_answers(p, buf, (size_t)n);
	listen_in(p, buf, (size_t)n);
	return write_all(FD_RELAY, buf, (size_t)n);
}

static bool accept_libvirt(struct proxy *p)
{
	p->libvirt = accept4(FD_LISTEN, NULL, NULL, SOCK_CLOEXEC);
	/* a probe makes one connection; a second one would wait in vain */
	(void)close(FD_LISTEN);
	return p->libvirt >= 0;
}

static void relay(struct proxy *p)
{
	for (;;) {
		/* before libvirt connects QEMU's greeting has to wait, and only QEMU's end
		 * counts */
		bool connected = p->libvirt >= 0;
		struct pollfd fds[] = {{.fd = FD_RELAY, .events = connected ? POLLIN : POLLRDHUP},
				       /* from a silent libvirt only its end is awaited */
				       {.fd = connected ? p->libvirt : FD_LISTEN,
					.events = p->silent ? 0 : POLLIN}};

		if (poll(fds, ARRAY_SIZE(fds), -1) < 0) {
			if (errno == EINTR)
				continue;
			return;
		}
		if (!connected && fds[0].revents)
			return;
		if (connected && fds[0].revents && !pump(p, FD_RELAY))
			break;
		if (!fds[1].revents)
			continue;
		if (p->silent || !(connected ? pump(p, p->libvirt) : accept_libvirt(p)))
			return;
	}
	/* QEMU has ended, and its last line may be incomplete */
	if (p->answered.len > 0)
		(void)write_all(p->libvirt, p->answered.data, p->answered.len);
}

int main(int argc, char **argv)
{
	struct proxy p = {.libvirt = -1};
	struct place place;

	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return puts("qmp-proxy (cpushim) " CPUSHIM_VERSION) < 0 || fflush(stdout) != 0;
	if (argc != 3)
		return 2;
	p.table = argv[1];
	p.emulator = argv[2];
	(void)signal(SIGPIPE, SIG_IGN);
	find_place(&place);
	if (write(FD_READY, "r", 1) != 1)
		return 1;
	(void)close(FD_READY);
	relay(&p);
	leave(&place);
	return 0;
}
