/* SPDX-License-Identifier: Apache-2.0 */
/* What a read gave, for the tests of cpumap/fleet/read.h. */
#ifndef CPUSHIM_TESTS_READING_H
#define CPUSHIM_TESTS_READING_H

#include "cpumap/core/util.h"
#include "cpumap/fleet/read.h"
#include "check.h"

/* The samples: one CPU of ours in every format. They are the fuzzer's corpus, too. */
#define SAMPLES "tests/fuzz/corpus/read/"

#define READING_MAX 64

struct reading {
	struct host host[READING_MAX];
	size_t n; /* all that came; those above READING_MAX are only counted */
	struct strv bad;
	struct error err;
	int result;
};

static inline int reading_take(struct host *h, void *data)
{
	struct reading *r = data;

	if (r->n++ < READING_MAX) {
		r->host[r->n - 1] = *h;
		*h = HOST_UNKNOWN;
	}
	host_free(h);
	return 0;
}

static inline void reading_bad(const struct error *err, void *data)
{
	struct reading *r = data;

	(void)strv_addf(&r->bad, "%s: %s", err->where, err->what);
}

static inline void reading_free(struct reading *r)
{
	for (size_t i = 0; i < r->n && i < READING_MAX; i++)
		host_free(&r->host[i]);
	strv_free(&r->bad);
}
#define _cleanup_reading_ __attribute__((cleanup(reading_free)))

/* reading_path: all hosts of @path; with @skip_bad those files are noted that can't be read. */
static inline void reading_path(struct reading *to, const char *path, bool skip_bad)
{
	struct read r = {.take = reading_take, .bad = skip_bad ? reading_bad : NULL, .data = to};

	to->result = read_path(&r, path, &to->err);
	CHECK(r.n_hosts == to->n);
}

/* reading_bytes: all hosts of a text. */
static inline void reading_bytes(struct reading *to, const char *text, size_t len)
{
	struct read r = {.take = reading_take, .data = to};

	to->result = read_text(&r, "text", text, len, &to->err);
	CHECK(r.n_hosts == to->n);
}

static inline void reading_text(struct reading *to, const char *text)
{
	reading_bytes(to, text, strlen(text));
}

/* fails: does reading @text fail at "text:LINE", and does what is said begin with @what? */
static inline bool fails(const char *text, unsigned int line, const char *what)
{
	_cleanup_reading_ struct reading r = {0};
	char where[32];

	(void)snprintf(where, sizeof(where), line ? "text:%u" : "text", line);
	reading_text(&r, text);
	if (r.result < 0 && strcmp(r.err.where, where) == 0 &&
	    strncmp(r.err.what, what, strlen(what)) == 0)
		return true;
	printf("  %d, %zu hosts, %s: %s\n", r.result, r.n, r.err.where, r.err.what);
	return false;
}

/* the names of features, in a buffer that the next call overwrites */
static inline const char *names_of(const struct featset *set)
{
	static char buf[8192];
	_cleanup_text_ struct text t = {0};

	featset_print(&t, set, " ");
	(void)snprintf(buf, sizeof(buf), "%s", t.data ? t.data : "");
	return buf;
}

static inline struct featset set_of(const char *names)
{
	struct featset set;

	CHECK(featset_parse(&set, names, strlen(names), ' ', NULL) == 0);
	return set;
}

/* has, lacks: are all these features (names with blanks between them) there, or known to be absent? */
static inline bool has(const struct host_view *view, const char *names)
{
	struct featset set = set_of(names);

	featset_subtract(&set, &view->has);
	if (featset_count(&set) == 0)
		return true;
	printf("  not there: %s\n", names_of(&set));
	return false;
}

static inline bool lacks(const struct host_view *view, const char *names)
{
	struct featset set = set_of(names), absent = view->known;

	featset_subtract(&absent, &view->has);
	featset_subtract(&set, &absent);
	if (featset_count(&set) == 0)
		return true;
	printf("  not known to be absent: %s\n", names_of(&set));
	return false;
}

/* unknown: is none of these features known? */
static inline bool unknown(const struct host_view *view, const char *names)
{
	struct featset set = set_of(names);

	featset_intersect(&set, &view->known);
	if (featset_count(&set) == 0)
		return true;
	printf("  known: %s\n", names_of(&set));
	return false;
}

/* contradicts: is a feature there by one and known to be absent by the other? */
static inline bool contradicts(const struct host_view *a, const struct host_view *b)
{
	struct featset both = a->known, differ_a = a->has, differ_b = b->has;

	featset_intersect(&both, &b->known);
	featset_intersect(&differ_a, &both);
	featset_intersect(&differ_b, &both);
	if (featset_equal(&differ_a, &differ_b))
		return false;
	printf("  one has: %s\n", names_of(&differ_a));
	printf("  other has: %s\n", names_of(&differ_b));
	return true;
}

#endif
