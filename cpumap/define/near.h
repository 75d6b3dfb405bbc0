/* SPDX-License-Identifier: Apache-2.0 */
/* Which name a misspelt one was meant to be. */
#ifndef CPUSHIM_NEAR_H
#define CPUSHIM_NEAR_H

#include <stddef.h>

/* A misspelt name, and the nearest of those that were tried. Initialise with the name alone. */
struct near {
	const char *name;
	const char *found; /* NULL: none is near */
	size_t distance;   /* of what was found */
};

/* near_try: @spelling is a way to write @means. That is the one found if @spelling is at most two
 * letters away from the name, and nearer than all that were tried before. */
void near_try(struct near *n, const char *spelling, const char *means);

/* feature_near: the feature (in libvirt's spelling) whose name is nearest in any spelling; NULL if
 * none is near. */
const char *feature_near(const char *name);

#endif
