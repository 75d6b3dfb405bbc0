/* SPDX-License-Identifier: Apache-2.0 */
/* libvirt's daemons of this node, which go by what they read when they started. */
#ifndef CPUSHIM_DAEMONS_H
#define CPUSHIM_DAEMONS_H

#include <stdint.h>

#include "node.h"

/* A daemon that runs as root and sees this node's files. */
struct daemon_here {
	uint64_t pid;
};

/* daemons_find: those that run now. Returns how many (at most @max are told); 0 for a root that is
 * prepared. */
size_t daemons_find(struct daemon_here *found, size_t max);

/* daemons_reload: have them look again which hooks there are (SIGHUP). */
void daemons_reload(struct node *n);

#endif
