/* SPDX-License-Identifier: Apache-2.0 */
/* libvirt's daemon, which runs the hook: libvirtd or virtqemud. libc alone: the front uses it. */
#ifndef CPUSHIM_DAEMON_H
#define CPUSHIM_DAEMON_H

#include <stdbool.h>
#include <stdint.h>

struct daemon {
	uint64_t pid;
	uint64_t start; /* clock ticks from boot to its start: tells a reused PID */
};

/* daemon_read: is process @pid one of libvirt's daemons, by its name? Then @d says which. */
bool daemon_read(int pid, struct daemon *d);

bool daemon_same(const struct daemon *a, const struct daemon *b);

#endif
