/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who calls: libvirt or a person. All ancestors of this process are looked at, from its parent up
 * to the first process of the system or of the PID namespace, as there may be scripts between
 * libvirt and this process.
 *
 * - An ancestor is libvirt's if it has libvirt's QEMU driver mapped, whatever its name is.
 *   libvirt's client library proves nothing: nova-compute and virt-manager have it mapped, too.
 * - The driver can also be built in (--without-driver-modules, as in openSUSE 12.3; the configure
 *   of later releases refuses that, m4/virt-driver-modules.m4). Then an ancestor is libvirt's by its
 *   name, or by libvirt.so and the daemon's socket together.
 * - If none is libvirt's and all could be read, a person calls.
 * - If one can't be read, it may be libvirt's, and the call counts as libvirt's: a person loses
 *   little by that, while libvirt would lose every check. The nearest such process then stands for
 *   the daemon; it is the same one at each step of a guest's start.
 * - libvirt runs hooks with its own credentials. So two kinds of unreadable processes count by
 *   their names: those of another user, where an ordinary user calls, and the first process of a
 *   container, if it has a capability that this process lacks (to read a process one needs all of
 *   its capabilities).
 */
#include "daemon.h"

#include <fcntl.h>
#include <inttypes.h>

#include "cpumap/core/util.h"
#include "libvirtproc.h"

/* The fields behind the name in /proc/PID/stat (proc(5)): state is 3, ppid 4, starttime 22. */
#define FIELDS_TO_PARENT (4 - 3)
#define FIELDS_TO_START  (22 - 3)

/* no chain of scripts is longer */
#define GENERATIONS 256

/* What /proc tells of a process. */
struct stat_line {
	char text[1024];
	const char *name;
	uint64_t parent, start;
};

/* Parses the number in field @n behind the name. Field 0 is the state. */
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

static bool read_stat_at(const char *path, struct stat_line *s)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, s->text, sizeof(s->text) - 1);

	if (n <= 0)
		return false;
	s->text[n] = '\0';
	return parse_stat(s);
}

static bool read_stat(uint64_t pid, struct stat_line *s)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%" PRIu64 "/stat", pid);
	return read_stat_at(path, s);
}

static bool is_daemons_name(const char *name)
{
	static const char *const names[] = {"libvirtd", "virtqemud", "lt-libvirtd", "lt-virtqemud"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strncmp(name, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

enum kind { ORDINARY, LIBVIRTS, UNREADABLE };

static enum kind kind_of(uint64_t pid, const struct stat_line *s)
{
	struct mapped m;
	int answers;

	if (is_daemons_name(s->name))
		return LIBVIRTS;
	if (mapped_read(pid, &m) < 0)
		return has_other_credentials(pid) ? ORDINARY : UNREADABLE;
	if (m.driver || !m.library)
		return m.driver ? LIBVIRTS : ORDINARY;
	answers = answers_at_socket(pid);
	return answers < 0 ? UNREADABLE : answers ? LIBVIRTS : ORDINARY;
}

/* Finds the parent by /proc: getppid's number differs where /proc belongs to an outer namespace. */
static bool find_parent(uint64_t *pid)
{
	struct stat_line s;

	*pid = (uint64_t)getppid();
	if (!read_stat_at("/proc/self/stat", &s))
		return false;
	*pid = s.parent;
	return true;
}

bool daemon_calling(struct daemon *d)
{
	struct stat_line s;
	uint64_t pid;
	bool suspected = !find_parent(&pid);

	*d = (struct daemon){.pid = pid};
	for (size_t i = 0; pid > 0; i++) {
		bool readable = i < GENERATIONS && read_stat(pid, &s);
		enum kind kind = readable ? kind_of(pid, &s) : UNREADABLE;

		if (kind == LIBVIRTS || (kind == UNREADABLE && !suspected))
			*d = (struct daemon){.pid = pid, .start = readable ? s.start : 0};
		if (kind == LIBVIRTS)
			return true;
		suspected |= kind == UNREADABLE;
		if (!readable)
			break;
		pid = s.parent;
	}
	return suspected;
}

bool daemon_is(uint64_t pid, struct daemon *d)
{
	struct stat_line s;

	if (!read_stat(pid, &s) || kind_of(pid, &s) != LIBVIRTS)
		return false;
	*d = (struct daemon){.pid = pid, .start = s.start};
	return true;
}

void daemon_name(const struct daemon *d, char *buf, size_t size)
{
	struct stat_line s;

	(void)snprintf(buf, size, "%s",
		       read_stat(d->pid, &s) && strstr(s.name, "virtqemud") ? "virtqemud"
									    : "libvirtd");
}

void daemon_at(uint64_t pid, struct daemon *d)
{
	struct stat_line s;

	*d = (struct daemon){.pid = pid, .start = read_stat(pid, &s) ? s.start : 0};
}

unsigned long daemon_release(const struct daemon *d)
{
	struct mapped m;

	return mapped_read(d->pid, &m) == 0 ? m.release : 0;
}

bool daemon_same(const struct daemon *a, const struct daemon *b)
{
	return a->pid == b->pid && a->start == b->start;
}
