/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32 (IEEE 802.3, ITU-T V.42; what gzip and zlib compute): finds damage, not forgery. */
#ifndef CPUSHIM_CRC32_H
#define CPUSHIM_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* crc32_of: the checksum of @len bytes. */
uint32_t crc32_of(const char *data, size_t len);

#endif
