/* SPDX-License-Identifier: Apache-2.0 */
/* An image that libvirt saved a guest to. */
#ifndef CPUSHIM_SAVEIMAGE_H
#define CPUSHIM_SAVEIMAGE_H

#include "domain.h"

/* saveimage_read: the domain in the image at @path, with the CPU that a restore would give it. @text: receives
 * what @d refers to, allocated. -ENOENT: there is no such image; others as domain_read */
int saveimage_read(struct domain *d, char **text, const char *path);

#endif
