/* SPDX-License-Identifier: Apache-2.0 */
/* The domain XML in an image that libvirt saved a guest to. */
#ifndef CPUSHIM_SAVEIMAGE_H
#define CPUSHIM_SAVEIMAGE_H

#include <stddef.h>

/* saveimage_xml: the XML of the image at @path, allocated; NULL: there is no such image. */
char *saveimage_xml(const char *path, size_t *len);

#endif
