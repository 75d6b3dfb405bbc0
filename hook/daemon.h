/* SPDX-License-Identifier: Apache-2.0 */
/* libvirt's daemon, which runs the hook: libvirtd or virtqemud. libc alone: the front uses it. */
#ifndef CPUSHIM_DAEMON_H
#define CPUSHIM_DAEMON_H

#include <stdbool.h>
#include <stdint.h>

#define LIBVIRT_RELEASE(major, minor, micro) ((major)*1000000UL + (minor)*1000UL + (micro))

struct daemon {
	uint64_t pid;
	uint64_t start; /* clock ticks from boot to its start: tells a reused PID */
};

/* daemon_read: is process @pid one of libvirt's daemons, by its name? Then @d says which. */
bool daemon_read(uint64_t pid, struct daemon *d);

/* daemon_calling: does one of them run this process, itself or by a script that runs it? */
bool daemon_calling(struct daemon *d);

/**
 * daemon_release: the release of libvirt that a daemon runs, by the library that it has mapped (the
 * hook must not ask it): 1000000 * major + 1000 * minor + micro, as virGetVersion has it. 0: that
 * can't be told.
 * Source: the library is libvirt.so.0.(1000 * major + minor).micro (configure.ac 1.2.10,
 * src/meson.build 9.0).
 */
unsigned long daemon_release(const struct daemon *d);

bool daemon_same(const struct daemon *a, const struct daemon *b);

#endif
