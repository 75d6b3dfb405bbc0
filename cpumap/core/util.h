/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small things that every part uses: cleanup on leaving a scope, growing text,
 * reading and writing files. libc alone.
 */
#ifndef CPUSHIM_UTIL_H
#define CPUSHIM_UTIL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include "error.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static inline void cleanup_freep(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_closep(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

#define _cleanup_free_  __attribute__((cleanup(cleanup_freep)))
#define _cleanup_close_ __attribute__((cleanup(cleanup_closep)))

/* Hand over what a cleanup variable holds: the variable is NULL afterwards. */
#define steal_pointer(pp)                                                                          \
	({                                                                                         \
		__typeof__(*(pp)) p_ = *(pp);                                                      \
		*(pp) = NULL;                                                                      \
		p_;                                                                                \
	})

/* Text that grows. Zero-initialise; free with text_free (or _cleanup_text_). After a failed
 * allocation `failed` is set and everything else is ignored: check once at the end. */
struct text {
	char *data; /* NUL-terminated once anything was added */
	size_t len;
	size_t room;
	bool failed;
};

void text_add(struct text *t, const char *data, size_t len);
void text_adds(struct text *t, const char *str);
void text_addf(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void text_free(struct text *t);
#define _cleanup_text_ __attribute__((cleanup(text_free)))

/* time_later: is @a after @b? */
static inline bool time_later(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec > b->tv_nsec;
}

/* string_ends_in: does @s end in @end? */
static inline bool string_ends_in(const char *s, const char *end)
{
	size_t len = strlen(s), end_len = strlen(end);

	return len >= end_len && strcmp(s + len - end_len, end) == 0;
}

/* A growing list of strings that it owns. Zero-initialise; free with strv_free. */
struct strv {
	char **item;
	size_t n;
};

/* strv_add: append a copy of @len bytes of @s. Returns 0 or -ENOMEM. */
int strv_add(struct strv *v, const char *s, size_t len);
/* strv_addf: append what printf makes of @fmt; nothing if @v is NULL. Returns 0 or -ENOMEM. */
int strv_addf(struct strv *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int strv_vaddf(struct strv *v, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
bool strv_has(const struct strv *v, const char *s);
/* strv_sort: by strcmp, duplicates removed. */
void strv_sort(struct strv *v);
void strv_free(struct strv *v);
#define _cleanup_strv_ __attribute__((cleanup(strv_free)))

/**
 * open_standard_files: open /dev/null in the place of each of 0, 1 and 2 that the caller has closed, which would
 * become other files' numbers.
 * @flags: of open(2); with O_RDONLY a closed output stays one that can't be written to
 */
void open_standard_files(int flags);

/* fd_write_all: write @len bytes of @data, however many calls that takes. 0 or -errno. */
int fd_write_all(int fd, const char *data, size_t len);

/* Who may have written a file that is used. */
enum trust {
	TRUST_ANY,   /* data: parsed as hostile */
	TRUST_NAMED, /* the same in a file that a person names, which may be a pipe, too */
	TRUST_OWNER, /* root's, or the caller's own; nobody else may write it */
};

/**
 * fd_read_all: everything up to end of file, at most @limit bytes.
 * @data: receives an allocated, NUL-terminated buffer (the caller frees it); it may have NUL bytes
 *        inside, and @len is its size
 * Returns 0, -EFBIG above @limit, or what read(2) said.
 */
int fd_read_all(int fd, size_t limit, char **data, size_t *len);

/**
 * file_open: a file to read, opened first and then judged by fstat: a regular file (-EINVAL), owner and
 * mode according to @trust (-EPERM if not trusted).
 * @path: as the caller wants it named in errors
 * @fd: receives its descriptor; the caller closes it, also after an error
 */
int file_open(const char *path, enum trust trust, int *fd, struct error *err);

/* file_read: open a file as file_open does and read it as fd_read_all does. */
int file_read(const char *path, enum trust trust, size_t limit, char **data, size_t *len,
	      struct error *err);

/* file_has: is @path a file with exactly these @len bytes? */
bool file_has(const char *path, const char *data, size_t len);

/**
 * file_write_beside: write @len bytes of @data to a new file in @path's directory, flushed and
 * fsynced. @beside receives its name, which the caller frees; on failure there is no file.
 */
int file_write_beside(const char *path, mode_t mode, const char *data, size_t len, char **beside,
		      struct error *err);

/* sync_directory: fsync the directory that holds @path. Only then a rename survives a power cut. 0
 * or -errno. */
int sync_directory(const char *path);

/**
 * file_write: replace @path by @len bytes of @data: written to a temporary name in the same
 * directory, flushed, fsynced and then renamed, so that @path is never half-written.
 * @changed: if not NULL, tells whether the bytes differ from what was there; if they don't,
 *           nothing is written.
 */
int file_write(const char *path, mode_t mode, const char *data, size_t len, bool *changed,
	       struct error *err);

/**
 * number_parse: an unsigned number of @len characters, decimal or 0x hexadecimal (@base 0), no
 * sign, no space, nothing behind it. Returns 0, -EINVAL or -ERANGE.
 */
int number_parse(const char *s, size_t len, int base, uint64_t max, uint64_t *value);

/**
 * root_path: "$CPUSHIM_ROOT" + @path in an allocated string; @path itself without that variable.
 * Returns NULL when out of memory.
 */
char *root_path(const char *path);

/* root_is_another: is CPUSHIM_ROOT set, so that root_path isn't this machine's? */
bool root_is_another(void);

#endif
