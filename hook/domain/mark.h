/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mark of a running guest: which definition its model's name had when it was started. With a
 * guest libvirt sends only the model's name, and two nodes may mean different CPUs by one name. So
 * a running guest's live XML gets our element,
 *
 *	<metadata><shim:cpu xmlns:shim='urn:cpushim:1' model='gate64' digest='...'/></metadata>
 *
 * which goes along with migrations, saved images and snapshots. The domain's definition doesn't get
 * it (measured: libvirt 9.0).
 *
 * libvirt holds the domain while it waits for the hook, so a process that outlives the hook sets
 * the mark (`cpushim mark`). A guest without a mark is judged by its model's name alone.
 */
#ifndef CPUSHIM_MARK_H
#define CPUSHIM_MARK_H

#include <stdbool.h>

#include "cpumap/core/error.h"
#include "hook/core/daemon.h"
#include "domain.h"

#define MARK_NAMESPACE "urn:cpushim:1"
#define MARK_SECONDS   120 /* how long the process tries while another job holds the domain */

/* mark_has: has the domain a mark of @model? */
bool mark_has(const struct domain *d, const char *model);

/* mark_is: and has that mark this @digest? */
bool mark_is(const struct domain *d, const char *model, const char *digest);

/**
 * mark_start: start a process that sets the mark. It has none of this process's descriptors, and
 * nobody waits for it.
 * @daemon: the libvirt daemon that has the domain
 */
void mark_start(const char *uuid, const char *model, const char *digest,
		const struct daemon *daemon);

/**
 * mark_set: set the mark. It tries again as long as the domain or its daemon is busy.
 * -ENOENT: the domain is gone; -ECONNREFUSED: the daemon is
 */
int mark_set(const char *uuid, const char *model, const char *digest, const struct daemon *daemon,
	     struct error *err);

#endif
