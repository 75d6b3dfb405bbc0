/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A libvirt.so.0 that answers what /run/libvirt-says prints (libvirt.bash, fake_libvirt). That is asked
 *	open URI | models ARCH | baseline NUMBER-OF-CPUS
 * Exit status 0: its output is the answer; 99: the library crashes; any other: its output is libvirt's
 * error. -DOLD=1: without virConnectGetCPUModelNames, as before 1.1.3.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

struct error {
	int code;
	int domain;
	char *message;
};

static char said[65536];
static struct error last;

static int ask(const char *what, const char *arg)
{
	char command[512];
	size_t len = 0;
	FILE *f;
	int status;

	(void)snprintf(command, sizeof(command), "exec /run/libvirt-says %s '%s' 2>&1", what, arg);
	f = popen(command, "r");
	if (f)
		len = fread(said, 1, sizeof(said) - 1, f);
	said[len] = '\0';
	status = f ? pclose(f) : -1;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 99)
		abort();
	last = (struct error){.code = 1, .message = said};
	return status == 0 ? 0 : -1;
}

void virSetErrorFunc(void *data, void (*handler)(void *, struct error *));
struct error *virGetLastError(void);
void *virConnectOpenAuth(const char *uri, void *auth, unsigned int flags);
int virConnectClose(void *conn);
int virGetVersion(unsigned long *library, const char *type, unsigned long *type_version);
int virConnectGetCPUModelNames(void *conn, const char *arch, char ***names, unsigned int flags);
char *virConnectBaselineCPU(void *conn, const char **cpus, unsigned int n, unsigned int flags);

void virSetErrorFunc(void *data, void (*handler)(void *, struct error *))
{
	(void)data;
	(void)handler;
}

struct error *virGetLastError(void)
{
	return &last;
}

void *virConnectOpenAuth(const char *uri, void *auth, unsigned int flags)
{
	(void)auth;
	(void)flags;
	return ask("open", uri) == 0 ? said : NULL;
}

int virConnectClose(void *conn)
{
	(void)conn;
	return 0;
}

int virGetVersion(unsigned long *library, const char *type, unsigned long *type_version)
{
	(void)type;
	(void)type_version;
	*library = 4006000;
	return 0;
}

#ifndef OLD
int virConnectGetCPUModelNames(void *conn, const char *arch, char ***names, unsigned int flags)
{
	int n = 0;

	(void)conn;
	(void)flags;
	if (ask("models", arch) < 0)
		return -1;
	*names = calloc(sizeof(said), sizeof(char *));
	for (char *line = strtok(said, "\n"); line; line = strtok(NULL, "\n"))
		(*names)[n++] = strdup(line);
	return n;
}
#endif

char *virConnectBaselineCPU(void *conn, const char **cpus, unsigned int n, unsigned int flags)
{
	char number[16];

	(void)conn;
	(void)cpus;
	(void)flags;
	(void)snprintf(number, sizeof(number), "%u", n);
	return ask("baseline", number) == 0 ? strdup(said) : NULL;
}
