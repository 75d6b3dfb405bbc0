/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon.h"

#include <fcntl.h>
#include <inttypes.h>

#include "cpumap/util.h"

/* The fields behind the name in /proc/PID/stat (proc(5)): state is 3, ppid 4, starttime 22. */
#define FIELDS_TO_PARENT (4 - 3)
#define FIELDS_TO_START  (22 - 3)

/* scripts between libvirt and the hook; more than any site has */
#define GENERATIONS 32

#define MAPS_LIMIT ((size_t)4 << 20)

/* What /proc tells of a process. */
struct stat_line {
	char text[1024];
	const char *name;
	uint64_t parent, start;
};

/* The number that is field @n behind the name, whose first is the state. */
static bool parse_field(const char *behind, size_t n, uint64_t *number)
{
	for (size_t i = 0; i <= n && behind; i++)
		behind = strchr(behind + (i > 0), ' ');
	return behind &&
	       number_parse(behind + 1, strcspn(behind + 1, " "), 10, UINT64_MAX, number) == 0;
}

/* "PID (NAME) STATE ...": a name may hold spaces and parentheses, the numbers behind it don't. */
static bool parse_stat(struct stat_line *s)
{
	char *name = strchr(s->text, '('), *end = strrchr(s->text, ')');

	if (!name || !end || end < name)
		return false;
	*end = '\0';
	s->name = name + 1;
	return parse_field(end + 1, FIELDS_TO_PARENT, &s->parent) &&
	       parse_field(end + 1, FIELDS_TO_START, &s->start);
}

static bool read_stat(uint64_t pid, struct stat_line *s)
{
	char path[64];
	_cleanup_close_ int fd = -1;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%" PRIu64 "/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, s->text, sizeof(s->text) - 1);
	if (n <= 0)
		return false;
	s->text[n] = '\0';
	return parse_stat(s);
}

static bool is_daemon(const char *name)
{
	return strcmp(name, "libvirtd") == 0 || strcmp(name, "virtqemud") == 0;
}

static bool take(struct daemon *d, uint64_t pid, const struct stat_line *s)
{
	if (!is_daemon(s->name))
		return false;
	*d = (struct daemon){.pid = pid, .start = s->start};
	return true;
}

bool daemon_read(uint64_t pid, struct daemon *d)
{
	struct stat_line s;

	return read_stat(pid, &s) && take(d, pid, &s);
}

bool daemon_calling(struct daemon *d)
{
	uint64_t pid = (uint64_t)getppid();
	struct stat_line s;

	for (size_t i = 0; i < GENERATIONS && pid > 0 && read_stat(pid, &s); i++) {
		if (take(d, pid, &s))
			return true;
		pid = s.parent;
	}
	return false;
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
