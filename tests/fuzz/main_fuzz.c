/* SPDX-License-Identifier: Apache-2.0 */
/* For libFuzzer: `make fuzz`. */
#include <stdio.h>
#include <stdlib.h>

#include "domain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *what = domain_difference(data, size);

	if (what) {
		fprintf(stderr, "difference: %s\n", what);
		abort();
	}
	return 0;
}
