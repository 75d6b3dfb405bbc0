/* SPDX-License-Identifier: Apache-2.0 */
#include "map.h"

#include <errno.h>
#include <fcntl.h>

#include "cpumap/core/paths.h"
#include "cpumap/libvirt/mapinclude.h"
#include "cpumap/libvirt/mapsingle.h"
#include "cpumap/libvirt/maptrial.h"
#include "change.h"
#include "daemons.h"
#include "mapindex.h"
#include "steps.h"

#define INDEX_PATH   LIBVIRTMAP_DIR "/index.xml"
#define INCLUDE_PATH LIBVIRTMAP_DIR "/" LIBVIRTMAP_OURS
#define MAP_LIMIT    ((size_t)16 << 20)

static int no_memory(struct error *err)
{
	return error_set(err, -ENOMEM, LIBVIRTMAP_DIR, 0, "out of memory");
}

/* ---- the node's files ---- */

static int read_map(const char *path, char **text, size_t *len, struct error *err)
{
	_cleanup_free_ char *here = root_path(path);

	return here ? file_read(here, TRUST_ANY, MAP_LIMIT, text, len, err) : no_memory(err);
}

/* libvirt before 4.7: one file */
static bool is_single(void)
{
	return !node_has(INDEX_PATH);
}

/* Writes @text for a trial. The caller unlinks and frees @file. */
static int stage(char **file, const struct text *text, struct error *err)
{
	_cleanup_free_ char *path = root_path(LIB_DIR "/trial");

	return path ? file_write_beside(path, 0644, text->data, text->len, file, err)
		    : no_memory(err);
}

/* Has libvirt try the map with @text in the place of @path, and, unless it is NULL, with @include in
 * the place of ours. */
static int try_with(struct node *n, const char *path, const struct text *text,
		    const struct text *include, struct error *err)
{
	_cleanup_free_ char *staged = NULL, *staged_include = NULL;
	struct map_binding file[2] = {0};
	struct maptrial trial = {.file = file, .seconds = MAPTRIAL_SECONDS};
	struct daemon_here reads;
	int r;

	if (!node_is_live())
		return 0;
	r = stage(&staged, text, err);
	if (r == 0 && include)
		r = stage(&staged_include, include, err);
	if (r == 0) {
		file[trial.n++] = (struct map_binding){staged, path};
		if (include)
			file[trial.n++] = (struct map_binding){staged_include, INCLUDE_PATH};
		r = maptrial(&trial, NULL, err);
	}
	if (staged)
		(void)unlink(staged);
	if (staged_include)
		(void)unlink(staged_include);
	if (r == -EPERM && daemons_find(&reads, 1) == 0) {
		node_warn(n,
			  "%s: libvirt hasn't tried it with the models, as nothing can be "
			  "mounted here; `cpushim ready --before-libvirt` tries it",
			  path);
		return 0;
	}
	if (r == -EINVAL)
		error_set(err, r, path, 0,
			  "libvirt doesn't take its map with the models, so it stays as it is: %s",
			  strdupa(err->what));
	return r;
}

/* ---- one file ---- */

static int place_single(struct node *n, const char *include, struct error *err)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_text_ struct text merged = {0};
	size_t len = 0;
	int r = read_map(MAPSINGLE_PATH, &text, &len, err);

	if (r == 0)
		r = mapsingle_merge(&merged, text, MAPSINGLE_PATH, include, err);
	if (r < 0 || (merged.len == len && memcmp(merged.data, text, len) == 0))
		return r;
	r = n->dry_run ? 0 : try_with(n, MAPSINGLE_PATH, &merged, NULL, err);
	return r < 0 ? r : change_edit(n, MAPSINGLE_PATH, merged.data, merged.len, err);
}

static int unname_single(struct node *n, struct error *err)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_text_ struct text rest = {0};
	size_t len = 0;
	int r;

	if (!node_has(MAPSINGLE_PATH))
		return 0;
	r = read_map(MAPSINGLE_PATH, &text, &len, err);
	if (r < 0 || !mapsingle_has_block(text))
		return r;
	r = mapsingle_merge(&rest, text, MAPSINGLE_PATH, NULL, err);
	return r < 0 ? r : change_edit(n, MAPSINGLE_PATH, rest.data, rest.len, err);
}

/* ---- index and include ---- */

/* One that no index names is read by nobody; one that is named and missing breaks every CPU call. */
static int put_include(struct node *n, const struct text *include, struct error *err)
{
	return change_place(n, INCLUDE_PATH, 0644, include->data, include->len, err);
}

static bool has_include(const struct text *include)
{
	_cleanup_free_ char *here = root_path(INCLUDE_PATH);

	return here && file_has(here, include->data, include->len);
}

static int place_named(struct node *n, const struct text *include, struct error *err)
{
	_cleanup_free_ char *index = NULL;
	_cleanup_text_ struct text with = {0};
	size_t len = 0;
	int r = read_map(INDEX_PATH, &index, &len, err);

	if (r == 0)
		r = index_with_include(&with, index, err);
	if (r < 0 || (has_include(include) && index_names(index) == 1))
		return r;
	if (!n->dry_run)
		r = try_with(n, INDEX_PATH, &with, include, err);
	return r < 0 ? r : put_include(n, include, err);
}

static int try_as_it_is(struct error *err)
{
	static const struct maptrial as_it_is = {.seconds = 10};

	return maptrial(&as_it_is, NULL, err);
}

static int single_is_taken(const struct text *include, const char *text, struct error *err)
{
	return mapsingle_has_block(text) && strstr(text, include->data)
		       ? try_as_it_is(err)
		       : error_set(err, -EINVAL, MAPSINGLE_PATH, 0, "hasn't our models");
}

bool map_names_ours(void)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0;

	if (read_map(is_single() ? MAPSINGLE_PATH : INDEX_PATH, &text, &len, NULL) < 0)
		return false;
	return is_single() ? mapsingle_has_block(text) : index_names(text) > 0;
}

bool include_leaves_out(void)
{
	_cleanup_free_ char *include = NULL;
	size_t len = 0;

	return read_map(INCLUDE_COPY, &include, &len, NULL) == 0 &&
	       strstr(include, MAPINCLUDE_THEIRS);
}

int map_is_taken(struct error *err)
{
	_cleanup_text_ struct text include = {0};
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	int r = read_map(INCLUDE_COPY, &include.data, &include.len, err);

	if (r == 0)
		r = read_map(is_single() ? MAPSINGLE_PATH : INDEX_PATH, &text, &len, err);
	if (r < 0)
		return r;
	if (is_single())
		return single_is_taken(&include, text, err);
	if (index_names(text) != 1)
		return error_set(err, -EINVAL, INDEX_PATH, 0, "doesn't name our include once");
	if (!has_include(&include))
		return error_set(err, -EINVAL, INCLUDE_PATH, 0, "isn't as it was compiled");
	if (include_leaves_out())
		return error_set(err, -EINVAL, INCLUDE_PATH, 0, "leaves a model to another file");
	return try_as_it_is(err);
}

int place_include(struct node *n, struct error *err)
{
	_cleanup_text_ struct text include = {0};
	int r = n->no_libvirt ? 0 : read_map(INCLUDE_COPY, &include.data, &include.len, err);

	if (r == -ENOENT && n->dry_run)
		return change_begin(n, "put " INCLUDE_PATH ", once libvirt has tried it"), 0;
	if (r < 0 || n->no_libvirt)
		return r;
	return is_single() ? place_single(n, include.data, err) : place_named(n, &include, err);
}

int name_include(struct node *n, struct error *err)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_text_ struct text with = {0};
	size_t len = 0;
	int r;

	if (n->no_libvirt || is_single())
		return 0;
	r = read_map(INDEX_PATH, &text, &len, err);
	if (r < 0 || index_names(text) == 1)
		return r;
	r = index_with_include(&with, text, err);
	return r < 0 ? r : change_edit(n, INDEX_PATH, with.data, with.len, err);
}

int unname_include(struct node *n, struct error *err)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_text_ struct text without = {0};
	size_t len = 0;
	int r = unname_single(n, err);

	if (r < 0 || !node_has(INDEX_PATH))
		return r;
	r = read_map(INDEX_PATH, &text, &len, err);
	if (r < 0 || !index_has_ours(text))
		return r;
	index_without_include(&without, text);
	return without.failed ? no_memory(err)
			      : change_edit(n, INDEX_PATH, without.data, without.len, err);
}

int comment_out_include(struct error *err)
{
	_cleanup_free_ char *here = root_path(INDEX_PATH), *text = NULL;
	_cleanup_close_ int fd = -1;
	size_t len = 0;
	int r = here ? read_map(INDEX_PATH, &text, &len, err) : no_memory(err);

	if (r < 0)
		return r;
	if (index_comment_out(text) <= 0)
		return error_set(err, -EINVAL, INDEX_PATH, 0,
				 "names our include in an unknown way");
	/* not truncated: what is there is written over, which needs no room */
	fd = open(here, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	r = fd < 0 ? -errno : fd_write_all(fd, text, len);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	return r < 0 ? error_set(err, r, here, 0, "can't be written: %s", strerror(-r)) : 0;
}

/* libvirt's own removal left its directories behind, because our include was in them. */
static int remove_map_dirs(struct node *n, struct error *err)
{
	int r = node_has(INDEX_PATH) ? 0 : change_undirectory(n, LIBVIRTMAP_DIR, err);

	if (r == 0 && !node_has(LIBVIRTMAP_DIR))
		r = change_undirectory(n, LIBVIRT_SHARE_DIR, err);
	return r;
}

int remove_include(struct node *n, struct error *err)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_text_ struct text copy = {0};
	size_t len = 0;
	int r;

	if (!node_has(INCLUDE_PATH))
		return 0;
	if (!n->dry_run && map_names_ours())
		return error_set(err, -EAGAIN, INDEX_PATH, 0,
				 "names the site's models again, so something still has cpushim "
				 "look after libvirt's map (a unit in /etc/systemd/system, say); "
				 "take that away, then run `cpushim remove` again");
	r = read_map(INCLUDE_PATH, &text, &len, err);
	if (r < 0)
		return r;
	r = read_map(INCLUDE_COPY, &copy.data, &copy.len, NULL);
	if (r == 0 ? has_include(&copy) : strstr(text, MAPINCLUDE_NAMES) != NULL) {
		r = change_delete(n, INCLUDE_PATH, err);
		return r == 0 ? remove_map_dirs(n, err) : r;
	}
	node_warn(n, INCLUDE_PATH ": isn't what cpushim wrote; left alone");
	return 0;
}
