/* SPDX-License-Identifier: Apache-2.0 */
#include "record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "cpumap/core/paths.h"
#include "cpumap/core/util.h"

#define FORMAT       "cpushim-record 1\n"
#define RECORD_LIMIT 65536

static const char *const phases[] = {
	[RECORD_REQUEST] = "request",
	[RECORD_ARRIVAL] = "arrival",
	[RECORD_REFUSED] = "refused",
};

bool uuid_valid(const char *uuid, size_t len)
{
	if (len != UUID_LEN)
		return false;
	for (size_t i = 0; i < len; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? uuid[i] != '-' : !strchr("0123456789abcdef", uuid[i]) || !uuid[i])
			return false;
	}
	return true;
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The 32 digits of a UUID, without what is between them. False: it isn't a UUID. */
static bool uuid_digits(const char *text, size_t len, char digits[32])
{
	size_t n = 0, at = 0;

	while (at < len && is_space(text[at]))
		at++;
	for (; at < len && n < 32; at++) {
		const char *hex = "0123456789abcdef", *found;

		if (n % 2 == 0 && (text[at] == '-' || text[at] == ' '))
			continue;
		found = memchr(hex, text[at] >= 'A' && text[at] <= 'F' ? text[at] | 0x20 : text[at],
			       16);
		if (!found)
			return false;
		digits[n++] = *found;
	}
	while (at < len && is_space(text[at]))
		at++;
	return n == 32 && at == len;
}

bool uuid_parse(const char *text, size_t len, char uuid[UUID_LEN + 1])
{
	char digits[32];

	uuid[0] = '\0';
	if (!uuid_digits(text, len, digits))
		return false;
	(void)snprintf(uuid, UUID_LEN + 1, "%.8s-%.4s-%.4s-%.4s-%.12s", digits, digits + 8,
		       digits + 12, digits + 16, digits + 20);
	return true;
}

static char *path_of(const char *uuid)
{
	_cleanup_free_ char *dir = root_path(RECORD_DIR);
	char *path = NULL;

	if (!dir || !uuid_valid(uuid, strlen(uuid)) || asprintf(&path, "%s/%s", dir, uuid) < 0)
		return NULL;
	return path;
}

bool record_exists(const char *uuid)
{
	_cleanup_free_ char *path = path_of(uuid);
	struct stat st;

	return path && lstat(path, &st) == 0 && !S_ISDIR(st.st_mode);
}

int record_remove(const char *uuid)
{
	_cleanup_free_ char *path = path_of(uuid);

	if (!path)
		return -EINVAL;
	return unlink(path) == 0 || errno == ENOENT ? 0 : -errno;
}

uint64_t record_clock(void)
{
	struct timespec now = {0};

	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec;
}

bool record_arrives(const char *uuid, const struct daemon *daemon)
{
	uint64_t now = record_clock();
	struct record r;

	return record_read(uuid, &r, NULL) == 0 && r.phase != RECORD_REQUEST &&
	       daemon_same(&r.daemon, daemon) && r.time <= now && now - r.time < ARRIVAL_SECONDS;
}

static int make_dir(struct error *err)
{
	_cleanup_free_ char *dir = root_path(RECORD_DIR);
	_cleanup_free_ char *run = root_path("/run");
	struct stat st;

	if (!dir || !run)
		return error_set(err, -ENOMEM, RECORD_DIR, 0, "out of memory");
	/* a staged root may have no /run */
	(void)mkdir(run, 0755);
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return error_set(err, -errno, dir, 0, "can't be made: %s", strerror(errno));
	/* another owner could replace our records */
	if (lstat(dir, &st) < 0 || !S_ISDIR(st.st_mode) || st.st_uid != geteuid() ||
	    (st.st_mode & (S_IWGRP | S_IWOTH)))
		return error_set(err, -EPERM, dir, 0,
				 "isn't a directory of uid %u alone; remove it",
				 (unsigned int)geteuid());
	return 0;
}

static void add_set(struct text *t, const char *key, const struct featset *set)
{
	text_addf(t, "%s=", key);
	featset_print(t, set, ",");
	text_adds(t, "\n");
}

static void print(struct text *t, const struct record *r)
{
	text_addf(t, FORMAT "phase=%s\nmodel=%s\ndigest=%s\nvendor=%s\n", phases[r->phase],
		  r->model, r->digest, r->vendor);
	if (r->phase != RECORD_REQUEST)
		text_addf(t, "daemon=%" PRIu64 "\nstart=%" PRIu64 "\ntime=%" PRIu64 "\n",
			  r->daemon.pid, r->daemon.start, r->time);
	text_addf(t, "other=%s\n", r->own.other);
	add_set(t, "optional", &r->own.optional);
	add_set(t, "on", &r->own.on);
	add_set(t, "off", &r->own.off);
}

int record_write(const char *uuid, const char *name, const struct record *r, struct error *err)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_text_ struct text t = {0};
	int rc;

	if (!uuid || !uuid_valid(uuid, strlen(uuid)))
		return error_set(err, -EINVAL, name, 0, "its XML has no UUID in canonical form");
	rc = make_dir(err);
	if (rc < 0)
		return rc;
	path = path_of(uuid);
	print(&t, r);
	if (!path || t.failed)
		return error_set(err, -ENOMEM, RECORD_DIR, 0, "out of memory");
	return file_write(path, 0600, t.data, t.len, NULL, err);
}

/* The value of the line "KEY=value" at *@pos, which is stepped over; false if it is another
 * line. */
static bool next_value(const char **pos, const char *key, const char **value, size_t *len)
{
	const char *end = strchr(*pos, '\n');
	size_t key_len = strlen(key);

	if (!end || strncmp(*pos, key, key_len) != 0 || (*pos)[key_len] != '=')
		return false;
	*value = *pos + key_len + 1;
	*len = (size_t)(end - *value);
	*pos = end + 1;
	return true;
}

static bool next_string(const char **pos, const char *key, char *buf, size_t size)
{
	const char *value;
	size_t len;

	if (!next_value(pos, key, &value, &len) || len >= size)
		return false;
	memcpy(buf, value, len);
	buf[len] = '\0';
	return true;
}

static bool next_features(const char **pos, const char *key, struct featset *set)
{
	const char *value;
	size_t len;

	return next_value(pos, key, &value, &len) && featset_parse(set, value, len, ',', NULL) == 0;
}

static bool next_number(const char **pos, const char *key, uint64_t *number)
{
	const char *value;
	size_t len;

	return next_value(pos, key, &value, &len) &&
	       number_parse(value, len, 10, UINT64_MAX, number) == 0;
}

static bool next_phase(const char **pos, enum record_phase *phase)
{
	char name[16];

	if (!next_string(pos, "phase", name, sizeof(name)))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(phases); i++)
		if (strcmp(name, phases[i]) == 0) {
			*phase = (enum record_phase)i;
			return true;
		}
	return false;
}

/* Parses a whole record, in the order of record_write, with nothing behind it. */
static bool parse(const char *pos, struct record *r)
{
	if (strncmp(pos, FORMAT, strlen(FORMAT)) != 0)
		return false;
	pos += strlen(FORMAT);
	if (!next_phase(&pos, &r->phase) ||
	    !next_string(&pos, "model", r->model, sizeof(r->model)) ||
	    !next_string(&pos, "digest", r->digest, sizeof(r->digest)) ||
	    !next_string(&pos, "vendor", r->vendor, sizeof(r->vendor)))
		return false;
	if (r->phase != RECORD_REQUEST &&
	    (!next_number(&pos, "daemon", &r->daemon.pid) ||
	     !next_number(&pos, "start", &r->daemon.start) || !next_number(&pos, "time", &r->time)))
		return false;
	return next_string(&pos, "other", r->own.other, sizeof(r->own.other)) &&
	       next_features(&pos, "optional", &r->own.optional) &&
	       next_features(&pos, "on", &r->own.on) && next_features(&pos, "off", &r->own.off) &&
	       !*pos;
}

/* Reads a record that only we can have written. It follows no link, and doesn't hang at a fifo. */
static int read_own(const char *path, char **text, size_t *len, struct timespec *written)
{
	_cleanup_close_ int fd =
		open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	/* an ordinary user's daemon has no records, as it couldn't write any */
	if (fd < 0 && (errno == EACCES || errno == ENOTDIR))
		return -ENOENT;
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077))
		return -EPERM;
	*written = st.st_ctim;
	return fd_read_all(fd, RECORD_LIMIT, text, len);
}

int record_read(const char *uuid, struct record *r, struct error *err)
{
	_cleanup_free_ char *path = path_of(uuid), *text = NULL;
	size_t len;
	int rc;

	*r = (struct record){0};
	if (!path)
		return error_set(err, -EINVAL, RECORD_DIR, 0, "not a UUID");
	rc = read_own(path, &text, &len, &r->written);
	if (rc < 0)
		return error_set(err, rc, path, 0, "the record can't be read: %s", strerror(-rc));
	if (strlen(text) == len && parse(text, r))
		return 0;
	*r = (struct record){0};
	return error_set(err, -EINVAL, path, 0, "isn't a record; start the domain anew");
}
