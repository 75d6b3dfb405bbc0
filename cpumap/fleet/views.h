/* SPDX-License-Identifier: Apache-2.0 */
/* What two CPUs share. */
#ifndef CPUSHIM_VIEWS_H
#define CPUSHIM_VIEWS_H

#include "host.h"

/* view_share: @all becomes what it and @now share: the features that both have, and of the others those
 * that one of them is known to lack. */
void view_share(struct host_view *all, const struct host_view *now);

#endif
