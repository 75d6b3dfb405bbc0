/* SPDX-License-Identifier: Apache-2.0 */
/* SELinux's labels, by the programs of its packages, where it is in force. */
#ifndef CPUSHIM_LABEL_H
#define CPUSHIM_LABEL_H

#include "cpumap/core/error.h"

/* label_as: give the file @new the label that the policy has for @path. It isn't below the node's
 * root. Nothing where SELinux isn't enabled, or a root is prepared. */
int label_as(const char *new, const char *path, struct error *err);

#endif
