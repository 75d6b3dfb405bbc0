/* SPDX-License-Identifier: Apache-2.0 */
/* Growing text, lists of strings, files: what libc doesn't have. */
#include "util.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

static bool text_reserve(struct text *t, size_t more)
{
	size_t need;
	char *grown;

	if (t->failed)
		return false;
	if (__builtin_add_overflow(t->len, more, &need) || __builtin_add_overflow(need, 1, &need)) {
		t->failed = true;
		return false;
	}
	if (need <= t->room)
		return true;
	if (need < 2 * t->room)
		need = 2 * t->room;
	grown = realloc(t->data, need);
	if (!grown) {
		t->failed = true;
		return false;
	}
	t->data = grown;
	t->room = need;
	return true;
}

void text_add(struct text *t, const char *data, size_t len)
{
	if (!text_reserve(t, len))
		return;
	if (len)
		memcpy(t->data + t->len, data, len);
	t->len += len;
	t->data[t->len] = '\0';
}

void text_adds(struct text *t, const char *str)
{
	text_add(t, str, strlen(str));
}

void text_addf(struct text *t, const char *fmt, ...)
{
	_cleanup_free_ char *s = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	if (n < 0) {
		s = NULL;
		t->failed = true;
		return;
	}
	text_add(t, s, (size_t)n);
}

void text_free(struct text *t)
{
	free(t->data);
	*t = (struct text){0};
}

int strv_add(struct strv *v, const char *s, size_t len)
{
	char **grown = reallocarray(v->item, v->n + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	v->item = grown;
	v->item[v->n] = strndup(s, len);
	if (!v->item[v->n])
		return -ENOMEM;
	v->n++;
	return 0;
}

int strv_vaddf(struct strv *v, const char *fmt, va_list ap)
{
	_cleanup_free_ char *s = NULL;
	int n;

	if (!v)
		return 0;
	n = vasprintf(&s, fmt, ap);
	if (n < 0) {
		s = NULL;
		return -ENOMEM;
	}
	return strv_add(v, s, (size_t)n);
}

int strv_addf(struct strv *v, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = strv_vaddf(v, fmt, ap);
	va_end(ap);
	return r;
}

bool strv_has(const struct strv *v, const char *s)
{
	for (size_t i = 0; i < v->n; i++)
		if (strcmp(v->item[i], s) == 0)
			return true;
	return false;
}

static int compare_strings(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void strv_sort(struct strv *v)
{
	size_t last = 0;

	if (v->n == 0)
		return;
	qsort(v->item, v->n, sizeof(*v->item), compare_strings);
	for (size_t i = 1; i < v->n; i++) {
		if (strcmp(v->item[last], v->item[i]) == 0)
			free(v->item[i]);
		else
			v->item[++last] = v->item[i];
	}
	v->n = last + 1;
}

void strv_free(struct strv *v)
{
	for (size_t i = 0; i < v->n; i++)
		free(v->item[i]);
	free(v->item);
	*v = (struct strv){0};
}

int fd_read_all(int fd, size_t limit, char **data, size_t *len)
{
	_cleanup_text_ struct text t = {0};

	for (;;) {
		ssize_t n;

		if (!text_reserve(&t, 65536))
			return -ENOMEM;
		n = read(fd, t.data + t.len, 65536);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		t.len += (size_t)n;
		if (t.len > limit)
			return -EFBIG;
	}
	t.data[t.len] = '\0';
	*len = t.len;
	*data = steal_pointer(&t.data);
	return 0;
}

static int judge_file(int fd, enum trust trust, const char *path, struct error *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return error_set(err, -errno, path, 0, "%s", strerror(errno));
	if (S_ISDIR(st.st_mode) || (!S_ISREG(st.st_mode) && trust != TRUST_NAMED))
		return error_set(err, -EINVAL, path, 0, "not a regular file");
	if (trust != TRUST_OWNER)
		return 0;
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return error_set(err, -EPERM, path, 0,
				 "belongs to uid %u, so it isn't believed: chown it to root",
				 (unsigned int)st.st_uid);
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return error_set(err, -EPERM, path, 0,
				 "others may write it, so it isn't believed: chmod go-w");
	return 0;
}

int file_open(const char *path, enum trust trust, int *fd, struct error *err)
{
	/* a fifo in the place of a file that nobody named must not hang us */
	int wait = trust == TRUST_NAMED ? 0 : O_NONBLOCK;

	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | wait);
	if (*fd < 0)
		return error_set(err, -errno, path, 0, "%s", strerror(errno));
	return judge_file(*fd, trust, path, err);
}

int file_read(const char *path, enum trust trust, size_t limit, char **data, size_t *len,
	      struct error *err)
{
	_cleanup_close_ int fd = -1;
	int r = file_open(path, trust, &fd, err);

	if (r < 0)
		return r;
	r = fd_read_all(fd, limit, data, len);
	if (r == -EFBIG)
		return error_set(err, r, path, 0, "larger than %zu bytes", limit);
	if (r < 0)
		return error_set(err, r, path, 0, "%s", strerror(-r));
	return 0;
}

void open_standard_files(int flags)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", flags) < 0)
			return;
}

int fd_write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

int sync_directory(const char *path)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *dir = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	_cleanup_close_ int fd = -1;

	if (!dir)
		return -ENOMEM;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

bool file_has(const char *path, const char *data, size_t len)
{
	_cleanup_free_ char *old = NULL;
	size_t old_len = 0;

	return file_read(path, TRUST_ANY, len, &old, &old_len, NULL) == 0 && old_len == len &&
	       memcmp(old, data, len) == 0;
}

static int write_temporary(int fd, mode_t mode, const char *data, size_t len)
{
	int r = fd_write_all(fd, data, len);

	if (r < 0)
		return r;
	if (fchmod(fd, mode) < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

int file_write_beside(const char *path, mode_t mode, const char *data, size_t len, char **beside,
		      struct error *err)
{
	_cleanup_free_ char *tmp = NULL;
	int fd, r;

	if (asprintf(&tmp, "%s.cpushim-XXXXXX", path) < 0) {
		tmp = NULL;
		return error_set(err, -ENOMEM, path, 0, "out of memory");
	}
	fd = mkostemp(tmp, O_CLOEXEC);
	if (fd < 0)
		return error_set(err, -errno, path, 0, "can't be written: %s", strerror(errno));
	r = write_temporary(fd, mode, data, len);
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r < 0) {
		(void)unlink(tmp);
		return error_set(err, r, path, 0, "can't be written: %s", strerror(-r));
	}
	*beside = steal_pointer(&tmp);
	return 0;
}

int file_write(const char *path, mode_t mode, const char *data, size_t len, bool *changed,
	       struct error *err)
{
	_cleanup_free_ char *tmp = NULL;
	int r;

	if (changed) {
		*changed = !file_has(path, data, len);
		if (!*changed)
			return 0;
	}
	r = file_write_beside(path, mode, data, len, &tmp, err);
	if (r < 0)
		return r;
	if (rename(tmp, path) < 0) {
		r = -errno;
		(void)unlink(tmp);
		return error_set(err, r, path, 0, "can't be written: %s", strerror(-r));
	}
	r = sync_directory(path);
	if (r < 0)
		return error_set(err, r, path, 0, "directory can't be synced: %s", strerror(-r));
	return 0;
}

int number_parse(const char *s, size_t len, int base, uint64_t max, uint64_t *value)
{
	char copy[32];
	unsigned long long v;
	char *end;

	if (len == 0 || len >= sizeof(copy))
		return -EINVAL;
	/* strtoull takes a sign and leading space: a number here has neither */
	if (!((s[0] >= '0' && s[0] <= '9') || (base == 16 && strchr("abcdefABCDEF", s[0]))))
		return -EINVAL;
	memcpy(copy, s, len);
	copy[len] = '\0';
	/* base 0: "010" would be octal, which is never meant in a CPU model */
	if (base == 0)
		base = len > 2 && copy[0] == '0' && (copy[1] == 'x' || copy[1] == 'X') ? 16 : 10;
	errno = 0;
	v = strtoull(copy, &end, base);
	if (end != copy + len)
		return -EINVAL;
	if (errno || v > max)
		return -ERANGE;
	*value = v;
	return 0;
}

char *root_path(const char *path)
{
	const char *root = getenv("CPUSHIM_ROOT");
	char *full;

	if (asprintf(&full, "%s%s", root ? root : "", path) < 0)
		return NULL;
	return full;
}

bool root_is_another(void)
{
	const char *root = getenv("CPUSHIM_ROOT");

	return root && *root;
}
