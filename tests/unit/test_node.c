/* SPDX-License-Identifier: Apache-2.0 */
/* What ready and remove work with: the receipt, the texts of libvirt's index, running programs. */
#include <errno.h>
#include <sys/stat.h>

#include "cpumap/core/paths.h"
#include "cpumap/node/mapindex.h"
#include "cpumap/node/receipt.h"
#include "cpumap/node/run.h"
#include "check.h"

static char root[] = "/tmp/cpushim-test.XXXXXX";

static void put(const char *path, const char *text)
{
	_cleanup_free_ char *here = root_path(path);

	CHECK(here && file_write(here, 0644, text, strlen(text), NULL, NULL) == 0);
}

static bool there(const char *path)
{
	_cleanup_free_ char *here = root_path(path);

	return here && access(here, F_OK) == 0;
}

/* What damage has made of a line is none, and the rest isn't the whole. */
static void test_receipt_odd(void)
{
	static const char *const odd[] = {"dir\tetc/a", "file\t/usr/../etc/passwd\tab", "real\t/..",
					  "dir\t/a/..x/..\t-\t-\t-", "file"};

	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		_cleanup_receipt_ struct receipt r = {0};
		_cleanup_free_ char *text = NULL;

		CHECK(asprintf(&text, "cpushim-receipt 2\nfile\t/a/..b\tab\n%s\nend\t2\n", odd[i]) >
		      0);
		put(RECEIPT_PATH, text);
		CHECK(receipt_load(&r, NULL) == 0 && r.lost && r.lines.n == 1);
	}
	{
		_cleanup_receipt_ struct receipt r = {0};

		put(RECEIPT_PATH, "cpushim-receipt 2\nfile\t/a/..b\tab\nend\t1\n");
		CHECK(receipt_load(&r, NULL) == 0 && !r.lost);
	}
}

static void test_receipt(void)
{
	static const struct receipt_entry as = {.sha256 = "ab", .mode = "755", .owner = "0:0"};
	_cleanup_receipt_ struct receipt r = {0}, again = {0};
	_cleanup_strv_ struct strv paths = {0};

	CHECK(receipt_load(&r, NULL) == 0 && r.lost && r.lines.n == 0);
	CHECK(receipt_note(&r, RECEIPT_FILE, "/b", &as, NULL) == 0);
	CHECK(receipt_note(&r, RECEIPT_FILE, "/b", &as, NULL) == 0);
	CHECK(receipt_note(&r, RECEIPT_FILE, "/a", &as, NULL) == 0);
	CHECK(receipt_note(&r, RECEIPT_DIR, "/a", NULL, NULL) == 0);
	CHECK(receipt_load(&again, NULL) == 0 && !again.lost && again.lines.n == 3);
	CHECK_STR(again.lines.item[0], "file\t/b\tab\t755\t0:0\t-");
	CHECK(receipt_has(&again, RECEIPT_FILE, "/b", "ab"));
	CHECK(!receipt_has(&again, RECEIPT_FILE, "/b", "a"));
	CHECK(!receipt_has(&again, RECEIPT_FILE, "/", NULL));
	CHECK(receipt_paths(&again, RECEIPT_FILE, &paths) == 0 && paths.n == 2);
	CHECK_STR(paths.item[0], "/a");
	CHECK(receipt_forget(&again, RECEIPT_FILE, "/b", NULL) == 0 && again.lines.n == 2);
	CHECK(receipt_forget(&again, RECEIPT_REAL, "/b", NULL) == 0 && again.lines.n == 2);
}

/* A line that a full disk cut off, or that another release wrote */
static void test_receipt_damaged(void)
{
	_cleanup_receipt_ struct receipt r = {0}, none = {0};

	put(RECEIPT_PATH, "cpushim-receipt 1\nfuture\t/x\ty\nfile\t/b\tab\t755\t0:0\t-\nfile\t/c");
	CHECK(receipt_load(&r, NULL) == 0 && r.lines.n == 2 && r.lost);
	CHECK(receipt_has(&r, "future", "/x", NULL) && !receipt_has(&r, RECEIPT_FILE, "/c", NULL));
	put(RECEIPT_PATH, "");
	CHECK(receipt_load(&none, NULL) == 0 && none.lines.n == 0 && none.lost);
}

/* Whatever is cut off or missing, it doesn't pass for the whole. */
static void test_receipt_cut(void)
{
	static const char whole[] =
		"cpushim-receipt 2\nfile\t/a\t-\t-\t-\t-\nfile\t/b\t-\t-\t-\t-\nend\t2\n";

	for (size_t len = 0; len < sizeof(whole); len++) {
		_cleanup_receipt_ struct receipt r = {0};
		char cut[sizeof(whole)] = "";

		(void)memcpy(cut, whole, len);
		put(RECEIPT_PATH, cut);
		CHECK(receipt_load(&r, NULL) == 0 && r.lost == (len < sizeof(whole) - 1));
	}
	for (const char *line = strchr(whole, '\n') + 1; *line; line = strchr(line, '\n') + 1) {
		_cleanup_receipt_ struct receipt r = {0};
		char less[sizeof(whole)] = "";

		(void)memcpy(less, whole, (size_t)(line - whole));
		(void)strcat(less, strchr(line, '\n') + 1);
		put(RECEIPT_PATH, less);
		CHECK(receipt_load(&r, NULL) == 0 && r.lost);
	}
	put(RECEIPT_PATH, "cpushim-receipt 1\nfile\t/a\t-\t-\t-\t-\n");
	{
		_cleanup_receipt_ struct receipt r = {0};

		CHECK(receipt_load(&r, NULL) == 0 && !r.lost && r.lines.n == 1);
	}
}

static void test_manifest(void)
{
	_cleanup_receipt_ struct receipt r = {0};
	_cleanup_free_ char *receipt = root_path(RECEIPT_PATH);

	CHECK(unlink(receipt) == 0);
	put(MANIFEST_PATH,
	    "file 12ab /usr/bin/cpushim\ndir - /etc/cpushim\nreal - /usr/bin/q.distrib\nx\n");
	CHECK(receipt_load(&r, NULL) == 0 && !r.lost && r.lines.n == 3);
	CHECK(receipt_has(&r, RECEIPT_FILE, "/usr/bin/cpushim", "12ab"));
	CHECK(receipt_has(&r, RECEIPT_REAL, "/usr/bin/q.distrib", NULL));
	CHECK(receipt_note(&r, RECEIPT_DIR, "/new", NULL, NULL) == 0);
	CHECK(there(RECEIPT_PATH) && !there(MANIFEST_PATH));
}

static void check_index(const char *text, const char *with, const char *without)
{
	_cleanup_text_ struct text a = {0}, b = {0};

	CHECK(index_with_include(&a, text, NULL) == 0);
	CHECK_STR(a.data, with);
	index_without_include(&b, a.data);
	CHECK_STR(b.data, without);
}

#define OURS     "    <include filename='x86_cpushim.xml'/>\n"
#define FEATURES "    <include filename='x86_features.xml'/>\n"

static void test_index(void)
{
	_cleanup_text_ struct text none = {0};
	struct error err = {0};

	check_index("<a>\n" FEATURES "<b/>\n", "<a>\n" FEATURES OURS "<b/>\n",
		    "<a>\n" FEATURES "<b/>\n");
	/* twice, at the wrong place, without a line end behind it */
	check_index(OURS FEATURES OURS "<b/>", FEATURES OURS "<b/>", FEATURES "<b/>");
	/* all in one line, or written otherwise: nothing else goes */
	check_index("<a><include filename='x86_features.xml'/><b/></a>",
		    "<a><include filename='x86_features.xml'/><include "
		    "filename='x86_cpushim.xml'/><b/></a>",
		    "<a><include filename='x86_features.xml'/><b/></a>");
	check_index("<a>\r\n" FEATURES
		    "<include\n filename = \"x86_cpushim.xml\"></include> <b/>\n",
		    "<a>\r\n" FEATURES OURS " <b/>\n", "<a>\r\n" FEATURES " <b/>\n");
	/* what is only said of it */
	check_index("<!-- " FEATURES OURS "-->\n" FEATURES "<!-- x86_cpushim.xml -->",
		    "<!-- " FEATURES OURS "-->\n" FEATURES OURS "<!-- x86_cpushim.xml -->",
		    "<!-- " FEATURES OURS "-->\n" FEATURES "<!-- x86_cpushim.xml -->");
	CHECK(index_names("<!-- " OURS " -->" OURS) == 1);
	CHECK(index_names(OURS FEATURES OURS) == 2);
	CHECK(index_names(FEATURES) == 0);
	CHECK(index_with_include(&none, "<cpus/>", &err) == -EINVAL);
}

/* Without a byte more or less, and given back like our own line */
static void test_index_comment_out(void)
{
	static const char twice[] = FEATURES OURS "<c/>\n" OURS "<b/>\n";
	_cleanup_free_ char *text = strdup(twice), *odd = strdup("<a b='x86_cpushim.xml'/>\n");
	_cleanup_text_ struct text with = {0}, without = {0};

	CHECK(index_comment_out(text) == 2 && strlen(text) == strlen(twice));
	CHECK(strstr(text, "\n    <!-- cpushim: this disk was full  -->\n<c/>\n"));
	CHECK(index_names(text) == 0);
	index_without_include(&without, text);
	CHECK_STR(without.data, FEATURES "<c/>\n<b/>\n");
	CHECK(index_with_include(&with, text, NULL) == 0);
	CHECK_STR(with.data, FEATURES OURS "<c/>\n<b/>\n");
	CHECK(index_comment_out(odd) == 0);
}

static void test_run(void)
{
	_cleanup_text_ struct text out = {0}, env = {0};
	struct error err = {0};

	CHECK(run_program((const char *const[]){"sh", "-c", "echo a; echo b >&2; exit 3", NULL}, 20,
			  &out, NULL) == 3);
	CHECK_STR(out.data, "a\nb\n");
	CHECK(run_program((const char *const[]){"/nosuch", NULL}, 20, NULL, &err) == -ENOENT);
	CHECK(run_program((const char *const[]){"sh", "-c", "kill -9 $$", NULL}, 20, NULL, &err) ==
	      -EIO);
	CHECK(run_program((const char *const[]){"sh", "-c", "sleep 100 & sleep 100", NULL}, 1, &env,
			  &err) == -ETIMEDOUT);
	(void)setenv("BASH_ENV", "/tmp/x", 1);
	CHECK(run_program((const char *const[]){"sh", "-c", "test -z \"$BASH_ENV\"", NULL}, 20,
			  NULL, NULL) == 0);
}

int main(void)
{
	_cleanup_free_ char *command = NULL;

	if (!mkdtemp(root) || setenv("CPUSHIM_ROOT", root, 1) < 0 ||
	    asprintf(&command, "mkdir -p %s" LIB_DIR, root) < 0 || system(command) != 0)
		return 1;
	test_receipt();
	test_receipt_odd();
	test_receipt_damaged();
	test_receipt_cut();
	test_manifest();
	test_index();
	test_index_comment_out();
	test_run();
	free(command);
	if (asprintf(&command, "rm -rf %s", root) < 0 || system(command) != 0)
		return 1;
	return check_done();
}
