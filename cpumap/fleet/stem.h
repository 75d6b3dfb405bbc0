/* SPDX-License-Identifier: Apache-2.0 */
/* What a host without a name is called: by its file. */
#ifndef CPUSHIM_STEM_H
#define CPUSHIM_STEM_H

/* stem_of: @path without what commonly stands behind the names of such files: "rack1/node7.txt" becomes
 * "rack1/node7". Allocated; NULL: out of memory. */
char *stem_of(const char *path);

#endif
