/* SPDX-License-Identifier: Apache-2.0 */
/* Which feature a misspelt name was meant to be. */
#ifndef CPUSHIM_SUGGEST_H
#define CPUSHIM_SUGGEST_H

/* feature_suggest: the feature (in libvirt's spelling) whose name, in any spelling, is at most two
 * letters away from @name and nearest to it; NULL if there is none. */
const char *feature_suggest(const char *name);

#endif
