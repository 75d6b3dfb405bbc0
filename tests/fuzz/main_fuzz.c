/* SPDX-License-Identifier: Apache-2.0 */
/* For libFuzzer: `make fuzz`. DIFFERENCE is the target. */
#include <stdio.h>
#include <stdlib.h>

#include "domain.h"
#include "hosts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *what = DIFFERENCE(data, size);

	if (what) {
		fprintf(stderr, "difference: %s\n", what);
		abort();
	}
	return 0;
}
