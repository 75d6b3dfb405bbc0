/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of libvirt's map as if they were others, for this process and its children alone: a private mount
 * namespace. The process is one that ends with its question (cpumap/core/task.h).
 */
#ifndef CPUSHIM_MAPMOUNT_H
#define CPUSHIM_MAPMOUNT_H

#include "cpumap/core/error.h"
#include "cpumap/core/util.h"

/* A file of the map: @path (absolute) as if it were the file @staged, or had @text. @path may be missing. */
struct map_binding {
	const char *staged; /* NULL: @text */
	const char *path;
	const char *text;
};

/* What was mounted. Zero-initialise. */
struct mapmount {
	struct strv mounts;
	bool seen; /* other processes see it: where / is no mount point (a chroot) */
};

/**
 * mapmount: put the files there, in a mount namespace of this process. A user who isn't root needs a kernel
 * that lets users have namespaces; the process stays that user's.
 * The caller calls mapmount_undo, also on error.
 * -EPERM, -EACCES: mounting isn't allowed here
 */
int mapmount(struct mapmount *m, const struct map_binding *file, size_t n, struct error *err);

/* mapmount_undo: unmount what other processes see. The rest goes with the process. */
void mapmount_undo(struct mapmount *m);

/**
 * mapmount_room: make a directory that only this process sees, beside a file that mapmount was given as
 * text. Returns its path, which the caller frees, or NULL and @err.
 */
char *mapmount_room(const struct map_binding *file, struct error *err);

/* mapmount_device: where root asks, let this process and its children use a device whatever user they become.
 * Nothing where other processes would see that, or where it can't be done. */
void mapmount_device(const struct mapmount *m, const struct map_binding *file, const char *device);

#endif
