/* SPDX-License-Identifier: Apache-2.0 */
/* What a path holds: a text with hosts, or a directory of them. */
#include "read.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "cpumap/core/util.h"
#include "stem.h"
#include "text.h"

#define DEPTH_MAX 32 /* of directories */

/* ---- a file ---- */

struct file {
	const char *name;
	int fd;
};

static ssize_t fill_from_file(void *source, char *buf, size_t size, struct error *err)
{
	const struct file *f = source;
	ssize_t n;

	do
		n = read(f->fd, buf, size);
	while (n < 0 && errno == EINTR);
	return n < 0 ? error_set(err, -errno, f->name, 0, "can't be read: %s", strerror(errno)) : n;
}

static int read_file(struct read *r, const char *name, int fd, const char *relative,
		     struct error *err)
{
	_cleanup_free_ char *stem = stem_of(relative);
	struct file f = {name, fd};
	const struct text_source from = {name, stem, fill_from_file, &f};

	return stem ? text_read(r, &from, err) : error_set(err, -ENOMEM, name, 0, "out of memory");
}

/* An error that one file has: reading goes on if the caller takes those. */
static int skip_bad(struct read *r, int result, struct error *err)
{
	if (result >= 0 || !r->bad)
		return result;
	r->bad(err, r->data);
	return 0;
}

/* ---- a directory ---- */

static int list(const char *path, struct strv *names, struct error *err)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int r = 0;

	if (!dir)
		return error_set(err, -errno, path, 0, "can't be read: %s", strerror(errno));
	while (r == 0 && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			r = strv_add(names, entry->d_name, strlen(entry->d_name));
	(void)closedir(dir);
	if (r < 0)
		return error_set(err, r, path, 0, "out of memory");
	strv_sort(names);
	return 0;
}

static int read_directory(struct read *r, const char *path, size_t top, int depth,
			  struct error *err);

/* Does a link lead into the directory that was asked for, which is @top bytes of @path and is read anyhow? */
static bool leads_back(const char *path, size_t top)
{
	_cleanup_free_ char *asked = strndup(path, top), *to = realpath(path, NULL);
	_cleanup_free_ char *from = asked ? realpath(asked, NULL) : NULL;
	size_t len = from ? strlen(from) : 0;

	return from && to && strncmp(to, from, len) == 0 && (!to[len] || to[len] == '/');
}

/* What stands in a directory. @top: so many bytes in front of its path belong to the directory that was
 * asked for. */
static int read_entry(struct read *r, const char *path, size_t top, int depth, struct error *err)
{
	/* a named pipe that nobody writes to doesn't hold us up */
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st, link;

	if (fd < 0 || fstat(fd, &st) < 0 || lstat(path, &link) < 0)
		return skip_bad(
			r, error_set(err, -errno, path, 0, "can't be read: %s", strerror(errno)),
			err);
	if (S_ISDIR(st.st_mode) && S_ISLNK(link.st_mode))
		return leads_back(path, top)
			       ? 0
			       : skip_bad(r,
					  error_set(
						  err, -ELOOP, path, 0,
						  "a link to a directory elsewhere; name that one"),
					  err);
	if (S_ISDIR(st.st_mode))
		return read_directory(r, path, top, depth + 1, err);
	if (!S_ISREG(st.st_mode))
		return skip_bad(r, error_set(err, -EINVAL, path, 0, "isn't a file"), err);
	return read_file(r, path, fd, path + top, err);
}

static int read_directory(struct read *r, const char *path, size_t top, int depth,
			  struct error *err)
{
	_cleanup_strv_ struct strv names = {0};
	int result = depth > DEPTH_MAX ? error_set(err, -ELOOP, path, 0,
						   "is more than %d directories deep", DEPTH_MAX)
				       : list(path, &names, err);

	if (result < 0)
		return skip_bad(r, result, err);
	for (size_t i = 0; i < names.n && result == 0; i++) {
		_cleanup_free_ char *entry = NULL;

		if (asprintf(&entry, "%s/%s", path, names.item[i]) < 0) {
			entry = NULL;
			return error_set(err, -ENOMEM, path, 0, "out of memory");
		}
		result = read_entry(r, entry, top, depth, err);
	}
	return result;
}

/* ---- what the caller names ---- */

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

int read_path(struct read *r, const char *path, struct error *err)
{
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (strcmp(path, "-") == 0)
		return read_file(r, "standard input", STDIN_FILENO, "stdin", err);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0)
		return skip_bad(
			r, error_set(err, -errno, path, 0, "can't be read: %s", strerror(errno)),
			err);
	if (S_ISDIR(st.st_mode)) {
		size_t n_before = r->n_hosts;
		int result = read_directory(r, path, strlen(path) + 1, 0, err);

		if (result == 0 && r->n_hosts == n_before)
			result = skip_bad(
				r, error_set(err, -EINVAL, path, 0, "a directory without hosts"),
				err);
		return result;
	}
	return read_file(r, path, fd, base_name(path), err);
}

/* ---- memory ---- */

struct memory {
	const char *text;
	size_t len;
};

static ssize_t fill_from_memory(void *source, char *buf, size_t size, struct error *err)
{
	struct memory *m = source;
	size_t n = m->len < size ? m->len : size;

	(void)err;
	memcpy(buf, m->text, n);
	m->text += n;
	m->len -= n;
	return (ssize_t)n;
}

int read_text(struct read *r, const char *name, const char *text, size_t len, struct error *err)
{
	_cleanup_free_ char *stem = stem_of(name);
	struct memory m = {text, len};
	const struct text_source from = {name, stem, fill_from_memory, &m};

	return stem ? text_read(r, &from, err) : error_set(err, -ENOMEM, name, 0, "out of memory");
}
