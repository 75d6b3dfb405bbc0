/* SPDX-License-Identifier: Apache-2.0 */
/* libvirt's daemon, which runs the hook, whatever its name is. libc alone: the front uses it. */
#ifndef CPUSHIM_DAEMON_H
#define CPUSHIM_DAEMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LIBVIRT_RELEASE(major, minor, micro) ((major)*1000000UL + (minor)*1000UL + (micro))

struct daemon {
	uint64_t pid;
	uint64_t start; /* clock ticks from boot to its start: tells a reused PID; 0: not known */
};

/**
 * daemon_calling: does libvirt run this process, and not a person?
 * @d: receives the daemon, or, in doubt, the process that may be the daemon
 * Returns false only if surely a person does; daemon.c says how that is decided.
 */
bool daemon_calling(struct daemon *d);

/* daemon_is: is process @pid libvirt's daemon? Then @d says which. */
bool daemon_is(uint64_t pid, struct daemon *d);

/* daemon_name: the name of the daemon's program, "libvirtd" or "virtqemud". */
void daemon_name(const struct daemon *d, char *buf, size_t size);

/* daemon_at: the process @pid as a daemon, whatever it is. */
void daemon_at(uint64_t pid, struct daemon *d);

/**
 * daemon_release: the release of libvirt that a daemon runs, by the library that it has mapped, as
 * the hook must not ask it: 1000000 * major + 1000 * minor + micro, the number that virGetVersion
 * returns. 0: it isn't known.
 */
unsigned long daemon_release(const struct daemon *d);

bool daemon_same(const struct daemon *a, const struct daemon *b);

#endif
