/* SPDX-License-Identifier: Apache-2.0 */
/* Which feature a misspelt name was meant to be. */
#ifndef CPUSHIM_NEAR_H
#define CPUSHIM_NEAR_H

/* feature_near: the feature (in libvirt's spelling) whose name, in any spelling, is at most two
 * letters away from @name and nearest to it; NULL if there is none. */
const char *feature_near(const char *name);

#endif
