/* SPDX-License-Identifier: Apache-2.0 */
/* Asking the running libvirt whether it goes along with what is on the node. It is given some
 * seconds: one that hangs counts as one that doesn't answer. */
#ifndef CPUSHIM_ASK_H
#define CPUSHIM_ASK_H

#include "node.h"

/**
 * libvirt_goes_along: does the running libvirt know the models, pass their names on to QEMU, and
 * call the hook?
 * Returns 0, or -errno and @err says which of them it doesn't.
 */
int libvirt_goes_along(struct node *n, struct error *err);

/**
 * libvirt_calls_hook: does the running libvirt call the hook? It is asked to start a domain that the hook
 * refuses.
 * @model: one that libvirt knows
 * Returns 0, or -errno and @err: -ESTALE: it doesn't.
 */
int libvirt_calls_hook(const char *model, const char *emulator, struct error *err);

/* libvirt_has_forgotten: does the running libvirt know none of the models any more? 1, 0, or -errno where it
 * doesn't say. */
int libvirt_has_forgotten(struct error *err);

#endif
