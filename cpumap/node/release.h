/* SPDX-License-Identifier: Apache-2.0 */
/* Which libvirt a node has, without asking it: a root that is prepared can't be asked. */
#ifndef CPUSHIM_RELEASE_H
#define CPUSHIM_RELEASE_H

/* libvirt_installed_release: 1000000 * major + 1000 * minor + micro, by the name of its library,
 * libvirt.so.0.(1000 * major + minor).micro (hook/core/libvirtproc.h). 0: it isn't known. */
unsigned long libvirt_installed_release(void);

/* libvirt_library: the path of that library, below the root, links followed. NULL: there is none. */
char *libvirt_library(void);

#endif
