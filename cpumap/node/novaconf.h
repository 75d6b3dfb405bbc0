/* SPDX-License-Identifier: Apache-2.0 */
/* What nova-compute's configuration says of CPUs: [libvirt] virt_type, cpu_mode, cpu_models (cpu_model up
 * to nova 19) and cpu_model_extra_flags. Plain text, read as oslo.config does. */
#ifndef CPUSHIM_NOVACONF_H
#define CPUSHIM_NOVACONF_H

#include "cpumap/core/error.h"
#include "cpumap/core/util.h"

struct novaconf {
	struct strv files;  /* those that were read */
	char virt_type[32]; /* "kvm" if nothing else is said */
	char cpu_mode[32];  /* "": not said */
	struct strv models;
	struct strv flags; /* "+pcid", "-vme", "aes" */
};

/**
 * novaconf_read: read nova.conf, and what is read after it: nova-compute.conf (Debian's), nova-cpu.conf
 * (DevStack's).
 * Returns 0; -ENOENT: there is none; -EACCES: only others may read it.
 */
int novaconf_read(struct novaconf *n, struct error *err);
void novaconf_free(struct novaconf *n);
#define _cleanup_novaconf_ __attribute__((cleanup(novaconf_free)))

#endif
