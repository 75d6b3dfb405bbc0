/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mark of a running guest: which definition its model's name had when it was started. libvirt
 * sends a name along with a guest and no more, and two nodes may mean unlike CPUs by one name. So
 * once the guest runs, its live XML gets an element of ours,
 *
 *	<metadata><shim:cpu xmlns:shim='urn:cpushim:1' model='gate64' digest='...'/></metadata>
 *
 * which travels with migrations, saved images and snapshots; its definition doesn't get it
 * (measured: libvirt 9.0).
 *
 * libvirt holds the domain while it waits for the hook, so a process that outlives the hook sets it
 * (`cpushim mark`). A guest without a mark is judged by its model's name alone.
 */
#ifndef CPUSHIM_MARK_H
#define CPUSHIM_MARK_H

#include <stdbool.h>

#include "cpumap/core/error.h"
#include "hook/core/daemon.h"
#include "domain.h"

#define MARK_NAMESPACE "urn:cpushim:1"
#define MARK_SECONDS   120 /* how long it is tried while another job holds the domain */

/* mark_has: has that domain the mark of @model? */
bool mark_has(const struct domain *d, const char *model);

/* mark_is: and with that @digest? */
bool mark_is(const struct domain *d, const char *model, const char *digest);

/**
 * mark_start: have it set by a process of its own, which has none of this one's descriptors, and
 * which nobody has to wait for.
 * @daemon: libvirt's, whose domain it is
 */
void mark_start(const char *uuid, const char *model, const char *digest,
		const struct daemon *daemon);

/**
 * mark_set: set it; tries again as long as the domain or its daemon is busy.
 * -ENOENT: the domain is gone; -ECONNREFUSED: the daemon is
 */
int mark_set(const char *uuid, const char *model, const char *digest, const struct daemon *daemon,
	     struct error *err);

#endif
