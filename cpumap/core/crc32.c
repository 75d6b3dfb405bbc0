/* SPDX-License-Identifier: Apache-2.0 */
#include "crc32.h"

#define POLYNOMIAL 0xedb88320u /* reflected */

/* steps[k][b]: of byte @b with @k zero bytes behind it, so that four bytes take one step. */
static uint32_t steps[4][256];

static void fill(void)
{
	for (uint32_t b = 0; b < 256; b++) {
		uint32_t crc = b;

		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
		steps[0][b] = crc;
	}
	for (int k = 1; k < 4; k++)
		for (int b = 0; b < 256; b++)
			steps[k][b] = steps[k - 1][b] >> 8 ^ steps[0][steps[k - 1][b] & 0xff];
}

uint32_t crc32_of(const char *data, size_t len)
{
	const unsigned char *p = (const unsigned char *)data;
	uint32_t crc = ~0u;

	if (!steps[0][1])
		fill();
	for (; len >= 4; p += 4, len -= 4)
		crc = steps[3][(crc ^ p[0]) & 0xff] ^ steps[2][(crc >> 8 ^ p[1]) & 0xff] ^
		      steps[1][(crc >> 16 ^ p[2]) & 0xff] ^ steps[0][crc >> 24 ^ p[3]];
	for (; len > 0; p++, len--)
		crc = crc >> 8 ^ steps[0][(crc ^ *p) & 0xff];
	return ~crc;
}
