/* SPDX-License-Identifier: Apache-2.0 */
/* Running `cpushim compile` on a node. */
#ifndef CPUSHIM_MODELS_H
#define CPUSHIM_MODELS_H

#include "node.h"

/* models_compile: run it for n->emulators, for @seconds at most. Returns its exit status, or
 * -errno. */
int models_compile(const struct node *n, unsigned int seconds, struct error *err);

/* models_names: all names that the table has, and if it can't be read those that the include tells; sorted,
 * each once. None: there is neither. 0 or -ENOMEM. */
int models_names(struct strv *names);

/* models_names_ever: likewise all names that this node's guests and its libvirt may still go by: those of the
 * table, of the include and of the published names. */
int models_names_ever(struct strv *names);

#endif
