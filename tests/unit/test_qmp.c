/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers in what a QEMU answers. */
#include "cpumap/qemu/qmp.h"
#include "check.h"

static void test_numbers(void)
{
	static const struct {
		const char *json;
		bool good;
		uint32_t n;
	} cases[] = {
		{"0", true, 0},
		{"13", true, 13},
		{"4294967295", true, UINT32_MAX},
		{"2147483648.0", true, 0x80000000},
		{"4294967296", false, 0},
		{"18446744073709551615", false, 0},
		{"1e300", false, 0},
		{"-1", false, 0},
		{"-1e300", false, 0},
		{"1.5", false, 0},
		{"\"1\"", false, 0},
		{"null", false, 0},
		{"[]", false, 0},
	};
	uint32_t n;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		json_t *value =
			json_loads(cases[i].json, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, NULL);

		if (!CHECK(qmp_number(value, &n) == cases[i].good && n == cases[i].n))
			printf("  %s\n", cases[i].json);
		json_decref(value);
	}
	CHECK(!qmp_number(NULL, &n));
}

int main(void)
{
	test_numbers();
	return check_done();
}
