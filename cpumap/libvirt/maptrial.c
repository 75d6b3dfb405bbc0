/* SPDX-License-Identifier: Apache-2.0 */
#include "maptrial.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "cpumap/core/util.h"

#define VIRSH         "/usr/bin/virsh"
#define TRIAL_SECONDS 60

static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* @command: virsh's command and its argument: cpu-models x86_64, cpu-baseline FILE */
static void __attribute__((noreturn)) become_virsh(const char *const command[2])
{
	const char *const argv[] = {"virsh",    "-q",       "-c", "test:///default",
				    command[0], command[1], NULL};
	static char *const environment[] = {"LC_ALL=C", "PATH=/usr/bin:/bin", "HOME=/", NULL};

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)alarm(TRIAL_SECONDS); /* survives the exec */
	(void)execve(VIRSH, (char *const *)argv, environment);
	dprintf(2, "%s: %s", VIRSH, strerror(errno));
	_exit(127);
}

/* Runs in a child. Nobody else sees the trial's mount, unless / isn't a mount point (a chroot):
 * then the mount can't be made private, and it is removed after the trial. */
static void __attribute__((noreturn))
try_mounted(const char *staged, const char *include, const char *const command[2], int out)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int status;
	pid_t pid;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		_exit(127);
	if (unshare(CLONE_NEWNS) < 0 ||
	    (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 && errno != EINVAL) ||
	    mount(staged, include, NULL, MS_BIND, NULL) < 0) {
		dprintf(2, "can't make a mount namespace: %s", strerror(errno));
		_exit(126);
	}
	pid = fork();
	if (pid == 0)
		become_virsh(command);
	status = pid < 0 ? 127 : wait_for(pid);
	(void)umount2(include, MNT_DETACH);
	_exit(status < 0 ? 127 : status);
}

bool maptrial_possible(void)
{
	return access(VIRSH, X_OK) == 0;
}

/* @answer: what virsh said, if it succeeded */
static int run_trial(const char *staged, const char *include, const char *const command[2],
		     char **answer, struct error *err)
{
	_cleanup_free_ char *words = NULL;
	_cleanup_close_ int read_end = -1;
	char shown[512];
	size_t len = 0;
	int out[2], status;
	pid_t pid;

	if (access(VIRSH, X_OK) < 0)
		return error_set(err, -errno, VIRSH, 0, "%s", strerror(errno));
	if (pipe2(out, O_CLOEXEC) < 0)
		return error_set(err, -errno, VIRSH, 0, "pipe: %s", strerror(errno));
	read_end = out[0];
	pid = fork();
	if (pid == 0)
		try_mounted(staged, include, command, out[1]);
	(void)close(out[1]);
	if (pid < 0)
		return error_set(err, -EAGAIN, VIRSH, 0, "can't fork");
	(void)fd_read_all(read_end, 1 << 20, &words, &len);
	status = wait_for(pid);
	if (status == 0) {
		if (answer)
			*answer = words ? steal_pointer(&words) : strdup("");
		return !answer || *answer ? 0 : error_set(err, -ENOMEM, VIRSH, 0, "out of memory");
	}
	while (len && words[len - 1] == '\n')
		len--;
	return error_set(err, status == 1 ? -EINVAL : -EIO, include, 0,
			 "libvirt doesn't take it: %s",
			 text_escape(shown, sizeof(shown), words ? words : "", len));
}

int maptrial(const char *staged, const char *include, struct error *err)
{
	return run_trial(staged, include, (const char *const[]){"cpu-models", "x86_64"}, NULL, err);
}

int maptrial_baseline(const char *staged, const char *path, const char *cpus, char **answer,
		      struct error *err)
{
	return run_trial(staged, path, (const char *const[]){"cpu-baseline", cpus}, answer, err);
}
