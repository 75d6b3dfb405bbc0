/* SPDX-License-Identifier: Apache-2.0 */
/* The readers of hosts' dumps, and what must hold of any text. */
#ifndef CPUSHIM_TESTS_FUZZ_HOSTS_H
#define CPUSHIM_TESTS_FUZZ_HOSTS_H

#include <stddef.h>
#include <stdint.h>

/**
 * hosts_difference: NULL if what is read of the text in @data is sound, or what isn't: features that are
 * there are known, nothing is told that isn't the CPU's, and no part of the text says that a feature is
 * absent which the whole text has.
 */
const char *hosts_difference(const uint8_t *data, size_t size);

#endif
