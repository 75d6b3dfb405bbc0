/* SPDX-License-Identifier: Apache-2.0 */
/* Which name a misspelled one was meant to be. */
#ifndef CPUSHIM_SUGGEST_H
#define CPUSHIM_SUGGEST_H

#include <stddef.h>

/* A misspelled name, and the nearest of the names that were tried. Initialise with the name alone. */
struct suggestion {
	const char *name;
	const char *found; /* NULL: none is near */
	size_t distance;   /* from @name to @found */
};

/* suggest_try: @spelling is a way to write @means. Takes @means if @spelling is at most two letters away
 * from the name, and nearer than all that were tried before. */
void suggest_try(struct suggestion *s, const char *spelling, const char *means);

/* feature_suggest: the feature (in libvirt's spelling) whose name is nearest in any spelling; NULL if
 * none is near. */
const char *feature_suggest(const char *name);

#endif
