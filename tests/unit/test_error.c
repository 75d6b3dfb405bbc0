/* SPDX-License-Identifier: Apache-2.0 */
/* What is too long for the error value keeps what is wrong and what to do. */
#include "cpumap/core/error.h"
#include "check.h"

#include <string.h>

static void lengths(void)
{
	static char names[4096];
	struct error e;
	const size_t room = sizeof(e.what) - 1 - strlen("wrong: ; do this");

	for (size_t n = room - 2; n < sizeof(names); n += n < room + 8 ? 1 : 97) {
		memset(names, 'x', n);
		names[n] = '\0';
		CHECK(error_set(&e, -22, "file", 7, "wrong: %s; do this", names) == -22);
		CHECK(strncmp(e.what, "wrong: x", 8) == 0);
		CHECK(strcmp(e.what + strlen(e.what) - 9, "; do this") == 0);
		CHECK(strlen(e.what) ==
		      (n <= room ? n + strlen("wrong: ; do this") : sizeof(e.what) - 1));
		CHECK(!strstr(e.what, "x ... x") == (n <= room));
	}
}

int main(void)
{
	lengths();
	return check_done();
}
