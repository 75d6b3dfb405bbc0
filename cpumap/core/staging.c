/* SPDX-License-Identifier: Apache-2.0 */
#include "staging.h"

#include <errno.h>
#include <sys/stat.h>

/* A free name beside @path. `cpushim remove` removes the files of such names that killed runs left. */
static char *name_beside(const char *path)
{
	char *name = NULL;
	int fd;

	if (asprintf(&name, "%s.cpushim-XXXXXX", path) < 0)
		return NULL;
	fd = mkostemp(name, 0);
	if (fd < 0) {
		free(name);
		return NULL;
	}
	(void)close(fd);
	(void)unlink(name);
	return name;
}

static int grow(struct staging *s, const char *path, struct error *err)
{
	struct staged *grown = reallocarray(s->file, s->n + 1, sizeof(*grown));
	char *copy = strdup(path);

	if (grown)
		s->file = grown;
	if (!grown || !copy) {
		free(copy);
		return error_set(err, -ENOMEM, path, 0, "out of memory");
	}
	s->file[s->n++] = (struct staged){.path = copy};
	return 0;
}

static bool has_mode(const char *path, mode_t mode)
{
	struct stat st;

	return stat(path, &st) == 0 && (st.st_mode & 07777) == mode;
}

int staging_add(struct staging *s, const char *path, mode_t mode, const char *data, size_t len,
		bool *changed, struct error *err)
{
	bool same = file_has(path, data, len) && has_mode(path, mode);
	int r;

	if (changed)
		*changed = !same;
	if (same)
		return 0;
	r = grow(s, path, err);
	return r < 0 ? r : file_write_beside(path, mode, data, len, &s->file[s->n - 1].new, err);
}

int staging_edit(struct staging *s, const char *path, const char *data, size_t len, bool *changed,
		 struct error *err)
{
	const char *new;
	struct stat st;
	int r;

	if (stat(path, &st) < 0)
		return error_set(err, -errno, path, 0, "%s", strerror(errno));
	r = staging_add(s, path, st.st_mode & 07777, data, len, changed, err);
	new = r < 0 ? NULL : staging_file(s, path);
	if (new &&chown(new, st.st_uid, st.st_gid) < 0)
		return error_set(err, -errno, path, 0, "its owner can't be kept: %s",
				 strerror(errno));
	return r;
}

const char *staging_file(const struct staging *s, const char *path)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->file[i].path, path) == 0)
			return s->file[i].new;
	return NULL;
}

/* Gives the old file a second name. One that can't have it (it is immutable, or a mount point)
 * couldn't be replaced either, and so that is known before any file is replaced. */
static int name_old(struct staged *f, struct error *err)
{
	char *old;

	if (access(f->path, F_OK) < 0 && errno == ENOENT)
		return 0;
	old = name_beside(f->path);
	if (!old || link(f->path, old) < 0) {
		int code = -errno;

		free(old);
		return error_set(err, code, f->path, 0, "can't be replaced: %s", strerror(-code));
	}
	f->old = old;
	return 0;
}

static int place(struct staged *f, struct error *err)
{
	int r;

	if (rename(f->new, f->path) < 0)
		return error_set(err, -errno, f->path, 0, "can't be replaced: %s", strerror(errno));
	f->placed = true;
	r = sync_directory(f->path);
	if (r < 0)
		return error_set(err, r, f->path, 0, "directory can't be synced: %s", strerror(-r));
	return 0;
}

/* Takes back what was placed, the last file first. True: everything is as it was. */
static bool take_back(struct staging *s, const char **left)
{
	bool all = true;

	for (size_t i = s->n; i-- > 0;) {
		struct staged *f = &s->file[i];
		int r = 0;

		if (!f->placed)
			continue;
		r = f->old ? rename(f->old, f->path) : unlink(f->path);
		f->placed = false;
		if (r == 0) {
			free(steal_pointer(&f->old));
			continue;
		}
		*left = f->path;
		all = false;
	}
	return all;
}

int staging_place(struct staging *s, struct error *err)
{
	const char *left = NULL;
	struct error why = {0};
	int r = 0;

	for (size_t i = 0; i < s->n && r == 0; i++)
		r = name_old(&s->file[i], &why);
	for (size_t i = 0; i < s->n && r == 0; i++)
		r = place(&s->file[i], &why);
	if (r == 0)
		return 0;
	if (take_back(s, &left))
		return error_set(err, r, why.where, 0, "%s", why.what);
	return error_set(err, r, why.where, 0,
			 "%s; and %s, which is new already, couldn't be put back", why.what, left);
}

void staging_commit(struct staging *s)
{
	s->committed = true;
}

void staging_free(struct staging *s)
{
	const char *left;

	if (!s->committed)
		(void)take_back(s, &left);
	for (size_t i = 0; i < s->n; i++) {
		struct staged *f = &s->file[i];

		if (f->new)
			(void)unlink(f->new); /* a placed file has no such name any more */
		if (f->old)
			(void)unlink(f->old);
		free(f->path);
		free(f->new);
		free(f->old);
	}
	free(s->file);
	*s = (struct staging){0};
}
