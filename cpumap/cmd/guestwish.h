/* SPDX-License-Identifier: Apache-2.0 */
/* What one guest's XML asks of the hosts where it may go. */
#ifndef CPUSHIM_GUESTWISH_H
#define CPUSHIM_GUESTWISH_H

#include "cpumap/fleet/catalogue.h"
#include "cpumap/fleet/fit.h"
#include "hook/core/refusal.h"
#include "hook/domain/domain.h"

/* guestwish_accel: the accelerator that the domain's type asks for. */
enum host_accel guestwish_accel(const struct domain *d);

/**
 * guestwish_find: the model that the domain asks for, and what a host needs for it: the model's and its
 * own features, as libvirt compares them (x86Compute, src/cpu/cpu_x86.c, 9.0); address bits and TSC.
 * @model: receives the model, the catalogue's
 * @reasons: why it may run nowhere, whatever the host has
 * -ENOTSUP: it asks for the host's own CPU, or in a way that no list of features answers
 */
int guestwish_find(struct fit_wish *wish, const struct catalogue_model **model,
		   const struct domain *d, struct catalogue *c, struct reasons *reasons,
		   struct error *err);

#endif
