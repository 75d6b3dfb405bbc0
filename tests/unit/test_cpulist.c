/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of CPUs, as Linux writes them and as nobody should. */
#include <errno.h>

#include "cpumap/core/util.h"
#include "cpumap/fleet/cpulist.h"
#include "check.h"

static void check_list(const char *text, const char *printed, size_t count)
{
	_cleanup_text_ struct text out = {0};
	struct cpulist l;

	if (!CHECK(cpulist_parse(&l, text, strlen(text)) == 0)) {
		printf("  %s\n", text);
		return;
	}
	cpulist_print(&out, &l);
	CHECK_STR(out.data ? out.data : "", printed);
	CHECK(cpulist_count(&l) == count);
}

static void test_lists(void)
{
	check_list("", "", 0);
	check_list("\n", "", 0);
	check_list("0\n", "0", 1);
	check_list("0-3,8-11\n", "0-3,8-11", 8);
	check_list("8,1,0,2,8", "0-2,8", 4);
	check_list("0,2,4", "0,2,4", 3);
	check_list("63-64", "63-64", 2);
	check_list("8191", "8191", 1);
	check_list("0-8191", "0-8191", 8192);
}

static void test_what_is_none(void)
{
	static const char *const bad[] = {
		",",   "0,",   "0,,1",   "-",   "0-",  "-1",    "3-1",
		"0-a", "8192", "0-8192", "0 1", "0x1", "1-2-3", "18446744073709551616"};
	struct cpulist l;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (!CHECK(cpulist_parse(&l, bad[i], strlen(bad[i])) == -EINVAL))
			printf("  %s\n", bad[i]);
	CHECK(cpulist_parse(&l, "0\0001", 3) == -EINVAL);
}

int main(void)
{
	test_lists();
	test_what_is_none();
	return check_done();
}
