/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading hosts from the files that people have, each recognised by what is in it: our dumps
 * (cpumap/fleet/dump.h), libcpuid's raw data, AIDA64's and cpuid(1)'s reports, libvirt's <cpudata>,
 * <capabilities>, <domainCapabilities> and <cpu>, /proc/cpuinfo, lscpu(1), and Proxmox's cpu-models.conf.
 *
 * They come from other machines: hostile text. A host is taken only if it is told completely: a file
 * that was cut off is an error, and never a host that lacks features.
 */
#ifndef CPUSHIM_READ_H
#define CPUSHIM_READ_H

#include "cpumap/core/error.h"
#include "host.h"

/* How hosts are read, and what becomes of them. */
struct read {
	/* takes each host as it comes; it may change or steal its parts. Non-zero ends the reading, and is
	 * returned */
	int (*take)(struct host *h, void *data);
	/* with --skip-bad: told of each file (or member of an archive) that can't be read; NULL: the first
	 * one is an error. Hosts that stand in that file in front of the error were taken; those behind it
	 * are left out with it. */
	void (*bad)(const struct error *err, void *data);
	void *data;
	size_t n_hosts; /* how many were taken */
	int stopped;    /* what @take returned, when that ended the reading; else 0 */
};

/**
 * read_path: read all hosts of @path: a file, a directory (its files by name, and those below), a tar
 * archive, or "-" for standard input. One file may have many hosts, one behind the other.
 * Returns 0, what @r->take returned, or -errno: -EINVAL: a file isn't understood, or has no CPU in it
 * (@err names file and line).
 */
int read_path(struct read *r, const char *path, struct error *err);

/* read_text: the same of @len bytes of @text, which errors call @name. */
int read_text(struct read *r, const char *name, const char *text, size_t len, struct error *err);

#endif
