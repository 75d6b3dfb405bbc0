/* SPDX-License-Identifier: Apache-2.0 */
#include "mapmount.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#define FILE_LIMIT ((size_t)16 << 20)

/* -EINVAL is libvirt's no, and not the kernel's */
static int fail(const char *path, const char *what, struct error *err)
{
	int code = errno;

	return error_set(err, code == EINVAL ? -EIO : -code, path, 0,
			 "can't be tried with libvirt, as %s: %s", what, strerror(code));
}

/* ---- the namespaces ---- */

static int write_map(const char *file, const char *text)
{
	_cleanup_close_ int fd = open(file, O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -1;
}

/* A user namespace, in which one may mount. The user and the group keep their numbers: libvirt takes one
 * who is root there for root. */
static int become_mounter(void)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	char uids[64], gids[64];

	(void)snprintf(uids, sizeof(uids), "%u %u 1\n", uid, uid);
	(void)snprintf(gids, sizeof(gids), "%u %u 1\n", gid, gid);
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 || write_map("/proc/self/uid_map", uids) < 0 ||
	    write_map("/proc/self/setgroups", "deny") < 0)
		return -1;
	return write_map("/proc/self/gid_map", gids);
}

/* Nobody else sees its mounts, unless / isn't a mount point (a chroot): then they can't be made private. */
static int separate(struct mapmount *m, const char *path, struct error *err)
{
	if ((geteuid() == 0 ? unshare(CLONE_NEWNS) : become_mounter()) < 0)
		return fail(path, "no mount namespace can be made", err);
	m->seen = mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0;
	if (m->seen && errno != EINVAL)
		return fail(path, "mounts can't be made private", err);
	/* so that it lives to remove them: the task that it runs ends with whoever waits for it */
	if (m->seen)
		(void)prctl(PR_SET_PDEATHSIG, 0);
	return 0;
}

/* ---- the files ---- */

static int copy_file(int from_dir, const char *name, int to_dir)
{
	_cleanup_close_ int from = openat(from_dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	_cleanup_close_ int to = -1;
	_cleanup_free_ char *data = NULL;
	struct stat st;
	size_t len = 0;

	if (from < 0 || fstat(from, &st) < 0)
		return errno == ENOENT ? 0 : -errno; /* a link that leads nowhere */
	if (!S_ISREG(st.st_mode))
		return 0;
	if (fd_read_all(from, FILE_LIMIT, &data, &len) < 0)
		return -EIO;
	to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	return to >= 0 && write(to, data, len) == (ssize_t)len ? 0 : -EIO;
}

static int copy_files(DIR *from, const char *dir)
{
	_cleanup_close_ int to = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct dirent *entry;
	int r = to < 0 ? -errno : 0;

	while (r == 0 && (entry = readdir(from)))
		r = copy_file(dirfd(from), entry->d_name, to);
	errno = -r;
	return r;
}

static char *directory_of(const char *path)
{
	return strndup(path, (size_t)(strrchr(path, '/') - path));
}

/* Mounts a copy of @dir over it: there files can be made. Once is enough. */
static int make_room(struct mapmount *m, const char *dir, struct error *err)
{
	DIR *from = strv_has(&m->mounts, dir) ? NULL : opendir(dir);
	int r;

	if (strv_has(&m->mounts, dir))
		return 0;
	if (!from)
		return fail(dir, "its directory can't be read", err);
	r = mount("cpushim", dir, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755") < 0
		    ? fail(dir, "nothing can be mounted", err)
		    : strv_add(&m->mounts, dir, strlen(dir));
	if (r == 0 && copy_files(from, dir) < 0)
		r = fail(dir, "its directory can't be copied", err);
	(void)closedir(from);
	return r;
}

/* Sees to it that @file's path is there, with its text. */
static int make_file(struct mapmount *m, const struct map_binding *file, struct error *err)
{
	_cleanup_free_ char *dir = directory_of(file->path);
	_cleanup_close_ int made = -1;
	size_t len = file->text ? strlen(file->text) : 0;
	int r;

	if (!file->text && access(file->path, F_OK) == 0)
		return 0;
	r = dir ? make_room(m, dir, err) : error_set(err, -ENOMEM, file->path, 0, "out of memory");
	if (r < 0)
		return r;
	made = open(file->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (made < 0)
		return fail(file->path, "it can't be made", err);
	r = fd_write_all(made, file->text, len);
	return r < 0 ? error_set(err, r, file->path, 0, "can't be written: %s", strerror(-r)) : 0;
}

static int bind_file(struct mapmount *m, const struct map_binding *file, struct error *err)
{
	if (file->text)
		return 0;
	return mount(file->staged, file->path, NULL, MS_BIND, NULL) < 0
		       ? fail(file->path, "nothing can be mounted", err)
		       : strv_add(&m->mounts, file->path, strlen(file->path));
}

int mapmount(struct mapmount *m, const struct map_binding *file, size_t n, struct error *err)
{
	int r = separate(m, file[0].path, err);

	for (size_t i = 0; i < n && r == 0; i++)
		r = make_file(m, &file[i], err);
	for (size_t i = 0; i < n && r == 0; i++)
		r = bind_file(m, &file[i], err);
	return r;
}

void mapmount_undo(struct mapmount *m)
{
	for (size_t i = m->mounts.n; m->seen && i-- > 0;)
		(void)umount2(m->mounts.item[i], MNT_DETACH);
	strv_free(&m->mounts);
}

char *mapmount_room(const struct map_binding *file, struct error *err)
{
	_cleanup_free_ char *dir = directory_of(file->path);
	char *room;

	if (!dir || asprintf(&room, "%s/.cpushim", dir) < 0) {
		error_set(err, -ENOMEM, file->path, 0, "out of memory");
		return NULL;
	}
	if (mkdir(room, 0755) == 0)
		return room;
	(void)fail(room, "it can't be made", err);
	free(room);
	return NULL;
}

void mapmount_device(const struct mapmount *m, const struct map_binding *file, const char *device)
{
	_cleanup_free_ char *dir = directory_of(file->path), *room = NULL, *node = NULL;
	struct stat st;

	if (m->seen || geteuid() != 0 || stat(device, &st) < 0 || !S_ISCHR(st.st_mode) || !dir ||
	    asprintf(&room, "%s/.cpushim-device", dir) < 0 ||
	    asprintf(&node, "%s/device", room) < 0)
		return;
	/* the other tmpfs has no devices */
	if (mkdir(room, 0755) == 0 &&
	    mount("cpushim", room, "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=755") == 0 &&
	    mknod(node, S_IFCHR, st.st_rdev) == 0 && chmod(node, 0666) == 0)
		(void)mount(node, device, NULL, MS_BIND, NULL);
}
