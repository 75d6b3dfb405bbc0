/* SPDX-License-Identifier: Apache-2.0 */
/* Which names are the site's models? libc alone: the front asks. */
#ifndef CPUSHIM_SITENAMES_H
#define CPUSHIM_SITENAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "cpumap/core/error.h"

enum names_answer {
	NAMES_OTHER, /* no site model */
	NAMES_OURS,
	NAMES_UNKNOWN, /* neither the table nor our include could be read */
};

/**
 * names_find: is @name a site model's? The table tells. If it can't be used, the comment in our
 * include for libvirt's map does, so that a lost table doesn't make site models unknown.
 * @err: with NAMES_UNKNOWN: what is wrong with the table
 */
enum names_answer names_find(const char *name, size_t len, struct error *err);

#endif
