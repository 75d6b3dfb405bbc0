/* SPDX-License-Identifier: Apache-2.0 */
#include "dpkg.h"

#include <errno.h>

#include "change.h"
#include "run.h"

#define ADMIN_DIR "/var/lib/dpkg"
#define PACKAGE   "cpushim"
#define SECONDS   60

static bool has_dpkg(void)
{
	return node_has(ADMIN_DIR "/info");
}

bool dpkg_has(const char *package)
{
	_cleanup_free_ char *list = NULL;

	if (asprintf(&list, ADMIN_DIR "/info/%s.list", package) < 0) {
		list = NULL;
		return false;
	}
	return node_has(list);
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

static int divert(const char *const args[], size_t n_args, struct error *err)
{
	_cleanup_text_ struct text out = {0};
	int r = run_divert(args, n_args, &out, err);

	if (r > 0)
		return error_set(err, -EIO, "dpkg-divert", 0, "%.*s",
				 (int)strcspn(out.data ? out.data : "", "\n"),
				 out.data ? out.data : "fails");
	return r;
}

/* The words of dpkg-divert about @path; "" if nobody diverts it. */
static int diversion(struct text *words, const char *path, struct error *err)
{
	const char *const args[] = {"--list", path};
	int r = run_divert(args, ARRAY_SIZE(args), words, err);

	text_adds(words, "");
	if (r < 0 || words->failed)
		return r < 0 ? r : error_set(err, -ENOMEM, path, 0, "out of memory");
	words->data[strcspn(words->data, "\n")] = '\0';
	return 0;
}

static bool is_packaged(const char *path)
{
	_cleanup_free_ char *admin = root_path(ADMIN_DIR);
	const char *const argv[] = {"dpkg-query", "--admindir", admin, "-S", path, NULL};
	_cleanup_text_ struct text out = {0};

	return admin && run_program(argv, SECONDS, &out, NULL) == 0;
}

int dpkg_divert(struct node *n, const char *path, const char *real, struct error *err)
{
	/* the diversions of a package are that package's (Debian Policy, appendix G) */
	bool package = dpkg_has(PACKAGE);
	const char *const args[] = {"--no-rename",
				    package ? "--package" : "--local",
				    package ? PACKAGE : "--no-rename",
				    "--divert",
				    real,
				    "--add",
				    path};
	_cleanup_text_ struct text there = {0};
	int r;

	if (!has_dpkg() || !is_packaged(path))
		return 0;
	r = diversion(&there, path, err);
	/* with a diversion of the site's to elsewhere no package's file comes here */
	if (r < 0 || *there.data || !change_begin(n, "divert %s to %s", path, real))
		return r;
	r = receipt_note(&n->receipt, RECEIPT_DIVERT, path, NULL, err);
	return r < 0 ? r : divert(args, ARRAY_SIZE(args), err);
}

int dpkg_undivert(struct node *n, const char *path, const char *real, struct error *err)
{
	_cleanup_free_ char *local = NULL, *packaged = NULL;
	_cleanup_text_ struct text there = {0};
	const char *args[] = {"--no-rename", "--local", "--no-rename", "--remove", path};
	int r;

	if (!has_dpkg())
		return 0;
	if (asprintf(&local, "local diversion of %s to %s", path, real) < 0)
		local = NULL;
	if (asprintf(&packaged, "diversion of %s to %s by " PACKAGE, path, real) < 0)
		packaged = NULL;
	r = diversion(&there, path, err);
	if (r < 0 || !local || !packaged)
		return r < 0 ? r : error_set(err, -ENOMEM, path, 0, "out of memory");
	if (strcmp(there.data, packaged) == 0) {
		args[1] = "--package";
		args[2] = PACKAGE;
	} else if (strcmp(there.data, local) != 0) {
		return 0;
	}
	return change_begin(n, "end the diversion of %s", path)
		       ? divert(args, ARRAY_SIZE(args), err)
		       : 0;
}
