/* SPDX-License-Identifier: Apache-2.0 */
#include "dpkg.h"

#include <errno.h>

#include "cpumap/core/paths.h"
#include "change.h"
#include "run.h"

#define ADMIN_DIR  "/var/lib/dpkg"
#define PACKAGE    "cpushim"
#define SECONDS    60
#define LIST_LIMIT ((size_t)1 << 20)

static bool has_dpkg(void)
{
	return node_has(ADMIN_DIR "/info");
}

bool dpkg_has_file(const char *path)
{
	_cleanup_free_ char *list = root_path(ADMIN_DIR "/info/" PACKAGE ".list"), *text = NULL,
			    *line = NULL;
	size_t len;

	return list && asprintf(&line, "\n%s\n", path) >= 0 &&
	       file_read(list, TRUST_ANY, LIST_LIMIT, &text, &len, NULL) == 0 && strstr(text, line);
}

/* A package that was removed, but not purged, keeps its list, with what is left of it. */
bool dpkg_has_us(void)
{
	return dpkg_has_file(COMMAND_PATH);
}

/* dpkg-divert with the node's own records. Returns its exit status, or -errno. */
static int run_divert(const char *const args[], size_t n_args, struct text *out, struct error *err)
{
	_cleanup_free_ char *admin = root_path(ADMIN_DIR);
	const char *argv[12] = {"dpkg-divert", "--admindir", admin};
	size_t n = 3;

	if (!admin)
		return error_set(err, -ENOMEM, "dpkg-divert", 0, "out of memory");
	for (size_t i = 0; i < n_args && n + 1 < ARRAY_SIZE(argv); i++)
		argv[n++] = args[i];
	return run_program(argv, SECONDS, out, err);
}

/* It first says what it is about to do, as if that were done. */
static int divert(const char *const args[], size_t n_args, struct error *err)
{
	_cleanup_text_ struct text out = {0};
	int r = run_divert(args, n_args, &out, err);
	const char *why = out.data ? strstr(out.data, "error: ") : NULL;

	if (r <= 0)
		return r;
	why = why ? why + strlen("error: ") : out.data ? out.data : "";
	return error_set(err, -EIO, "dpkg-divert", 0, "%.*s", (int)strcspn(why, "\n"),
			 *why ? why : "fails");
}

/* Who has a path's file put elsewhere? */
enum diverter { NOBODY, LOCALLY, THE_PACKAGE, SOMEBODY };

static int who_diverts(enum diverter *who, const char *path, const char *real, struct error *err)
{
	_cleanup_free_ char *local = NULL, *packaged = NULL;
	const char *const args[] = {"--list", path};
	_cleanup_text_ struct text words = {0};
	int r = run_divert(args, ARRAY_SIZE(args), &words, err);

	if (asprintf(&local, "local diversion of %s to %s", path, real) < 0)
		local = NULL;
	if (asprintf(&packaged, "diversion of %s to %s by " PACKAGE, path, real) < 0)
		packaged = NULL;
	text_adds(&words, "");
	if (r < 0 || words.failed || !local || !packaged)
		return r < 0 ? r : error_set(err, -ENOMEM, path, 0, "out of memory");
	words.data[strcspn(words.data, "\n")] = '\0';
	if (!*words.data)
		*who = NOBODY;
	else if (strcmp(words.data, local) == 0)
		*who = LOCALLY;
	else
		*who = strcmp(words.data, packaged) == 0 ? THE_PACKAGE : SOMEBODY;
	return 0;
}

static int add_diversion(const char *path, const char *real, enum diverter who, struct error *err)
{
	bool package = who == THE_PACKAGE;
	const char *const args[] = {"--no-rename",
				    package ? "--package" : "--local",
				    package ? PACKAGE : "--no-rename",
				    "--divert",
				    real,
				    "--add",
				    path};

	return divert(args, ARRAY_SIZE(args), err);
}

static int end_diversion(const char *path, enum diverter who, struct error *err)
{
	bool package = who == THE_PACKAGE;
	const char *const args[] = {"--no-rename", package ? "--package" : "--local",
				    package ? PACKAGE : "--no-rename", "--remove", path};

	return divert(args, ARRAY_SIZE(args), err);
}

/* Reads all lists of all packages, which takes a third of a second: ask once. */
static int search(const char *const path[], size_t n, struct text *out)
{
	_cleanup_free_ char *admin = root_path(ADMIN_DIR);
	_cleanup_free_ const char **argv = calloc(n + 5, sizeof(*argv));

	if (!admin || !argv)
		return -ENOMEM;
	argv[0] = "dpkg-query";
	argv[1] = "--admindir";
	argv[2] = admin;
	argv[3] = "--search";
	for (size_t i = 0; i < n; i++)
		argv[4 + i] = path[i];
	return run_program(argv, SECONDS, out, NULL);
}

static bool owns(const char *path)
{
	_cleanup_text_ struct text out = {0};

	return search(&path, 1, &out) == 0;
}

int dpkg_owned(const struct strv *paths, struct strv *owned)
{
	_cleanup_text_ struct text out = {0};
	int r = paths->n ? search((const char *const *)paths->item, paths->n, &out) : 0;

	text_adds(&out, "");
	if (r == -ENOMEM || out.failed)
		return -ENOMEM;
	r = 0;
	for (size_t i = 0; i < paths->n && r == 0; i++) {
		/* PACKAGE[, PACKAGE]...: PATH */
		_cleanup_free_ char *line = NULL;

		if (asprintf(&line, ": %s\n", paths->item[i]) < 0)
			return -ENOMEM;
		if (strstr(out.data, line))
			r = strv_add(owned, paths->item[i], strlen(paths->item[i]));
	}
	return r;
}

int dpkg_divert(struct node *n, const char *path, const char *real, struct error *err)
{
	/* the diversions of a package are that package's (Debian Policy, appendix G) */
	enum diverter now = NOBODY, wanted = dpkg_has_us() ? THE_PACKAGE : LOCALLY;
	int r;

	if (!has_dpkg())
		return 0;
	r = who_diverts(&now, path, real, err);
	/* with a diversion of the site's to elsewhere no package's file comes here */
	if (r < 0 || now == wanted || now == SOMEBODY || !owns(path) ||
	    !change_begin(n, "divert %s to %s", path, real))
		return r;
	r = receipt_note(&n->receipt, RECEIPT_DIVERT, path, NULL, err);
	/* it was installed otherwise before */
	if (r == 0 && now != NOBODY)
		r = end_diversion(path, now, err);
	return r < 0 ? r : add_diversion(path, real, wanted, err);
}

int dpkg_undivert(struct node *n, const char *path, const char *real, struct error *err)
{
	enum diverter now = NOBODY;
	int r = has_dpkg() ? who_diverts(&now, path, real, err) : 0;

	if (r < 0 || now == NOBODY || now == SOMEBODY ||
	    !change_begin(n, "end the diversion of %s", path))
		return r;
	return end_diversion(path, now, err);
}
