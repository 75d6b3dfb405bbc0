/* SPDX-License-Identifier: Apache-2.0 */
#include "libvirtproc.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "cpumap/core/util.h"

#define DRIVER  "/libvirt_driver_qemu.so"
#define LIBRARY "/libvirt.so.0"

static void close_file(FILE **f)
{
	if (*f)
		(void)fclose(*f);
}
#define _cleanup_file_ __attribute__((cleanup(close_file)))

static FILE *open_of(uint64_t pid, const char *name)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%" PRIu64 "/%s", pid, name);
	return fopen(path, "re");
}

/* Calls @look with each line of a process's file in /proc. */
static int each_line(uint64_t pid, const char *name, void (*look)(char *line, void *data),
		     void *data)
{
	_cleanup_file_ FILE *f = open_of(pid, name);
	_cleanup_free_ char *line = NULL;
	size_t size = 0;

	if (!f)
		return -errno;
	while (errno = 0, getline(&line, &size, f) >= 0) {
		line[strcspn(line, "\n")] = '\0';
		look(line, data);
	}
	return feof(f) ? 0 : errno ? -errno : -EIO;
}

/* "(1000 * major + minor).micro" behind the library's name, up to the end or to " (deleted)". 0: it
 * has another form. */
static unsigned long parse_release(const char *text)
{
	size_t abi = strcspn(text, "."), micro = strcspn(text + abi + (text[abi] == '.'), " ");
	uint64_t version, last;

	if (text[abi] != '.' || number_parse(text, abi, 10, 999999, &version) < 0 ||
	    number_parse(text + abi + 1, micro, 10, 999, &last) < 0)
		return 0;
	return (unsigned long)(version * 1000 + last);
}

static void look_at_map(char *line, void *data)
{
	struct mapped *m = data;
	const char *file = strrchr(line, '/');

	if (!file)
		return;
	if (strncmp(file, DRIVER, strlen(DRIVER)) == 0)
		m->driver = true;
	if (strncmp(file, LIBRARY, strlen(LIBRARY)) != 0)
		return;
	m->library = true;
	file += strlen(LIBRARY);
	if (*file == '.' && !m->release)
		m->release = parse_release(file + 1);
}

int mapped_read(uint64_t pid, struct mapped *m)
{
	*m = (struct mapped){0};
	return each_line(pid, "maps", look_at_map, m);
}

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

/* Notes "socket:[INODE]" of libvirt's sockets. In each line the inode is the seventh field, and the
 * path the last one (proc(5)). */
static void look_at_socket(char *line, void *data)
{
	char *inode = line;

	if (!ends_with(line, "/libvirt-sock") && !ends_with(line, "/virtqemud-sock"))
		return;
	for (int field = 1; field < 7; field++) {
		inode += strcspn(inode, " ");
		inode += strspn(inode, " ");
	}
	(void)strv_addf(data, "socket:[%.*s]", (int)strcspn(inode, " "), inode);
}

/* Is one of a process's descriptors one of @sockets? */
static int holds_one(uint64_t pid, const struct strv *sockets)
{
	char path[64], target[64];
	struct dirent *entry;
	bool found = false;
	DIR *dir;

	(void)snprintf(path, sizeof(path), "/proc/%" PRIu64 "/fd", pid);
	dir = opendir(path);
	if (!dir)
		return -errno;
	while (!found && (entry = readdir(dir))) {
		ssize_t n = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);

		target[n > 0 ? n : 0] = '\0';
		found = strv_has(sockets, target);
	}
	(void)closedir(dir);
	return found;
}

int answers_at_socket(uint64_t pid)
{
	_cleanup_strv_ struct strv sockets = {0};
	int rc = each_line(pid, "net/unix", look_at_socket, &sockets);

	return rc < 0 ? rc : sockets.n == 0 ? 0 : holds_one(pid, &sockets);
}

struct credentials {
	uint64_t real, effective, permitted;
	size_t found;
};

/* "Uid:\tREAL\tEFFECTIVE\t..." and "CapPrm:\tHEX" of /proc/PID/status, which everybody may read. */
static void look_at_status(char *line, void *data)
{
	struct credentials *c = data;
	char *real = line + strlen("Uid:\t"), *effective;

	if (strncmp(line, "CapPrm:\t", strlen("CapPrm:\t")) == 0) {
		line += strlen("CapPrm:\t");
		c->found += number_parse(line, strlen(line), 16, UINT64_MAX, &c->permitted) == 0;
	}
	if (strncmp(line, "Uid:\t", strlen("Uid:\t")) != 0)
		return;
	effective = real + strcspn(real, "\t");
	c->found += number_parse(real, (size_t)(effective - real), 10, UINT32_MAX, &c->real) == 0;
	effective += *effective == '\t';
	c->found += number_parse(effective, strcspn(effective, "\t"), 10, UINT32_MAX,
				 &c->effective) == 0;
}

static bool read_credentials(uint64_t pid, struct credentials *c)
{
	*c = (struct credentials){0};
	return each_line(pid, "status", look_at_status, c) == 0 && c->found == 3;
}

bool has_other_credentials(uint64_t pid)
{
	struct credentials its, ours;

	if (!read_credentials(pid, &its) || !read_credentials((uint64_t)getpid(), &ours))
		return false;
	if (ours.effective != 0)
		return its.real != ours.effective && its.effective != ours.effective;
	return pid == 1 && (its.permitted & ~ours.permitted);
}
