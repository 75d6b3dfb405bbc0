/* SPDX-License-Identifier: Apache-2.0 */
#include "stem.h"

#include "cpumap/core/util.h"

static const char *const endings[] = {".txt", ".xml",  ".dump", ".test",   ".raw", ".cpuid",
				      ".log", ".conf", ".tar",  ".report", ".json"};

char *stem_of(const char *path)
{
	size_t len = strlen(path);

	for (size_t i = 0; i < ARRAY_SIZE(endings); i++) {
		size_t n = strlen(endings[i]);

		if (len > n && path[len - n - 1] != '/' && strcmp(path + len - n, endings[i]) == 0)
			return strndup(path, len - n);
	}
	return strdup(path);
}
