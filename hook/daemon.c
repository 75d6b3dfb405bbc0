/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon.h"

#include <fcntl.h>

#include "cpumap/util.h"

/* The fields behind the name in /proc/PID/stat (proc(5)): state is field 3, starttime 22. */
#define FIELDS_TO_START (22 - 3)

#define MAPS_LIMIT ((size_t)4 << 20)

/* "PID (NAME) STATE ...": a name may hold spaces and parentheses, the numbers behind it don't. */
static bool parse_stat(char *stat, struct daemon *d)
{
	char *name = strchr(stat, '('), *end = strrchr(stat, ')'), *field;

	if (!name || !end || end < name)
		return false;
	*end = '\0';
	if (strcmp(name + 1, "libvirtd") != 0 && strcmp(name + 1, "virtqemud") != 0)
		return false;
	field = end + 1;
	for (size_t i = 0; i <= FIELDS_TO_START && field; i++)
		field = strchr(field + (i > 0), ' ');
	return field &&
	       number_parse(field + 1, strcspn(field + 1, " "), 10, UINT64_MAX, &d->start) == 0;
}

bool daemon_read(int pid, struct daemon *d)
{
	char path[64], stat[1024];
	_cleanup_close_ int fd = -1;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, stat, sizeof(stat) - 1);
	if (pid <= 0 || n <= 0)
		return false;
	stat[n] = '\0';
	d->pid = (uint64_t)pid;
	return parse_stat(stat, d);
}

/* "MMMmmm.r" behind the library's name, up to the end of the line or " (deleted)"; 0: it isn't
 * that.
 */
static unsigned long parse_release(const char *text)
{
	size_t abi = strcspn(text, ".\n"), micro = strcspn(text + abi + (text[abi] == '.'), " \n");
	uint64_t version, last;

	if (text[abi] != '.' || number_parse(text, abi, 10, 999999, &version) < 0 ||
	    number_parse(text + abi + 1, micro, 10, 999, &last) < 0)
		return 0;
	return (unsigned long)(version * 1000 + last);
}

unsigned long daemon_release(const struct daemon *d)
{
	static const char library[] = "/libvirt.so.0.";
	_cleanup_free_ char *maps = NULL;
	_cleanup_close_ int fd = -1;
	unsigned long release = 0;
	char path[64];
	size_t len;

	(void)snprintf(path, sizeof(path), "/proc/%d/maps", (int)d->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fd_read_all(fd, MAPS_LIMIT, &maps, &len) < 0)
		return 0;
	for (const char *at = maps; !release && (at = strstr(at, library));) {
		at += strlen(library);
		release = parse_release(at);
	}
	return release;
}

bool daemon_same(const struct daemon *a, const struct daemon *b)
{
	return a->pid == b->pid && a->start == b->start;
}
