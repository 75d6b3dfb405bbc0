/* SPDX-License-Identifier: Apache-2.0 */
/* The programs and the shipped models, from a tree that `make install` made. With a package they are
 * dpkg's, and there is no such tree. */
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include "cpumap/core/paths.h"
#include "change.h"
#include "dpkg.h"
#include "emulators.h"
#include "steps.h"

/* Only the wrapper needs them. */
static bool is_wrappers(const char *path)
{
	return strcmp(path, WRAPPER_SOURCE) == 0 || strcmp(path, PROXY_PATH) == 0;
}

static int put_one(struct node *n, const char *from, const char *path, const struct stat *st,
		   struct error *err)
{
	/* whatever the umask was that the tree was made with */
	mode_t mode = st->st_mode & 0111 ? 0755 : 0644;

	return n->no_wrapper && is_wrappers(path) ? 0 : change_copy(n, from, path, mode, err);
}

static bool below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return strncmp(path, dir, len) == 0 && path[len] == '/';
}

/* What `make install` puts, by its places; the hook, the units and the wrapper are put by other steps. */
static bool is_program_of_ours(const char *path)
{
	if (strcmp(path, NATIVE_MARK) == 0)
		return false;
	return strcmp(path, COMMAND_PATH) == 0 || below(path, LIB_DIR) || below(path, "/usr/share");
}

static int compare_names(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int put_tree(struct node *n, const char *path, struct error *err);

static int put_entry(struct node *n, const char *dir, const char *name, struct error *err)
{
	_cleanup_free_ char *path = NULL, *from = NULL;
	struct stat st;

	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return 0;
	if (asprintf(&path, "%s/%s", dir, name) < 0 || asprintf(&from, "%s%s", n->source, path) < 0)
		return error_set(err, -ENOMEM, dir, 0, "out of memory");
	if (lstat(from, &st) < 0)
		return error_set(err, -errno, from, 0, "%s", strerror(errno));
	return S_ISDIR(st.st_mode) ? put_tree(n, path, err) : put_one(n, from, path, &st, err);
}

/* @path: a directory of the node, "" for its root */
static int put_tree(struct node *n, const char *path, struct error *err)
{
	_cleanup_free_ char *from = NULL;
	struct dirent **entry = NULL;
	int n_entries, r = *path ? change_directory(n, path, err) : 0;

	if (r < 0)
		return r;
	if (asprintf(&from, "%s%s", n->source, path) < 0) {
		from = NULL;
		return error_set(err, -ENOMEM, path, 0, "out of memory");
	}
	n_entries = scandir(from, &entry, NULL, compare_names);
	if (n_entries < 0)
		return error_set(err, -errno, from, 0, "%s", strerror(errno));
	for (int i = 0; i < n_entries; i++) {
		if (r == 0)
			r = put_entry(n, path, entry[i]->d_name, err);
		free(entry[i]);
	}
	free(entry);
	return r;
}

/* Without a tree to take them from they have to be there. */
static int check_programs(const struct node *n, struct error *err)
{
	static const char *const programs[] = {HOOK_SOURCE, WRAPPER_SOURCE, PROXY_PATH};

	for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
		if (!node_has(programs[i]) && !(n->no_wrapper && is_wrappers(programs[i])))
			return error_set(
				err, -ENOENT, programs[i], 0,
				"is missing; reinstall cpushim: install.sh of its checkout, "
				"or its package");
	return 0;
}

/* Files that install.sh has put belong to the package that came after it, or to nobody any more. */
static int hand_over(struct node *n, struct error *err)
{
	_cleanup_strv_ struct strv paths = {0};
	int r = receipt_paths(&n->receipt, RECEIPT_FILE, &paths);

	for (size_t i = 0; i < paths.n && r == 0 && !n->dry_run; i++) {
		if (!is_program_of_ours(paths.item[i]))
			continue;
		r = dpkg_has_file(paths.item[i])
			    ? receipt_forget(&n->receipt, RECEIPT_FILE, paths.item[i], err)
			    : change_unput(n, paths.item[i], err);
	}
	return r == -ENOMEM ? error_set(err, r, LIB_DIR, 0, "out of memory") : r;
}

int put_programs(struct node *n, struct error *err)
{
	int r;

	if (!n->source)
		r = check_programs(n, err);
	else if (dpkg_has_us())
		r = error_set(err, -EEXIST, COMMAND_PATH, 0,
			      "belongs to the package cpushim; upgrade that, or remove it first: "
			      "apt-get remove cpushim");
	else
		r = 0;
	if (r == 0)
		r = change_directory(n, LIB_DIR, err);
	/* a directory, but not one of /etc/cpushim that a package or a site has */
	if (r == 0)
		r = change_directory(n, SITE_DIR, err);
	if (r == 0 && dpkg_has_us())
		r = hand_over(n, err);
	return r == 0 && n->source ? put_tree(n, "", err) : r;
}

/* The directories that we made, from the deepest. */
static int remove_directories(struct node *n, struct error *err)
{
	static const char *const ours[] = {"/usr/share/cpushim",
					   SHIPPED_DIR,
					   "/etc/cpushim",
					   SITE_DIR,
					   UNITS_DIR "/libvirtd.service.d",
					   UNITS_DIR "/virtqemud.service.d"};
	/* nobody else's, whoever made the first two; the others are known by the receipt */
	size_t n_ours = n->receipt.lost && !dpkg_has_us() ? ARRAY_SIZE(ours) : 2;
	_cleanup_strv_ struct strv dirs = {0}, owned = {0};
	int r = receipt_paths(&n->receipt, RECEIPT_DIR, &dirs);

	for (size_t i = 0; i < n_ours && r == 0; i++)
		r = strv_add(&dirs, ours[i], strlen(ours[i]));
	strv_sort(&dirs);
	/* a package that came later may have one as well */
	if (r == 0)
		r = dpkg_owned(&dirs, &owned);
	for (size_t i = dirs.n; i-- > 0 && r == 0;)
		if (node_has(dirs.item[i]) && !strv_has(&owned, dirs.item[i]))
			r = change_undirectory(n, dirs.item[i], err);
	if (r == 0 && n->purge && !n->dry_run && node_has("/etc/cpushim"))
		node_say(n, "/etc/cpushim: what is left there isn't cpushim's; left alone");
	return r == -ENOMEM ? error_set(err, r, LIB_DIR, 0, "out of memory") : r;
}

static int add_shipped(struct strv *paths)
{
	_cleanup_free_ char *here = root_path(SHIPPED_DIR);
	DIR *dir = here ? opendir(here) : NULL;
	const struct dirent *entry;
	int r = 0;

	while (dir && r == 0 && (entry = readdir(dir)))
		if (*entry->d_name != '.')
			r = strv_addf(paths, SHIPPED_DIR "/%s", entry->d_name);
	if (dir)
		(void)closedir(dir);
	return r;
}

const char *const programs_usual[] = {COMMAND_PATH,
				      PROXY_PATH,
				      GUEST_PATH,
				      HOOK_SOURCE,
				      NATIVE_MARK,
				      WRAPPER_SOURCE,
				      "/usr/share/bash-completion/completions/cpushim",
				      "/usr/share/man/man1/cpushim.1",
				      "/usr/share/man/man5/cpushim-json.5",
				      "/usr/share/man/man5/cpushim-models.5",
				      "/usr/share/man/man8/cpushim-hook.8",
				      "/usr/share/man/man8/cpushim-wrapper.8",
				      NULL};

/* The files that we put. If the receipt is lost they are known by their places. */
static int known_files(struct node *n, struct strv *paths)
{
	int r;

	if (dpkg_has_us())
		return strv_addf(paths, NATIVE_MARK); /* the others are dpkg's */
	r = receipt_paths(&n->receipt, RECEIPT_FILE, paths);
	for (size_t i = 0; n->receipt.lost && programs_usual[i] && r == 0; i++)
		r = strv_add(paths, programs_usual[i], strlen(programs_usual[i]));
	if (n->receipt.lost && r == 0)
		r = add_shipped(paths);
	strv_sort(paths);
	return r;
}

int unput_programs(struct node *n, struct error *err)
{
	_cleanup_free_ char *lib = root_path(LIB_DIR);
	_cleanup_strv_ struct strv paths = {0};
	int r = lib ? known_files(n, &paths) : -ENOMEM;

	if (r < 0)
		return error_set(err, r, LIB_DIR, 0, "out of memory");
	for (size_t i = 0; i < paths.n && r == 0; i++)
		if (below(paths.item[i], "/usr"))
			r = change_unput(n, paths.item[i], err);
	if (r == 0)
		r = remove_directories(n, err);
	if (r == 0)
		r = change_delete(n, RECEIPT_PATH, err);
	if (r == 0)
		r = change_delete(n, MANIFEST_PATH, err);
	if (r == 0 && !n->dry_run && !dpkg_has_us() && rmdir(lib) < 0 && errno != ENOENT)
		node_warn(n, "%s: isn't empty; left alone", lib);
	return r;
}

int unput_wrapper_programs(struct node *n, struct error *err)
{
	int r = 0;

	if (receipt_has(&n->receipt, RECEIPT_FILE, WRAPPER_SOURCE, NULL))
		r = change_unput(n, WRAPPER_SOURCE, err);
	if (r == 0 && receipt_has(&n->receipt, RECEIPT_FILE, PROXY_PATH, NULL))
		r = change_unput(n, PROXY_PATH, err);
	return r;
}

int mark_native(struct node *n, struct error *err)
{
	static const char words[] =
		"cpushim ready --no-wrapper: the hook judges what libvirt makes of a model.\n";

	int r = emulators_note_choice(n, err);

	return r < 0 ? r : change_put(n, NATIVE_MARK, 0644, words, sizeof(words) - 1, err);
}
