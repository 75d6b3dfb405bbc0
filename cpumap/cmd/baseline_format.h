/* SPDX-License-Identifier: Apache-2.0 */
/* Where a fleet's model goes: the formats of `cpushim baseline --format`. */
#ifndef CPUSHIM_BASELINE_FORMAT_H
#define CPUSHIM_BASELINE_FORMAT_H

#include "cpumap/fleet/fleet_findings.h"

/* The formats' names, for messages. */
#define BASELINE_FORMATS "definition, cpu, map, nova, qemu or proxmox"

/* baseline_format_valid: is there a format of that name? */
bool baseline_format_valid(const char *format);

/* baseline_format: add the model in that format. -ENOENT: it needs a QEMU or a libvirt that isn't here;
 * -ENOTSUP: that one can't have the model */
int baseline_format(struct text *out, const char *format, const struct fleet_findings *f,
		    struct error *err);

#endif
