/* SPDX-License-Identifier: Apache-2.0 */
/* What of libvirt's own several parts go by. */
#ifndef CPUSHIM_LIBVIRT_H
#define CPUSHIM_LIBVIRT_H

#include <stddef.h>

/* NAME.xml and NAME.pid of each guest that runs */
#define LIBVIRT_STATE_DIR "/run/libvirt/qemu"

/* managed saves and snapshots */
#define LIBVIRT_LIB_DIR "/var/lib/libvirt/qemu"

/* The largest domain XML that is read: more than libvirt itself would parse. */
#define LIBVIRT_XML_LIMIT ((size_t)64 << 20)

#endif
