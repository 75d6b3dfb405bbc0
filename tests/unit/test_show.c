/* SPDX-License-Identifier: Apache-2.0 */
/* Foreign text, as people and JSON get it. */
#include <locale.h>

#include "cpumap/core/show.h"
#include "check.h"

#define RLO "\xe2\x80\xae"     /* U+202E: what follows runs from right to left */
#define TAG "\xf3\xa0\x81\x81" /* U+E0041: an invisible letter */

static const struct {
	const char *text, *utf8, *ascii;
	size_t columns; /* in a UTF-8 locale */
} shown[] = {
	{"", "", "", 0},
	{"a b~", "a b~", "a b~", 4},
	{"\xc3\xa9", "\xc3\xa9", "\\xc3\\xa9", 1},
	{"\xe6\x97\xa5\xe6\x9c\xac", "\xe6\x97\xa5\xe6\x9c\xac", "\\xe6\\x97\\xa5\\xe6\\x9c\\xac",
	 4},
	{"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80", "\\xf0\\x9f\\x98\\x80", 2},
	/* a letter, and a mark on it */
	{"e\xcc\x81", "e\xcc\x81", "e\\xcc\\x81", 1},
	{"\x1b[2J\n\t\x7f", "\\x1b[2J\\x0a\\x09\\x7f", "\\x1b[2J\\x0a\\x09\\x7f", 19},
	/* C1's CSI; direction; unseen */
	{"\xc2\x9b", "\\xc2\\x9b", "\\xc2\\x9b", 8},
	{RLO "x", "\\xe2\\x80\\xaex", "\\xe2\\x80\\xaex", 13},
	{"\xe2\x81\xa6", "\\xe2\\x81\\xa6", "\\xe2\\x81\\xa6", 12},
	{"\xe2\x80\x8b", "\\xe2\\x80\\x8b", "\\xe2\\x80\\x8b", 12},
	{"\xe2\x80\xa8", "\\xe2\\x80\\xa8", "\\xe2\\x80\\xa8", 12},
	{"\xef\xbb\xbf", "\\xef\\xbb\\xbf", "\\xef\\xbb\\xbf", 12},
	{TAG, "\\xf3\\xa0\\x81\\x81", "\\xf3\\xa0\\x81\\x81", 16},
	/* no UTF-8: a lone byte, a cut one, too long ones, a surrogate, beyond the last */
	{"caf\xe9", "caf\\xe9", "caf\\xe9", 7},
	{"\xe6\x97", "\\xe6\\x97", "\\xe6\\x97", 8},
	{"\xe6\x97x", "\\xe6\\x97x", "\\xe6\\x97x", 9},
	{"\xc0\xaf", "\\xc0\\xaf", "\\xc0\\xaf", 8},
	{"\xe0\x80\xaf", "\\xe0\\x80\\xaf", "\\xe0\\x80\\xaf", 12},
	{"\xed\xa0\x80", "\\xed\\xa0\\x80", "\\xed\\xa0\\x80", 12},
	{"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80", "\\xf4\\x90\\x80\\x80", 16},
	{"\xff", "\\xff", "\\xff", 4},
};

static void test_shown(bool utf8)
{
	for (size_t i = 0; i < ARRAY_SIZE(shown); i++) {
		_cleanup_text_ struct text t = {0};
		size_t columns = show(&t, shown[i].text, strlen(shown[i].text), SHOWN_WHOLE);

		CHECK_STR(t.data, utf8 ? shown[i].utf8 : shown[i].ascii);
		CHECK(columns == (utf8 ? shown[i].columns : strlen(shown[i].ascii)));
	}
}

static void test_cut(void)
{
	static const struct {
		const char *text, *cut;
		size_t max;
	} cases[] = {
		{"abcdef", "abcdef", 6},
		{"abcdefg", "abc...", 6},
		{"\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", "\xe6\x97\xa5...", 5},
		{"\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", 6},
		{"ab\x1b\x1b", "ab...", 6},
	};
	char marks[4001];
	_cleanup_text_ struct text bounded = {0};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_text_ struct text t = {0};

		(void)show(&t, cases[i].text, strlen(cases[i].text), cases[i].max);
		CHECK_STR(t.data, cases[i].cut);
	}
	/* marks without end on one letter */
	for (size_t i = 0; i + 1 < sizeof(marks); i += 2)
		memcpy(marks + i, "\xcc\x81", 2);
	(void)show(&bounded, marks, sizeof(marks) - 1, 40);
	CHECK(bounded.len < 300);
}

static void test_padded(void)
{
	_cleanup_text_ struct text t = {0};

	show_padded(&t, "\xe6\x97\xa5", 4, 40);
	show_padded(&t, "e\xcc\x81", 3, 40);
	show_padded(&t, "abcdef", 3, 40);
	CHECK_STR(t.data, "\xe6\x97\xa5  e\xcc\x81  abcdef");
}

static void test_json(void)
{
	static const char json[] =
		"{\n \"a\": \"\xe6\x97\xa5\\u001B" RLO TAG "\xc2\x9b\x7f\xf0\x9f\x98\x80\"\n}";
	_cleanup_text_ struct text t = {0};

	show_json(&t, json, strlen(json));
	CHECK_STR(t.data, "{\n \"a\": \"\xe6\x97\xa5\\u001B\\u202E\\uDB40\\uDC41\\u009B\\u007F"
			  "\xf0\x9f\x98\x80\"\n}");
}

/* In any locale: markup and what nobody sees lose their meaning. */
static void test_html(void)
{
	static const struct {
		const char *text, *html;
		size_t max;
	} cases[] = {
		{"", "", 5},
		{"a<b>&\"'", "a&#60;b&#62;&#38;&#34;&#39;", SIZE_MAX},
		{"\xc3\xa9\xff\x1b" RLO, "\xc3\xa9\\xff\\x1b\\xe2\\x80\\xae", SIZE_MAX},
		{"abc", "abc", 3},
		{"ab<cd", "ab&#60;...", 3},
		{"\xe6\x97\xa5\xe6\x9c\xac", "\xe6\x97\xa5...", 1},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_text_ struct text t = {0};

		show_html(&t, cases[i].text, cases[i].max);
		CHECK_STR(t.data, cases[i].html);
	}
}

int main(void)
{
	CHECK(setlocale(LC_CTYPE, "C.UTF-8"));
	test_shown(true);
	test_cut();
	test_padded();
	test_json();
	test_html();
	CHECK(setlocale(LC_CTYPE, "C"));
	test_shown(false);
	test_json();
	test_html();
	return check_done();
}
