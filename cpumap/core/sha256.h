/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SHA-256 (FIPS 180-4). Our own because the wrapper checks the table with libc alone, and
 * libc has none.
 */
#ifndef CPUSHIM_SHA256_H
#define CPUSHIM_SHA256_H

#include <stddef.h>

#define SHA256_HEX 65 /* 64 hexadecimal digits and the terminating NUL */

/* sha256_hex: the digest of @len bytes of @data, as lower case hexadecimal digits. */
void sha256_hex(const void *data, size_t len, char hex[SHA256_HEX]);

#endif
