/* SPDX-License-Identifier: Apache-2.0 */
/* What shows that a process is libvirt's daemon: the libraries that it has mapped, and the socket
 * that it answers at. libc alone: the front uses it. */
#ifndef CPUSHIM_LIBVIRTPROC_H
#define CPUSHIM_LIBVIRTPROC_H

#include <stdbool.h>
#include <stdint.h>

/* The parts of libvirt that a process has mapped. */
struct mapped {
	bool driver;           /* its QEMU driver */
	bool library;          /* libvirt.so: clients have that, too */
	unsigned long release; /* the library's release, as virGetVersion returns it; 0: not
			        * known */
};

/**
 * mapped_read: read /proc/PID/maps.
 * Returns 0, or a negative errno if it can't be read (another user's process, no ptrace right).
 * Source: the driver is libvirt_driver_qemu.so (src/Makefile.am 1.2, src/qemu/meson.build 9.0); the
 * library is libvirt.so.0.(1000 * major + minor).micro (configure.ac 1.2.10, src/meson.build 9.0).
 */
int mapped_read(uint64_t pid, struct mapped *m);

/**
 * answers_at_socket: does process @pid hold a socket that is bound to libvirt-sock or
 * virtqemud-sock? systemd does, too, until the daemon takes the socket over.
 * Returns 1 or 0, or a negative errno if that can't be read.
 */
int answers_at_socket(uint64_t pid);

/**
 * has_other_credentials: does process @pid surely have other credentials than a daemon that runs
 * this process? It has if it belongs to another user and this one is an ordinary user, or if it is
 * the first process and is permitted a capability that this process isn't (ptrace(2), "Ptrace
 * access mode checking").
 */
bool has_other_credentials(uint64_t pid);

#endif
