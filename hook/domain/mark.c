/* SPDX-License-Identifier: Apache-2.0 */
#include "mark.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "cpumap/core/task.h"
#include "cpumap/core/util.h"
#include "cpumap/libvirt/libvirtapi.h"

#define PREFIX "shim"

/* The pause between two attempts: it begins with the first and doubles up to the second. */
#define FIRST_PAUSE_MS 20
#define LAST_PAUSE_MS  1000

/* Without close_range only descriptors up to here are closed: there could be a thousand million. */
#define FDS_MAX 65536

bool mark_has(const struct domain *d, const char *model)
{
	return d->mark_model && d->mark_digest && strcmp(d->mark_model, model) == 0;
}

bool mark_is(const struct domain *d, const char *model, const char *digest)
{
	return mark_has(d, model) && strcmp(d->mark_digest, digest) == 0;
}

/* ---- the process that sets it ---- */

/* Closes all descriptors. libvirt waits until nobody holds the hook's output, and a guest's start
 * may have left other descriptors. */
static void drop_descriptors(void)
{
	struct rlimit limit = {.rlim_cur = 1024};
	int null;

	(void)getrlimit(RLIMIT_NOFILE, &limit);
	/* a call of Linux 5.9; glibc 2.31 has neither it nor SYS_close_range */
	if (syscall(__NR_close_range, 0, ~0u, 0) < 0)
		for (rlim_t fd = 0; fd < limit.rlim_cur && fd < FDS_MAX; fd++)
			(void)close((int)fd);
	null = open("/dev/null", O_RDWR);
	while (null >= 0 && null < STDERR_FILENO)
		null = dup(null);
}

static void __attribute__((noreturn)) become_marker(char **argv)
{
	(void)setsid();
	/* so it is neither a session's leader nor this process's child */
	if (fork() != 0)
		_exit(0);
	task_reset_signals();
	drop_descriptors();
	if (chdir("/") == 0)
		(void)execv("/proc/self/exe", argv);
	_exit(127);
}

void mark_start(const char *uuid, const char *model, const char *digest,
		const struct daemon *daemon)
{
	char caller[64];
	char *argv[] = {(char *)"cpushim", (char *)"mark", caller,         (char *)"--",
			(char *)uuid,      (char *)model,  (char *)digest, NULL};
	pid_t pid;

	(void)snprintf(caller, sizeof(caller), "--libvirt=%" PRIu64, daemon->pid);
	pid = fork();
	if (pid == 0)
		become_marker(argv);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* ---- setting it ---- */

static int try_once(const char *uuid, const char *xml, struct error *err)
{
	_cleanup_libvirt_ struct libvirt *l = NULL;
	int r = libvirt_open(&l, LIBVIRT_SYSTEM_URI, err);

	return r < 0 ? r : libvirt_set_metadata(l, uuid, xml, PREFIX, MARK_NAMESPACE, err);
}

static void pause_ms(unsigned int ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

	(void)nanosleep(&t, NULL);
}

static bool lives(const struct daemon *daemon)
{
	struct daemon now;

	daemon_at(daemon->pid, &now);
	return now.start && daemon_same(&now, daemon);
}

int mark_set(const char *uuid, const char *model, const char *digest, const struct daemon *daemon,
	     struct error *err)
{
	_cleanup_free_ char *xml = NULL;
	unsigned int pause = FIRST_PAUSE_MS;
	int r;

	/* neither has a character that XML would escape */
	if (asprintf(&xml, "<cpu model='%s' digest='%s'/>", model, digest) < 0) {
		xml = NULL;
		return error_set(err, -ENOMEM, NULL, 0, "out of memory");
	}
	/* without a connection the daemon may be busy, too */
	while ((r = try_once(uuid, xml, err)) == -EAGAIN || r == -ECONNREFUSED) {
		if (!lives(daemon))
			return -ECONNREFUSED;
		pause_ms(pause);
		pause = pause * 2 < LAST_PAUSE_MS ? pause * 2 : LAST_PAUSE_MS;
	}
	return r;
}
