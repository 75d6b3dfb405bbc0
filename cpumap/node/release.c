/* SPDX-License-Identifier: Apache-2.0 */
#include "release.h"

#include <glob.h>

#include "cpumap/core/util.h"

#define LIBRARY "libvirt.so.0."

/* Debian's multiarch directories, and Red Hat's and others' */
static const char *const places[] = {"/usr/lib/*/" LIBRARY "*", "/usr/lib64/" LIBRARY "*",
				     "/usr/lib/" LIBRARY "*", "/lib/*/" LIBRARY "*"};

char *libvirt_library(void)
{
	char *found = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(places) && !found; i++) {
		_cleanup_free_ char *pattern = root_path(places[i]);
		glob_t g = {0};

		if (pattern && glob(pattern, 0, NULL, &g) == 0 && g.gl_pathc)
			found = strdup(g.gl_pathv[g.gl_pathc - 1]);
		globfree(&g);
	}
	return found;
}

unsigned long libvirt_installed_release(void)
{
	_cleanup_free_ char *path = libvirt_library();
	const char *number = path ? strstr(path, LIBRARY) : NULL, *dot;
	uint64_t major_minor, micro;

	if (!number)
		return 0;
	number += strlen(LIBRARY);
	dot = strchr(number, '.');
	if (!dot || number_parse(number, (size_t)(dot - number), 10, 1000000, &major_minor) < 0 ||
	    number_parse(dot + 1, strlen(dot + 1), 10, 999, &micro) < 0)
		return 0;
	return (unsigned long)(major_minor * 1000 + micro);
}
