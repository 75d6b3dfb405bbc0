/* SPDX-License-Identifier: Apache-2.0 */
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "cpumap/core/util.h"

#define READY_MS 5000

/* The descriptors that qmp-proxy finds open; its command line only names paths. */
enum { FD_LISTEN = 3, FD_RELAY, FD_QUESTIONS, FD_READY, FD_END };

struct ends {
	int listen, relay[2], questions[2], ready[2];
};

static void close_fd(int *fd)
{
	cleanup_closep(fd);
	*fd = -1;
}

static void ends_close(struct ends *e)
{
	close_fd(&e->listen);
	for (int i = 0; i < 2; i++) {
		close_fd(&e->relay[i]);
		close_fd(&e->questions[i]);
		close_fd(&e->ready[i]);
	}
}

/* Listens as QEMU does (unix_listen_saddr): what is at the path is removed, and the umask decides
 * the mode. */
static int listen_at(const char *path, size_t len)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = -1;

	if (len >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, len);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (unlink(address.sun_path) < 0 && errno != ENOENT)
		return -errno;
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	if (listen(fd, 1) < 0) {
		int r = -errno;

		(void)unlink(address.sun_path);
		return r;
	}
	return fcntl(fd, F_DUPFD_CLOEXEC, FD_END);
}

/* Moves a descriptor above 0 to 2, which -daemonize replaces, and above those that qmp-proxy
 * gets. */
static bool move_up(int *fd)
{
	int up = fcntl(*fd, F_DUPFD_CLOEXEC, FD_END);

	(void)close(*fd);
	*fd = up;
	return up >= 0;
}

static bool make_pair(int pair[2], bool is_pipe)
{
	int r = is_pipe ? pipe2(pair, O_CLOEXEC)
			: socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair);

	if (r < 0) {
		pair[0] = pair[1] = -1;
		return false;
	}
	return move_up(&pair[0]) && move_up(&pair[1]);
}

/* Closes all other descriptors: libvirt waits for end of file on some of them, and mustn't wait for
 * qmp-proxy. */
static void close_the_rest(void)
{
	long max = sysconf(_SC_OPEN_MAX);

	/* the kernel's name: Debian 11's glibc has no SYS_ name for it */
	if (syscall(__NR_close_range, (unsigned int)FD_END, ~0U, 0U) == 0)
		return;
	for (int fd = FD_END; fd < (max > 0 && max < 65536 ? (int)max : 65536); fd++)
		(void)close(fd);
}

static void __attribute__((noreturn))
become_proxy(const struct ends *e, const char *proxy, const char *table, const char *emulator)
{
	char *const argv[] = {(char *)"qmp-proxy", (char *)table, (char *)emulator, NULL};
	static char *const no_environment[] = {NULL};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t none;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0 ||
	    dup2(e->listen, FD_LISTEN) < 0 || dup2(e->relay[1], FD_RELAY) < 0 ||
	    dup2(e->questions[1], FD_QUESTIONS) < 0 || dup2(e->ready[1], FD_READY) < 0 ||
	    chdir("/") < 0)
		_exit(127);
	close_the_rest();
	(void)execve(proxy, argv, no_environment);
	_exit(127);
}

/* Starts qmp-proxy with two forks, so that it is neither QEMU's child nor libvirt's. */
static int start_proxy(const struct ends *e, const char *proxy, const char *table,
		       const char *emulator)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		(void)setsid();
		pid = fork();
		if (pid == 0)
			become_proxy(e, proxy, table, emulator);
		_exit(pid < 0 ? 1 : 0);
	}
	if (pid < 0)
		return -errno;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return status == 0 ? 0 : -EAGAIN;
}

static int wait_until_ready(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char byte;

	if (poll(&p, 1, READY_MS) <= 0)
		return -ETIMEDOUT;
	return read(fd, &byte, 1) == 1 ? 0 : -EIO;
}

static bool pass_to_qemu(int fd)
{
	return fcntl(fd, F_SETFD, 0) == 0;
}

static int begin(const struct request *r, const char *proxy, const char *table,
		 const char *emulator, struct ends *e)
{
	int rc;

	if (access(proxy, X_OK) < 0)
		return -errno;
	if (!make_pair(e->relay, false) || !make_pair(e->questions, false) ||
	    !make_pair(e->ready, true))
		return -EMFILE;
	e->listen = listen_at(r->socket, r->socket_len);
	if (e->listen < 0)
		return e->listen;
	rc = start_proxy(e, proxy, table, emulator);
	close_fd(&e->ready[1]);
	if (rc == 0)
		rc = wait_until_ready(e->ready[0]);
	if (rc == 0 && (!pass_to_qemu(e->relay[0]) || !pass_to_qemu(e->questions[0])))
		rc = -EIO;
	return rc;
}

/* Removes our socket's file, as QEMU will make its own. */
static void remove_socket(const struct request *r)
{
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];

	if (r->socket_len >= sizeof(path))
		return;
	memcpy(path, r->socket, r->socket_len);
	path[r->socket_len] = '\0';
	(void)unlink(path);
}

int probe_begin(const struct request *r, const char *proxy, const char *table, const char *emulator,
		int *relay, int *questions)
{
	struct ends e = {-1, {-1, -1}, {-1, -1}, {-1, -1}};
	int rc = begin(r, proxy, table, emulator, &e);

	if (rc == 0) {
		*relay = e.relay[0];
		*questions = e.questions[0];
		e.relay[0] = e.questions[0] = -1;
	} else if (e.listen >= 0) {
		remove_socket(r);
	}
	ends_close(&e); /* qmp-proxy, if it was started, ends when its sockets are closed */
	return rc;
}
