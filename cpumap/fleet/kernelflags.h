/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flags by which Linux names a CPU's features, in /proc/cpuinfo and by lscpu(1).
 *
 * Most have libvirt's or QEMU's name. Some have another, some are the kernel's invention and mean no bit of
 * CPUID although they are called like one, and some are left out by the kernel although the CPU has them.
 * A flag that isn't there means that the feature is absent if the kernel surely knew it, and wouldn't have
 * hidden it.
 */
#ifndef CPUSHIM_KERNELFLAGS_H
#define CPUSHIM_KERNELFLAGS_H

#include "host.h"
#include "input.h"

/* kernelflags_tell: what a line of flags says of a CPU of @vendor ("GenuineIntel"). */
void kernelflags_tell(const char *vendor, struct line flags, struct host_view *view);

#endif
