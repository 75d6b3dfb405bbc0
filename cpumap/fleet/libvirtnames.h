/* SPDX-License-Identifier: Apache-2.0 */
/* Which features a libvirt knew by name that described a CPU. It doesn't tell its release with it. */
#ifndef CPUSHIM_LIBVIRTNAMES_H
#define CPUSHIM_LIBVIRTNAMES_H

#include "cpumap/core/feature.h"

/**
 * libvirtnames_known: those that it surely knew, so that it would have named them: what libvirt 1.2.2 knew,
 * and what was known before the newest of the features that it does name.
 * @since_8_7: the description has parts that libvirt writes since 8.7.0 (or 7.1.0) alone
 */
void libvirtnames_known(const struct featset *named, bool since_8_7, struct featset *known);

#endif
