/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may be changed on a node, one call for each kind of change. A call finds out whether the
 * change is needed. If so it notes it in the receipt, makes it, and syncs it; with --dry-run it
 * tells it instead. What libvirt or QEMU reads is replaced by the rename of a complete, synced file.
 *
 * Paths are the node's, not below CPUSHIM_ROOT. Each call returns 0, or -errno and @err, and then
 * the file is as it was.
 */
#ifndef CPUSHIM_CHANGE_H
#define CPUSHIM_CHANGE_H

#include <sys/stat.h>

#include "node.h"

/* change_inside: can @path be changed without leaving a prepared root? -EXDEV: a link on the way leads
 * out of it. Nothing is changed. */
int change_inside(const char *path, struct error *err);

/* change_put: @path is to be a file with @len bytes of @data, @mode, owned by root. */
int change_put(struct node *n, const char *path, mode_t mode, const char *data, size_t len,
	       struct error *err);

/* change_place: the same for a file whose place another line of the receipt tells, or that
 * `cpushim remove` knows; whatever is there is replaced. */
int change_place(struct node *n, const char *path, mode_t mode, const char *data, size_t len,
		 struct error *err);

/* change_copy: change_put with the bytes of the file @from, which isn't below the node's root. */
int change_copy(struct node *n, const char *from, const char *path, mode_t mode, struct error *err);

/**
 * change_edit: the file of others at @path is to have @len bytes of @data; it keeps its owner and
 * mode. If there is none it is made, and noted as made by us.
 */
int change_edit(struct node *n, const char *path, const char *data, size_t len, struct error *err);

/* change_directory: @path is to be a directory. Those above it that are missing are made, too. */
int change_directory(struct node *n, const char *path, struct error *err);

/* change_unput: a file that change_put put goes. One that others changed since stays, and is named.
 * Without a receipt, one that is recognisably ours goes. */
int change_unput(struct node *n, const char *path, struct error *err);

/* change_delete: @path goes, whatever it is. */
int change_delete(struct node *n, const char *path, struct error *err);

/* change_link: @to is to be a second name of the file @from. */
int change_link(struct node *n, const char *from, const char *to, struct error *err);

/* change_rename: @from gets the name @to. */
int change_rename(struct node *n, const char *from, const char *to, struct error *err);

/* change_undirectory: a directory that we made goes if it is empty. */
int change_undirectory(struct node *n, const char *path, struct error *err);

/* change_begin: a change of another kind is about to be made; fmt tells it. Returns false with
 * --dry-run: then it must not be made. */
bool change_begin(struct node *n, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* change_is_ours: has the file at @path something that no other program's file has? */
bool change_is_ours(const char *path);

#endif
