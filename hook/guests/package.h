/* SPDX-License-Identifier: Apache-2.0 */
/* What dpkg's own files say of a file: the package that it belongs to, and where dpkg puts it. dpkg
 * isn't run. */
#ifndef CPUSHIM_PACKAGE_H
#define CPUSHIM_PACKAGE_H

#include <stdbool.h>

/**
 * package_of: the package that has a file at @path, one of those whose name begins with @begins.
 * Allocated; NULL: none has, or there is no dpkg here.
 * @path: not under CPUSHIM_ROOT
 */
char *package_of(const char *path, const char *begins);

/**
 * package_cure: what brings the QEMU of the emulator at @path back, as a cure. Allocated; NULL: out of
 * memory.
 */
char *package_cure(const char *path);

/* Where dpkg puts the file of a path instead. */
struct diversion {
	char *to;   /* NULL: there is none */
	bool local; /* the administrator's or cpushim's own, and no other package's */
};

/* diversion_of: by /var/lib/dpkg/diversions. 0; -ENOENT: there is no dpkg here; -ENOMEM. */
int diversion_of(struct diversion *d, const char *path);
void diversion_free(struct diversion *d);
#define _cleanup_diversion_ __attribute__((cleanup(diversion_free)))

#endif
