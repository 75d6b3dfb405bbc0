/* SPDX-License-Identifier: Apache-2.0 */
/* May the user that QEMU runs as use a file? The modes of the file and of all directories before it
 * say so: root may read everything, and wouldn't notice. ACLs and confinement aren't looked at. */
#ifndef CPUSHIM_ACCESS_H
#define CPUSHIM_ACCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct user {
	char name[64];
	uid_t uid;
	gid_t *gid; /* all of its groups */
	size_t n_gids;
};

/**
 * user_of_qemu: the user that this libvirt runs QEMU as: what its qemu.conf says, or else the one that
 * distributions make: libvirt-qemu (Debian) or qemu (Red Hat).
 * -ENOENT: there is no such user here
 */
int user_of_qemu(struct user *u);
void user_free(struct user *u);
#define _cleanup_user_ __attribute__((cleanup(user_free)))

/**
 * user_may_not: what keeps the user from doing @bits (R_OK, X_OK) to the file at @path.
 * @path: not under CPUSHIM_ROOT
 * Returns NULL if nothing does, or if there is no such file; else an allocated path: the file's, or
 * that of the directory on the way to it which can't be passed.
 */
char *user_may_not(const struct user *u, const char *path, int bits);

#endif
