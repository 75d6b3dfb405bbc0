/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trying libvirt's CPU map with libvirt itself before a file of it is put in place: a wrong one
 * breaks all CPU calls of libvirt.
 *
 * The test driver (test:///default) loads the map in its own process, without a daemon. That
 * process has a private mount namespace, where each staged file is bound over the file that it is to
 * replace (mapmount.h). Nobody else sees that, and nothing is written.
 */
#ifndef CPUSHIM_MAPTRIAL_H
#define CPUSHIM_MAPTRIAL_H

#include "cpumap/core/error.h"
#include "cpumap/core/util.h"
#include "mapmount.h"

#define MAPTRIAL_SECONDS 60 /* where nobody waits */

/* A map to try: what is there, with the bindings; without any, as it is. */
struct maptrial {
	const struct map_binding *file;
	size_t n;
	unsigned int seconds; /* at most, for libvirt's answer */
};

/**
 * maptrial: does libvirt load this map? Bindings need root, or what mapmount.h says.
 * @models: NULL, or receives the names of the x86_64 models that it then has
 * Returns 0; -EINVAL if libvirt refuses it (its words in @err); -ELIBACC: there is no libvirt that
 * could load one; or why it couldn't be tried, as libvirtask.h has it; -EPERM: mounting isn't
 * allowed here.
 */
int maptrial(const struct maptrial *t, struct strv *models, struct error *err);

/**
 * maptrial_baseline: the same, and what libvirt with that map takes @cpus for (libvirt_ask_baseline;
 * libvirt 1.2.0 and later). @answer is allocated.
 */
int maptrial_baseline(const struct maptrial *t, const struct strv *cpus, char **answer,
		      struct error *err);

/**
 * maptrial_native: the command line that libvirt with this map would start @domain's QEMU with
 * (libvirt_ask_native). QEMU's driver runs in the process that asks (LIBVIRT_EMBED_URI), as nobody where root
 * asks, with its files in a directory that only that process sees: it changes nothing of the node.
 * @t: its first file has a text
 * @argv: allocated
 * Returns as maptrial does; -ECONNREFUSED also where libvirt is older than 6.1 or has no driver for QEMU.
 */
int maptrial_native(const struct maptrial *t, const char *domain, char **argv, struct error *err);

#endif
