/* SPDX-License-Identifier: Apache-2.0 */
/* The XML that libvirt itself keeps of its domains, read from its files: nobody may ask libvirt
 * while it waits for a hook, and a daemon that hangs must not hang us. */
#ifndef CPUSHIM_KEPT_H
#define CPUSHIM_KEPT_H

#include "cpumap/core/paths.h"
#include "hook/core/domainfile.h"
#include "domain.h"

struct kept {
	char *path; /* the file, as errors name it */
	char *xml;
	struct domain domain;
};

/**
 * kept_read: a domain's status or definition.
 * @kind: DOMAINFILE_STATUS or DOMAINFILE_DEFINITION
 * @name: hostile; one that can't be a file's name has no file
 * -ENOENT: there is none; -EACCES: only root may
 */
int kept_read(struct kept *k, enum domainfile kind, const char *name, struct error *err);
void kept_free(struct kept *k);
#define _cleanup_kept_ __attribute__((cleanup(kept_free)))

/**
 * kept_last_words: what a domain's QEMU said last, by libvirt's log of it; libvirt's own lines left
 * out. An allocated string, hostile as it is; NULL: there is none.
 */
char *kept_last_words(const char *name);

#endif
