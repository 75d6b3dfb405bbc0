/* SPDX-License-Identifier: Apache-2.0 */
/* What a unit test is made of: checks that are counted, and the last line that tests/run reads. */
#ifndef CPUSHIM_TESTS_CHECK_H
#define CPUSHIM_TESTS_CHECK_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static unsigned int checks_passed, checks_failed;

static inline bool check_count(bool good, const char *file, int line, const char *what)
{
	if (good) {
		checks_passed++;
	} else {
		checks_failed++;
		printf("%s:%d: %s\n", file, line, what);
	}
	return good;
}

static inline void check_strings(const char *a, const char *b, const char *file, int line,
				 const char *what)
{
	if (!check_count(a && b && strcmp(a, b) == 0, file, line, what))
		printf("  is: %s\n  not: %s\n", a ? a : "(null)", b ? b : "(null)");
}

/* CHECK: counts whether @what holds, and says where if it doesn't. Is true if it held. */
#define CHECK(what) check_count((what), __FILE__, __LINE__, #what)

/* CHECK_STR: the same for two strings that have to be equal; shows both if they aren't. */
#define CHECK_STR(is, wanted) check_strings((is), (wanted), __FILE__, __LINE__, #is " == " #wanted)

/* check_done: for main() to return. */
static inline int check_done(void)
{
	printf("%u passed, %u failed\n", checks_passed, checks_failed);
	return checks_failed || !checks_passed;
}

#endif
