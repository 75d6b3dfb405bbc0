/* SPDX-License-Identifier: Apache-2.0 */
#include "emulators.h"

#include <errno.h>
#include <sys/stat.h>

#include "cpumap/core/emulator.h"
#include "cpumap/core/paths.h"
#include "cpumap/core/table.h"
#include "change.h"
#include "dpkg.h"
#include "run.h"
#include "steps.h"

#define ANSWER_SECONDS 20
#define WRAPPER_LIMIT  ((size_t)64 << 20)

static int no_memory(struct error *err)
{
	return error_set(err, -ENOMEM, NULL, 0, "out of memory");
}

char *emulators_real(const char *path)
{
	char *real;

	return asprintf(&real, "%s" EMULATOR_REAL, path) < 0 ? NULL : real;
}

/* ---- which ---- */

/* A regular file that can be run? */
static bool is_program(const char *path)
{
	_cleanup_free_ char *here = root_path(path);
	struct stat st;

	return here && lstat(here, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0111);
}

static bool has_wrapper(const char *path)
{
	_cleanup_free_ char *here = root_path(path);

	return here && emulator_is_wrapper(here);
}

/* There is nothing, or nothing else than what is left of the wrapper. */
static bool is_free(const char *path)
{
	_cleanup_free_ char *here = root_path(path);
	struct stat st;

	return here && (lstat(here, &st) < 0 || (S_ISREG(st.st_mode) && st.st_size == 0) ||
			emulator_is_wrapper(here));
}

/* If a wrapper stands there. */
static int add_wrapped(struct strv *paths, const char *emulator)
{
	return is_program(emulator) && has_wrapper(emulator) && !strv_has(paths, emulator)
		       ? strv_add(paths, emulator, strlen(emulator))
		       : 0;
}

/* Those of the usual names, or of the table, where a wrapper stands. */
static int emulators_recognised(struct strv *paths)
{
	_cleanup_free_ char *path = root_path(TABLE_PATH);
	_cleanup_table_ struct table t = {0};
	int r = 0;

	if (path)
		(void)table_load(&t, path, NULL);
	for (size_t i = 0; emulators_usual[i] && r == 0; i++)
		r = add_wrapped(paths, emulators_usual[i]);
	for (size_t i = 0; i < t.n_qemus && r == 0; i++)
		r = add_wrapped(paths, t.qemu[i].emulator);
	return r;
}

int emulators_noted(const struct node *n, struct strv *paths, struct error *err)
{
	_cleanup_strv_ struct strv reals = {0};
	int r = receipt_paths(&n->receipt, RECEIPT_REAL, &reals);

	for (size_t i = 0; i < reals.n && r == 0; i++) {
		size_t len = strlen(reals.item[i]), end = strlen(EMULATOR_REAL);

		if (len > end && strcmp(reals.item[i] + len - end, EMULATOR_REAL) == 0)
			r = strv_add(paths, reals.item[i], len - end);
	}
	if (r == 0 && n->receipt.lost)
		r = emulators_recognised(paths);
	return r < 0 ? no_memory(err) : 0;
}

/* Those that were named with --emulator, now or, where nobody chooses (package scripts, systemd), by the
 * last who did. */
static int named(struct strv *paths, const struct node *n)
{
	int r = 0;

	if (!n->chosen.n && !n->source)
		return receipt_paths(&n->receipt, RECEIPT_ONLY, paths);
	for (size_t i = 0; i < n->chosen.n && r == 0; i++)
		r = strv_add(paths, n->chosen.item[i], strlen(n->chosen.item[i]));
	return r;
}

int emulators_choose(struct node *n, struct error *err)
{
	int r = named(&n->emulators, n);
	bool any = n->emulators.n == 0;

	if (n->no_wrapper) {
		if (r == 0 && any)
			r = strv_add(&n->emulators, EMULATOR_DEFAULT, strlen(EMULATOR_DEFAULT));
		return r < 0 ? no_memory(err) : 0;
	}
	for (size_t i = 0; emulators_usual[i] && any && r == 0; i++)
		if (is_program(emulators_usual[i]))
			r = strv_add(&n->emulators, emulators_usual[i], strlen(emulators_usual[i]));
	if (r < 0)
		return no_memory(err);
	r = emulators_noted(n, &n->emulators, err);
	strv_sort(&n->emulators);
	return r;
}

int emulators_note_choice(struct node *n, struct error *err)
{
	_cleanup_strv_ struct strv former = {0};
	int r;

	if (n->dry_run || (!n->source && !n->chosen.n))
		return 0;
	r = receipt_paths(&n->receipt, RECEIPT_ONLY, &former);
	for (size_t i = 0; i < former.n && r == 0; i++)
		if (!strv_has(&n->chosen, former.item[i]))
			r = receipt_forget(&n->receipt, RECEIPT_ONLY, former.item[i], err);
	for (size_t i = 0; i < n->chosen.n && r == 0; i++)
		r = receipt_note(&n->receipt, RECEIPT_ONLY, n->chosen.item[i], NULL, err);
	return r;
}

/* ---- can they? ---- */

/* The wrapper finds the table from its own place: two levels below a prefix. */
static bool finds_table(const char *path)
{
	size_t slashes = 0;

	for (const char *s = path; *s; s++)
		slashes += *s == '/';
	return strncmp(path, "/usr/", 5) == 0 && slashes == 3;
}

bool emulators_may_have_wrapper(const char *path)
{
	_cleanup_free_ char *here = root_path(path);
	struct stat st;

	return here && finds_table(path) && lstat(here, &st) == 0 && S_ISREG(st.st_mode);
}

static bool same_bytes(const char *a, const char *b)
{
	_cleanup_free_ char *here = root_path(a), *there = root_path(b), *data = NULL;
	size_t len;

	return here && there &&
	       file_read(here, TRUST_ANY, (size_t)1 << 30, &data, &len, NULL) == 0 &&
	       file_has(there, data, len);
}

static bool is_there(const char *path, int mode)
{
	_cleanup_free_ char *here = root_path(path);

	return here && access(here, mode) == 0;
}

/* What stands where the wrapper would, and what is behind it. */
static int check_behind(const struct node *n, const char *path, const char *real, struct error *err)
{
	_cleanup_free_ char *here = root_path(path), *there = root_path(real);

	if (!here || !there)
		return no_memory(err);
	if (!node_has(real) || has_wrapper(path))
		return 0;
	if (!receipt_has(&n->receipt, RECEIPT_REAL, real, NULL) && !n->receipt.lost)
		return error_set(err, -EEXIST, there, 0,
				 "is there already and isn't cpushim's; who put it there stands "
				 "where the wrapper would");
	/* where no package is diverted it may be a newer QEMU: nobody's file is replaced on a
	 * guess */
	if (is_free(path) || same_bytes(path, real))
		return 0;
	return error_set(err, -EEXIST, here, 0,
			 "isn't the wrapper any more, and %s, the QEMU behind it, is another file; "
			 "both stay as they are. If the first is a newer QEMU: mv -f %s %s; if it "
			 "isn't needed: rm %s. Then run this again",
			 there, here, there, here);
}

int emulators_check(const struct node *n, const char *path, struct error *err)
{
	_cleanup_free_ char *here = root_path(path), *real = emulators_real(path);
	struct stat st;

	if (!here || !real)
		return no_memory(err);
	if (!is_there(path, X_OK) && !is_there(real, X_OK))
		return error_set(err, -ENOENT, here, 0,
				 "there is no QEMU; install qemu-system-x86, or name with "
				 "--emulator what there is");
	if (n->no_wrapper)
		return 0;
	if (lstat(here, &st) == 0 && S_ISLNK(st.st_mode))
		return error_set(err, -ELOOP, here, 0,
				 "is a symbolic link, which cpushim doesn't replace; name the file "
				 "that it leads to");
	if (!finds_table(path))
		return error_set(err, -EINVAL, here, 0,
				 "only a QEMU in a directory like /usr/bin can have the wrapper "
				 "before it, which finds the table from its own place");
	return check_behind(n, path, real, err);
}

/* ---- the swap ---- */

/* Does the QEMU answer under its second name? A script may go by its own name. */
static int answers(const char *real, struct error *err)
{
	const char *const argv[] = {real, "--version", NULL};
	_cleanup_text_ struct text out = {0};
	int r = run_program(argv, ANSWER_SECONDS, &out, err);

	if (r == 0 && out.data && strstr(out.data, "QEMU"))
		return 0;
	if (r < 0)
		return r;
	return error_set(err, -EIO, real, 0, "answers --version with status %d%s%.200s", r,
			 out.len ? ": " : "", out.len ? out.data : "");
}

static bool same_file(const char *a, const char *b)
{
	_cleanup_free_ char *here = root_path(a), *there = root_path(b);
	struct stat x, y;

	return here && there && stat(here, &x) == 0 && stat(there, &y) == 0 &&
	       x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* There is an executable emulator at every moment: the real one gets a second name first. What has
 * that name is never replaced, as it is the only copy; emulators_check knows that nothing is
 * lost. */
static int name_real(struct node *n, const char *path, const char *real, struct error *err)
{
	_cleanup_free_ char *here = root_path(real);
	struct error why = {0};
	int r;

	/* the same file under both: a run ended before it was tried */
	if (is_free(path) || (node_has(real) && !same_file(path, real)))
		return 0;
	r = node_has(real) ? 0 : change_link(n, path, real, err);
	if (r < 0 || n->dry_run)
		return r;
	if (!here)
		return no_memory(err);
	r = answers(here, &why);
	if (r == 0)
		return 0;
	if (change_delete(n, real, err) < 0 ||
	    receipt_forget(&n->receipt, RECEIPT_REAL, real, err) < 0)
		return err->code;
	return error_set(err, -EIO, path, 0,
			 "doesn't answer under the name %s, which it would have behind the wrapper "
			 "(%s); it stays as it is",
			 real, why.what);
}

static int put_wrapper(struct node *n, const char *path, struct error *err)
{
	_cleanup_free_ char *from = root_path(WRAPPER_SOURCE), *data = NULL;
	size_t len = 0;
	int r = from ? file_read(from, TRUST_ANY, WRAPPER_LIMIT, &data, &len, err) : no_memory(err);

	if (r == -ENOENT && n->dry_run) /* it would have been put */
		r = 0;
	return r < 0 ? r : change_place(n, path, 0755, data ? data : "", len, err);
}

static int swap_one(struct node *n, const char *path, struct error *err)
{
	_cleanup_free_ char *real = emulators_real(path);
	int r = real ? 0 : no_memory(err);

	if (r == 0 && !n->dry_run)
		r = receipt_note(&n->receipt, RECEIPT_REAL, real, NULL, err);
	if (r == 0)
		r = name_real(n, path, real, err);
	if (r == 0)
		r = dpkg_divert(n, path, real, err);
	return r < 0 ? r : put_wrapper(n, path, err);
}

/* One that can't be swapped doesn't keep the others from it. */
int swap_emulators(struct node *n, struct error *err)
{
	size_t swapped = 0;
	int noted = emulators_note_choice(n, err);

	if (noted < 0)
		return noted;
	for (size_t i = 0; i < n->emulators.n; i++) {
		struct error why = {0};
		int r = swap_one(n, n->emulators.item[i], &why);

		swapped += r == 0;
		if (r == -EIO && (swapped || i + 1 < n->emulators.n)) {
			node_fall_short(n, "%s: %s", why.where, why.what);
		} else if (r < 0) {
			*err = why;
			return r;
		}
	}
	return change_unput(n, NATIVE_MARK, err);
}

static int swap_back(struct node *n, const char *path, struct error *err)
{
	_cleanup_free_ char *real = emulators_real(path);
	int r = 0;

	if (!real)
		return no_memory(err);
	if (is_free(path) && node_has(real)) {
		r = change_rename(n, real, path, err);
	} else if (is_free(path) && node_has(path)) {
		node_warn(n, "%s: its QEMU is gone; the wrapper is removed", path);
		r = change_delete(n, path, err);
	} else if (same_file(path, real)) {
		r = change_delete(n, real, err); /* an installation ended before the swap */
	} else if (node_has(real)) {
		node_warn(
			n,
			"%s: isn't the wrapper any more; left alone, with %s and the diversion. To "
			"have that QEMU again: mv -f %s %s; dpkg-divert --local --no-rename "
			"--remove %s",
			path, real, real, path, path);
		return 0;
	}
	return r < 0 ? r : dpkg_undivert(n, path, real, err);
}

int swap_emulators_back(struct node *n, struct error *err)
{
	_cleanup_strv_ struct strv paths = {0};
	int r = emulators_noted(n, &paths, err);

	for (size_t i = 0; i < paths.n && r == 0; i++)
		r = swap_back(n, paths.item[i], err);
	return r;
}
