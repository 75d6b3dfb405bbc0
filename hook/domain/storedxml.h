/* SPDX-License-Identifier: Apache-2.0 */
/* The XML that libvirt stores of its domains, read from libvirt's files. libvirt can't be asked
 * while it waits for a hook, and a daemon that hangs must not hang us. */
#ifndef CPUSHIM_STOREDXML_H
#define CPUSHIM_STOREDXML_H

#include "cpumap/core/paths.h"
#include "hook/core/domainfile.h"
#include "domain.h"

struct storedxml {
	char *path; /* the file, as errors name it */
	char *xml;
	struct domain domain;
};

/**
 * storedxml_read: a domain's status or definition.
 * @kind: DOMAINFILE_STATUS or DOMAINFILE_DEFINITION
 * @name: hostile; one that can't be a file's name has no file
 * -ENOENT: there is none; -EACCES: only root may
 */
int storedxml_read(struct storedxml *s, enum domainfile kind, const char *name, struct error *err);
void storedxml_free(struct storedxml *s);
#define _cleanup_storedxml_ __attribute__((cleanup(storedxml_free)))

#endif
