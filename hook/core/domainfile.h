/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where libvirt's QEMU driver stores a domain's files, by the domain's name. libc alone.
 *
 * Source: the PID file is virPidFileBuildPath's (src/util/virpidfile.c): the plain name up to 1.2,
 * the XML-escaped one later (virBufferEscapeString; 9.0 measured). The other files have the plain
 * name in every release: virDomainConfigFile (src/conf/domain_conf.c), the log of
 * src/qemu/qemu_domain.c and, since 8.0, src/qemu/qemu_logcontext.c.
 */
#ifndef CPUSHIM_DOMAINFILE_H
#define CPUSHIM_DOMAINFILE_H

#include <stdbool.h>

enum domainfile {
	DOMAINFILE_PID,        /* of the QEMU that runs */
	DOMAINFILE_STATUS,     /* <domstatus> of a domain that runs: its CPU as libvirt made it */
	DOMAINFILE_DEFINITION, /* what the next start asks for; transient domains have none */
	DOMAINFILE_LOG,        /* what its QEMU said */
	DOMAINFILE_SNAPSHOTS,  /* a directory: a <domainsnapshot> each (qemu_driver.c) */
	DOMAINFILE_SAVE,       /* managed save: an image (qemuDomainManagedSavePath) */
};

/**
 * domainfile_path: a path that a file of domain @name may have, under CPUSHIM_ROOT.
 * @path: an allocated string
 * @name: hostile
 * @spelling: 0, and upwards until -ENOENT: libvirt's releases spell the same name differently. A
 *	      file that is found may be another domain's ("R&amp;D" is a name, too): hold its UUID or
 *	      name against the domain's.
 * Returns 0; -ENOENT: there is no such spelling, or @name can't be a file's name; -ENOMEM.
 */
int domainfile_path(char **path, enum domainfile kind, const char *name, unsigned int spelling);

/* domainfile_exists: is there such a file or directory, by the plain name? */
bool domainfile_exists(enum domainfile kind, const char *name);

/* domainfile_dir: the directory of that kind of files, not under CPUSHIM_ROOT. */
const char *domainfile_dir(enum domainfile kind);

/**
 * domainfile_each: call @look for each domain that has a file of that kind (not DOMAINFILE_PID, whose
 * names are escaped), by the plain name, until it returns another value than 0.
 * Returns that value, or 0; -ENOMEM.
 */
int domainfile_each(enum domainfile kind, int (*look)(const char *name, void *data), void *data);

#endif
