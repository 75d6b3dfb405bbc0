/* SPDX-License-Identifier: Apache-2.0 */
#include "domainlog.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "cpumap/core/util.h"
#include "hook/core/domainfile.h"

/* How much of a log's end is read. */
#define LOG_TAIL ((off_t)64 << 10)

/* The last bytes of a file; the first line may be cut. */
static char *read_tail(const char *path, size_t *len)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	char *text = NULL;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return NULL;
	if (st.st_size > LOG_TAIL && lseek(fd, st.st_size - LOG_TAIL, SEEK_SET) < 0)
		return NULL;
	return fd_read_all(fd, 2 * (size_t)LOG_TAIL, &text, len) == 0 ? text : NULL;
}

/* Does the line begin with libvirt's time stamp, as in "2026-11-24 19:12:15.462+0000: shutting
 * down, reason=failed"? QEMU's time stamps (-msg timestamp=on) have a T between date and time. */
static bool is_libvirts(const char *line)
{
	static const char shape[] = "0000-00-00 00:00:00.000+0000: ";

	for (size_t i = 0; shape[i]; i++)
		if (shape[i] == '0' ? line[i] < '0' || line[i] > '9' : line[i] != shape[i])
			return false;
	return true;
}

/* Lines of the environment and of arguments end in a backslash. The last one doesn't, but it begins
 * with a dash. */
char *domainlog_last_words(const char *name)
{
	_cleanup_free_ char *path = NULL, *text = NULL;
	char *rest, *line;
	const char *last = NULL;
	size_t len = 0;

	if (domainfile_path(&path, DOMAINFILE_LOG, name, 0) < 0)
		return NULL;
	rest = text = read_tail(path, &len);
	while ((line = strsep(&rest, "\n"))) {
		if (is_libvirts(line))
			last = strstr(line, ": starting up libvirt") ? NULL : last;
		else if (*line && *line != '-' && line[strlen(line) - 1] != '\\')
			last = line;
	}
	return last ? strdup(last) : NULL;
}
