/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The front's walker and the worker's reader of a domain, held against libvirt's own calls of libxml2
 * on the same bytes, with a table whose only model is gate64.
 */
#ifndef CPUSHIM_TESTS_FUZZ_DOMAIN_H
#define CPUSHIM_TESTS_FUZZ_DOMAIN_H

#include <stddef.h>
#include <stdint.h>

/* What the bytes mean: 0x01 in front makes the rest choices of the pieces below, else they are XML. */
#define DOMAIN_BY_PIECES 0x01

/* domain_difference: NULL if all agree on what is in @data, or what they differ in. */
const char *domain_difference(const uint8_t *data, size_t size);

#endif
