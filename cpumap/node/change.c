/* SPDX-License-Identifier: Apache-2.0 */
#include "change.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>

#include "cpumap/core/paths.h"
#include "cpumap/define/digest.h"
#include "label.h"

#define FILE_LIMIT ((size_t)64 << 20)
#define NEW        ".cpushim-new" /* the name of a file that is being written */

static int no_memory(const char *path, struct error *err)
{
	return error_set(err, -ENOMEM, path, 0, "out of memory");
}

static int cant(const char *path, const char *what, struct error *err)
{
	int code = errno;
	/* these two say that the node refuses, when it is asked */
	bool taken = code == EBUSY || code == EAGAIN;

	return error_set(err, taken ? -EIO : -code, path, 0, "can't be %s: %s", what,
			 strerror(code));
}

/* Where @path is below the node's root. A link in a prepared root may lead out of it, to the machine
 * that prepares it: that is an error. */
static char *locate(const char *path, struct error *err)
{
	_cleanup_free_ char *here = root_path(path), *dir = here ? strdup(here) : NULL;
	_cleanup_free_ char *root = root_path("/"), *real_root = NULL, *real_dir = NULL;
	size_t len;

	if (!here || !root || !dir) {
		(void)no_memory(path, err);
		return NULL;
	}
	if (node_is_live())
		return steal_pointer(&here);
	/* the nearest directory that is there */
	do
		*strrchr(dir, '/') = '\0';
	while (*dir && !(real_dir = realpath(dir, NULL)));
	real_root = realpath(root, NULL);
	len = real_root ? strlen(real_root) : 0;
	if (real_dir && real_root && strncmp(real_dir, real_root, len) == 0 &&
	    (real_dir[len] == '/' || !real_dir[len]))
		return steal_pointer(&here);
	(void)error_set(err, -EXDEV, here, 0,
			"a symbolic link on the way leads out of %s; make it a relative one", root);
	return NULL;
}

int change_inside(const char *path, struct error *err)
{
	_cleanup_free_ char *here = locate(path, err);

	return here ? 0 : err->code;
}

bool change_begin(struct node *n, const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (n->dry_run) {
		/* a directory that is missing is found missing for each of its files */
		if (!strv_has(&n->told, line)) {
			node_say(n, "   would %s", line);
			(void)strv_add(&n->told, line, strlen(line));
		}
		return false;
	}
	n->changes++;
	if (n->stop_at == n->changes)
		(void)kill(getpid(), SIGKILL);
	return true;
}

/* The digest of a file's bytes; "-" if there is no file. */
static void digest_file(const char *here, char hex[DIGEST_HEX])
{
	_cleanup_text_ struct text t = {0};

	(void)strcpy(hex, "-");
	if (file_read(here, TRUST_ANY, FILE_LIMIT, &t.data, &t.len, NULL) == 0)
		digest_of(&t, hex);
}

bool change_is_ours(const char *path)
{
	_cleanup_free_ char *here = root_path(path), *data = NULL;
	size_t len;

	if (!here || file_read(here, TRUST_ANY, FILE_LIMIT, &data, &len, NULL) < 0)
		return false;
	if (strncmp(path, LIB_DIR "/", strlen(LIB_DIR "/")) == 0 ||
	    strncmp(path, SHIPPED_DIR "/", strlen(SHIPPED_DIR "/")) == 0)
		return true;
	/* a script may well call us */
	return memmem(data, len, "cpushim", strlen("cpushim")) &&
	       !(len > 1 && data[0] == '#' && data[1] == '!');
}

int change_directory(struct node *n, const char *path, struct error *err)
{
	_cleanup_free_ char *here = locate(path, err), *above = strdup(path);
	char *slash = above ? strrchr(above, '/') : NULL;
	struct stat st;
	int r;

	if (!here || !slash)
		return here ? no_memory(path, err) : err->code;
	if (stat(here, &st) == 0)
		return S_ISDIR(st.st_mode)
			       ? 0
			       : error_set(err, -ENOTDIR, here, 0,
					   "is no directory, and has to be one; move it "
					   "away");
	*slash = '\0';
	if (*above) {
		r = change_directory(n, above, err);
		if (r < 0)
			return r;
	}
	if (!change_begin(n, "make the directory %s", path))
		return 0;
	/* the receipt's own directory can't be noted before it is there */
	if (strcmp(path, LIB_DIR) != 0) {
		r = receipt_note(&n->receipt, RECEIPT_DIR, path, NULL, err);
		if (r < 0)
			return r;
	}
	if (mkdir(here, 0755) < 0)
		return cant(here, "made", err);
	(void)sync_directory(here);
	return 0;
}

static int change_directory_of(struct node *n, const char *path, struct error *err)
{
	_cleanup_free_ char *dir = strndup(path, (size_t)(strrchr(path, '/') - path));

	if (!dir)
		return no_memory(path, err);
	return *dir ? change_directory(n, dir, err) : 0;
}

/* How a new file is to be. */
struct wanted {
	mode_t mode;
	uid_t uid;
	gid_t gid;
	const char *data;
	size_t len;
};

/* Opens @new, and locks it until it is closed, as libvirt's start may mend a file while `ready` writes it.
 * What another run has put in its place meanwhile isn't written any more. -1: errno tells why */
static int open_new(const char *new)
{
	struct stat st, named;

	for (;;) {
		int fd;

		if (lstat(new, &named) == 0 && !S_ISREG(named.st_mode))
			(void)unlink(new);
		fd = open(new, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		/* some file systems have no locks */
		if (fd < 0 || (flock(fd, LOCK_EX) < 0 && errno != EINTR))
			return fd;
		if (fstat(fd, &st) == 0 && lstat(new, &named) == 0 && st.st_dev == named.st_dev &&
		    st.st_ino == named.st_ino)
			return fd;
		(void)close(fd);
	}
}

/* Writes the file that is to be at @path. It can't be executed before it is complete: libvirt runs what
 * it finds in qemu.d. */
static int write_new(int fd, const char *new, const char *path, const struct wanted *w,
		     struct error *err)
{
	if (fchmod(fd, 0600) < 0 || ftruncate(fd, 0) < 0 || fchown(fd, w->uid, w->gid) < 0)
		return cant(path, "written", err);
	errno = -fd_write_all(fd, w->data, w->len);
	if (errno)
		return cant(path, "written", err);
	if (label_as(new, path, err) < 0)
		return err->code;
	if (fchmod(fd, w->mode) < 0 || fsync(fd) < 0)
		return cant(path, "written", err);
	return 0;
}

static int replace(const char *here, const char *path, const struct wanted *w, struct error *err)
{
	_cleanup_free_ char *new = NULL;
	_cleanup_close_ int fd = -1;
	int r;

	if (asprintf(&new, "%s" NEW, here) < 0) {
		new = NULL;
		return no_memory(path, err);
	}
	fd = open_new(new);
	r = fd < 0 ? cant(path, "written", err) : write_new(fd, new, path, w, err);
	if (r == 0 && rename(new, here) < 0)
		r = cant(here, "replaced", err);
	if (r < 0) {
		(void)unlink(new);
		return r;
	}
	(void)sync_directory(here);
	return 0;
}

/* Refuses to write over another program's file. */
static int check_theirs(const struct node *n, const char *path, const char *here, struct error *err)
{
	struct stat st;

	if (lstat(here, &st) < 0 || receipt_has(&n->receipt, RECEIPT_FILE, path, NULL))
		return 0;
	if (S_ISREG(st.st_mode) && (st.st_size == 0 || change_is_ours(path)))
		return 0;
	return error_set(err, -EEXIST, here, 0,
			 "is there already and isn't cpushim's; move it away, then run this again");
}

static int note_file(struct node *n, const char *path, const char *here, const struct wanted *w,
		     struct error *err)
{
	struct text t = {.data = (char *)w->data, .len = w->len};
	char sha256[DIGEST_HEX], before[DIGEST_HEX], mode[16];

	digest_of(&t, sha256);
	digest_file(here, before);
	(void)snprintf(mode, sizeof(mode), "%o", (unsigned int)w->mode);
	return receipt_note(&n->receipt, RECEIPT_FILE, path,
			    &(struct receipt_entry){sha256, mode, "0:0", before}, err);
}

static bool is_there(const char *here, const struct wanted *w)
{
	struct stat st;

	return lstat(here, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 07777) == w->mode &&
	       file_has(here, w->data, w->len);
}

int change_put(struct node *n, const char *path, mode_t mode, const char *data, size_t len,
	       struct error *err)
{
	struct wanted w = {.mode = mode, .data = data, .len = len};
	_cleanup_free_ char *here = locate(path, err);
	int r;

	if (!here)
		return err->code;
	if (is_there(here, &w))
		return n->dry_run ? 0 : note_file(n, path, here, &w, err);
	r = check_theirs(n, path, here, err);
	if (r == 0)
		r = change_directory_of(n, path, err);
	if (r < 0 || !change_begin(n, "put %s", path))
		return r;
	r = note_file(n, path, here, &w, err);
	return r < 0 ? r : replace(here, path, &w, err);
}

int change_place(struct node *n, const char *path, mode_t mode, const char *data, size_t len,
		 struct error *err)
{
	struct wanted w = {.mode = mode, .data = data, .len = len};
	_cleanup_free_ char *here = locate(path, err);

	if (!here)
		return err->code;
	if (is_there(here, &w) || !change_begin(n, "put %s", path))
		return 0;
	return replace(here, path, &w, err);
}

int change_copy(struct node *n, const char *from, const char *path, mode_t mode, struct error *err)
{
	_cleanup_free_ char *data = NULL;
	size_t len;
	int r = file_read(from, TRUST_ANY, FILE_LIMIT, &data, &len, err);

	return r < 0 ? r : change_put(n, path, mode, data, len, err);
}

int change_edit(struct node *n, const char *path, const char *data, size_t len, struct error *err)
{
	struct wanted w = {.mode = 0644, .data = data, .len = len};
	_cleanup_free_ char *here = locate(path, err);
	struct stat st;
	bool there;
	int r;

	if (!here)
		return err->code;
	there = lstat(here, &st) == 0;
	if (there && !S_ISREG(st.st_mode))
		return error_set(err, -EINVAL, here, 0,
				 "is no regular file, and cpushim replaces nothing else; put the "
				 "file itself there");
	if (there && file_has(here, data, len))
		return 0;
	r = change_directory_of(n, path, err);
	if (r < 0 || !change_begin(n, "change %s", path))
		return r;
	if (!n->removing)
		r = receipt_note(&n->receipt, there ? RECEIPT_EDIT : RECEIPT_MADE, path, NULL, err);
	if (r < 0)
		return r;
	if (there) {
		w.mode = st.st_mode & 07777;
		w.uid = st.st_uid;
		w.gid = st.st_gid;
	}
	return replace(here, path, &w, err);
}

int change_delete(struct node *n, const char *path, struct error *err)
{
	_cleanup_free_ char *here = locate(path, err);
	struct stat st;

	if (!here)
		return err->code;
	if (lstat(here, &st) < 0 || !change_begin(n, "remove %s", path))
		return 0;
	if (unlink(here) < 0)
		return cant(here, "removed", err);
	(void)sync_directory(here);
	return 0;
}

/* Is the file one that we put, in whatever release? What is no file any more isn't. */
static bool is_as_put(const struct node *n, const char *path, const char *here)
{
	char sha256[DIGEST_HEX];
	struct stat st;

	if (lstat(here, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	if (n->receipt.lost)
		return change_is_ours(path);
	digest_file(here, sha256);
	return receipt_has(&n->receipt, RECEIPT_FILE, path, sha256);
}

int change_unput(struct node *n, const char *path, struct error *err)
{
	_cleanup_free_ char *here = locate(path, err), *new = NULL;
	struct stat st;
	int r;

	if (!here)
		return err->code;
	if (asprintf(&new, "%s" NEW, path) < 0) {
		new = NULL;
		return no_memory(path, err);
	}
	if (change_delete(n, new, err) < 0)
		return err->code;
	if (lstat(here, &st) < 0)
		return 0;
	if (is_as_put(n, path, here)) {
		r = change_delete(n, path, err);
		return r < 0 || n->removing || n->dry_run
			       ? r
			       : receipt_forget(&n->receipt, RECEIPT_FILE, path, err);
	}
	node_warn(n, "%s: was changed since it was installed; left alone", here);
	return 0;
}

int change_link(struct node *n, const char *from, const char *to, struct error *err)
{
	_cleanup_free_ char *here = locate(from, err), *there = here ? locate(to, err) : NULL;

	if (!here || !there)
		return err->code;
	if (!change_begin(n, "give %s the second name %s", from, to))
		return 0;
	if (link(here, there) < 0)
		return cant(there, "made", err);
	(void)sync_directory(there);
	return 0;
}

int change_rename(struct node *n, const char *from, const char *to, struct error *err)
{
	_cleanup_free_ char *here = locate(from, err), *there = here ? locate(to, err) : NULL;

	if (!here || !there)
		return err->code;
	if (!change_begin(n, "rename %s to %s", from, to))
		return 0;
	if (rename(here, there) < 0)
		return cant(there, "put back", err);
	(void)sync_directory(there);
	return 0;
}

int change_undirectory(struct node *n, const char *path, struct error *err)
{
	_cleanup_free_ char *here = locate(path, err);

	if (!here)
		return err->code;
	if (access(here, F_OK) < 0)
		return 0;
	if (n->dry_run)
		return 0; /* whether it will be empty isn't known yet */
	/* a link to one, which the site has made, stays */
	if (rmdir(here) < 0)
		return errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR
			       ? 0
			       : cant(here, "removed", err);
	n->changes++;
	return 0;
}
