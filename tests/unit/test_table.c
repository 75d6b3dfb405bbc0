/* SPDX-License-Identifier: Apache-2.0 */
/* The table: what is written is what is read, and nothing damaged is believed. */
#include <errno.h>
#include <sys/stat.h>

#include "check.h"
#include "cpumap/sha256.h"
#include "cpumap/table.h"
#include "cpumap/util.h"

#define EMULATOR "/usr/bin/qemu-system-x86_64"
#define DIGEST   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct table_row gate64 = {
	.model = "gate64",
	.emulator = EMULATOR,
	.refused = "",
	.digest = DIGEST,
	.origin = "gate64.xml:7",
	.base = "kvm64",
	.vendor = "GenuineIntel",
	.family = "15",
	.cpu_model = "6",
	.stepping = "1",
	.features = "nx,pni",
	.brings = "vme",
	.tcg_lacks = "",
	.cpu = "kvm64,nx=on,enforce",
};

static struct table_row row(const char *model, const char *emulator, const char *cpu)
{
	struct table_row r = gate64;

	r.model = model;
	r.emulator = emulator;
	r.cpu = cpu;
	return r;
}

/* The table of some rows, as text. */
static void print(struct text *out, struct table_row *rows, size_t n)
{
	table_print(out, rows, n);
	CHECK(!out->failed && out->len == strlen(out->data));
}

/* A body with the header that makes it whole. */
static void seal(struct text *out, const char *body, size_t len)
{
	char hex[SHA256_HEX];

	sha256_hex(body, len, hex);
	text_addf(out, "cpushim-table 1\nsha256=%s\n", hex);
	text_add(out, body, len);
}

static int parse(struct table *t, const char *text, size_t len, struct error *err)
{
	char *copy = malloc(len + 1);

	if (!copy)
		return -ENOMEM;
	memcpy(copy, text, len);
	copy[len] = '\0';
	return table_parse(t, copy, len, "the.table", err);
}

/* Refused, empty, and the error says where and what helps. */
static void refused(const char *text, size_t len, const char *where, const char *word)
{
	struct table t = {0};
	struct error err = {0};

	if (CHECK(parse(&t, text, len, &err) == -EINVAL && err.code == -EINVAL)) {
		CHECK_STR(err.where, where);
		if (!CHECK(strstr(err.what, word)))
			printf("  %s\n", err.what);
		CHECK(strstr(err.what, "cpushim compile"));
	}
	CHECK(!t.text && !t.row && t.n == 0);
	table_free(&t);
	/* nobody has to want the error */
	CHECK(parse(&t, text, len, NULL) == -EINVAL);
}

static void refused_body(const char *body, size_t len, const char *where)
{
	_cleanup_text_ struct text whole = {0};

	seal(&whole, body, len);
	refused(whole.data, whole.len, where, "isn't a row");
}

static void check_row(const struct table_row *is, const struct table_row *wanted)
{
	CHECK_STR(is->model, wanted->model);
	CHECK_STR(is->emulator, wanted->emulator);
	CHECK_STR(is->refused, wanted->refused);
	CHECK_STR(is->digest, wanted->digest);
	CHECK_STR(is->origin, wanted->origin);
	CHECK_STR(is->base, wanted->base);
	CHECK_STR(is->vendor, wanted->vendor);
	CHECK_STR(is->family, wanted->family);
	CHECK_STR(is->cpu_model, wanted->cpu_model);
	CHECK_STR(is->stepping, wanted->stepping);
	CHECK_STR(is->features, wanted->features);
	CHECK_STR(is->brings, wanted->brings);
	CHECK_STR(is->tcg_lacks, wanted->tcg_lacks);
	CHECK_STR(is->cpu, wanted->cpu);
}

static void test_what_is_written_is_read(void)
{
	_cleanup_table_ struct table t = {0};
	_cleanup_text_ struct text whole = {0};
	struct table_row bad = row("broken", EMULATOR, "");
	struct table_row rows[] = {row("x86-64-v2", EMULATOR, "kvm64,+cx16,enforce"), gate64, bad};

	rows[2].refused = "unknown feature 'ssse4': a = b, and \\x09";
	bad = rows[2];
	print(&whole, rows, ARRAY_SIZE(rows));
	if (!CHECK(parse(&t, whole.data, whole.len, NULL) == 0 && t.n == 3))
		return;
	/* by name, whatever order they came in */
	check_row(&t.row[0], &bad);
	check_row(&t.row[1], &gate64);
	CHECK_STR(t.row[2].model, "x86-64-v2");
}

static void test_its_text(void)
{
	_cleanup_text_ struct text whole = {0}, sealed = {0};
	struct table_row one = gate64;
	static const char body[] =
		"model=gate64\temulator=" EMULATOR "\trefused=\tdigest=" DIGEST
		"\torigin=gate64.xml:7\tbase=kvm64\tvendor=GenuineIntel\tfamily=15\tcpu_model=6\t"
		"stepping=1\tfeatures=nx,pni\tbrings=vme\ttcg_lacks=\tcpu=kvm64,nx=on,enforce\n";

	print(&whole, &one, 1);
	seal(&sealed, body, strlen(body));
	CHECK_STR(whole.data, sealed.data);
}

static void test_no_rows(void)
{
	_cleanup_table_ struct table t = {0};
	_cleanup_text_ struct text whole = {0};

	print(&whole, NULL, 0);
	CHECK(parse(&t, whole.data, whole.len, NULL) == 0 && t.n == 0);
	CHECK(!table_find(&t, "gate64", 6, NULL) && !table_has_emulator(&t, EMULATOR));
}

static void test_the_same_rows_give_the_same_bytes(void)
{
	struct table_row a[] = {gate64, row("b", "/usr/bin/x", "c"), row("b", "/usr/bin/a", "c")};
	struct table_row b[] = {a[2], gate64, a[1]};
	_cleanup_text_ struct text first = {0}, second = {0};

	print(&first, a, ARRAY_SIZE(a));
	print(&second, b, ARRAY_SIZE(b));
	CHECK_STR(first.data, second.data);
}

/* Half-written, wherever it ends: not one row is believed. */
static void test_cut_at_every_byte(void)
{
	_cleanup_text_ struct text whole = {0};
	struct table_row rows[] = {gate64, row("x86-64-v2", EMULATOR, "kvm64")};
	unsigned int believed = 0;

	print(&whole, rows, ARRAY_SIZE(rows));
	for (size_t len = 0; len < whole.len; len++) {
		struct table t = {0};

		believed += parse(&t, whole.data, len, NULL) != -EINVAL || t.n || t.text;
		table_free(&t);
	}
	CHECK(believed == 0);
}

static void test_every_byte_counts(void)
{
	_cleanup_text_ struct text whole = {0};
	struct table_row one = gate64;
	unsigned int believed = 0;

	print(&whole, &one, 1);
	for (size_t i = 0; i < whole.len; i++) {
		struct table t = {0};
		char was = whole.data[i];

		whole.data[i] = (char)(was ^ 1);
		believed += parse(&t, whole.data, whole.len, NULL) != -EINVAL || t.n || t.text;
		table_free(&t);
		whole.data[i] = was;
	}
	CHECK(believed == 0);
}

static void test_something_behind_it(void)
{
	static const char *const more[] = {"\n", "x", "model=", "\t"};
	struct table_row one = gate64;

	for (size_t i = 0; i < ARRAY_SIZE(more); i++) {
		_cleanup_text_ struct text whole = {0};

		print(&whole, &one, 1);
		text_adds(&whole, more[i]);
		refused(whole.data, whole.len, "the.table:2", "damaged");
	}
}

static void test_the_header(void)
{
	static const struct {
		const char *text, *where, *word;
	} bad[] = {
		{"", "the.table:1", "version"},
		{"\n", "the.table:1", "version"},
		{"cpushim-table 1", "the.table:1", "version"},
		{"cpushim-table 2\nsha256=\n", "the.table:1", "version"},
		{"cpushim-table 10\nsha256=\n", "the.table:1", "version"},
		{"cpushim-table 1 \nsha256=\n", "the.table:1", "version"},
		{"cpushim-table 1\r\nsha256=\r\n", "the.table:1", "version"},
		{" cpushim-table 1\n", "the.table:1", "version"},
		{"\xef\xbb\xbf"
		 "cpushim-table 1\n",
		 "the.table:1", "version"},
		{"cpushim-table 1\n", "the.table:2", "checksum"},
		{"cpushim-table 1\n\n", "the.table:2", "checksum"},
		{"cpushim-table 1\nsha256=", "the.table:2", "checksum"},
		{"cpushim-table 1\nmd5=0\n", "the.table:2", "checksum"},
		{"cpushim-table 1\nsha256=\n", "the.table:2", "checksum"},
		{"cpushim-table 1\nsha256=" DIGEST "\n", "the.table:2", "damaged"},
		/* of nothing, with a digit too much, one too few, in capitals, with a space */
		{"cpushim-table 1\nsha256="
		 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b8550\n",
		 "the.table:2", "damaged"},
		{"cpushim-table 1\nsha256="
		 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85\n",
		 "the.table:2", "damaged"},
		{"cpushim-table 1\nsha256="
		 "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855\n",
		 "the.table:2", "damaged"},
		{"cpushim-table 1\nsha256="
		 " e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n",
		 "the.table:2", "damaged"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		refused(bad[i].text, strlen(bad[i].text), bad[i].where, bad[i].word);
}

static void test_nul_bytes(void)
{
	_cleanup_text_ struct text whole = {0}, sealed = {0};
	struct table_row one = gate64;
	char *body;

	print(&whole, &one, 1);
	/* with a right checksum, too */
	body = strstr(whole.data, "model=");
	if (!CHECK(body))
		return;
	body[20] = '\0';
	seal(&sealed, body, whole.len - (size_t)(body - whole.data));
	refused(sealed.data, sealed.len, "the.table", "isn't text");
	refused("\0\0\0\0", 4, "the.table", "isn't text");
	refused("cpushim-table 1\n\0", 17, "the.table", "isn't text");
}

/* One row, where @from says @to. */
static void refused_row(const char *from, const char *to)
{
	_cleanup_text_ struct text whole = {0}, body = {0};
	struct table_row one = gate64;
	char *start, *at;

	print(&whole, &one, 1);
	start = strstr(whole.data, "model=");
	at = start ? strstr(start, from) : NULL;
	if (!CHECK(at))
		return;
	text_add(&body, start, (size_t)(at - start));
	text_adds(&body, to);
	text_adds(&body, at + strlen(from));
	refused_body(body.data, body.len, "the.table:3");
}

static void test_rows_that_are_none(void)
{
	/* a field that is missing, misspelt, twice, in another order, one more */
	refused_row("\tbrings=vme", "");
	refused_row("brings=", "bring=");
	refused_row("brings=", "Brings=");
	refused_row("brings=", "brings");
	refused_row("brings=vme", "brings=vme\tbrings=vme");
	refused_row("\tfamily=15\tcpu_model=6", "\tcpu_model=6\tfamily=15");
	refused_row("enforce\n", "enforce\tmore=1\n");
	refused_row("enforce\n", "enforce\t\n");
	refused_row("\tcpu=kvm64,nx=on,enforce", "");
	/* a tab or a newline in a value */
	refused_row("gate64.xml", "gate\t64.xml");
	refused_row("gate64.xml", "gate\n64.xml");
	refused_row("model=gate64\t", "model=gate64\t\t");
	refused_row("model=gate64\t", "\nmodel=gate64\t");
	refused_row("model=gate64\t", " model=gate64\t");
	/* the last line has to end */
	refused_row("enforce\n", "enforce");
	/* what no row can do without */
	refused_row("model=gate64\t", "model=\t");
	refused_row("emulator=" EMULATOR, "emulator=");
	refused_row("cpu=kvm64,nx=on,enforce", "cpu=");
	refused_row("model=gate64\t", "model=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
				      "aaaaaaaaaaaa\t");
	refused_body("\n", 1, "the.table:3");
	refused_body("x", 1, "the.table:3");
}

static void test_a_bad_row_is_named_by_its_line(void)
{
	_cleanup_text_ struct text whole = {0}, body = {0};
	struct table_row rows[] = {gate64, row("x", EMULATOR, "kvm64")};

	print(&whole, rows, ARRAY_SIZE(rows));
	text_adds(&body, strstr(whole.data, "model="));
	text_adds(&body, "model=y\n");
	refused_body(body.data, body.len, "the.table:5");
}

static void test_a_name_of_64_characters(void)
{
	_cleanup_table_ struct table t = {0};
	_cleanup_text_ struct text whole = {0};
	char name[MODEL_NAME_MAX + 1];
	struct table_row one;

	memset(name, 'a', MODEL_NAME_MAX);
	name[MODEL_NAME_MAX] = '\0';
	one = row(name, EMULATOR, "kvm64");
	print(&whole, &one, 1);
	CHECK(parse(&t, whole.data, whole.len, NULL) == 0);
	CHECK(table_find(&t, name, MODEL_NAME_MAX, EMULATOR));
}

static void test_finding(void)
{
	_cleanup_table_ struct table t = {0};
	_cleanup_text_ struct text whole = {0};
	struct table_row rows[] = {gate64, row("gate64", "/usr/bin/kvm", "other"),
				   row("gate64-aes", EMULATOR, "aes")};
	const struct table_row *r;

	print(&whole, rows, ARRAY_SIZE(rows));
	if (!CHECK(parse(&t, whole.data, whole.len, NULL) == 0))
		return;
	r = table_find(&t, "gate64,+avx", 6, EMULATOR);
	CHECK(r && strcmp(r->cpu, gate64.cpu) == 0);
	/* in a staged tree */
	r = table_find(&t, "gate64", 6, "/home/me/build/root" EMULATOR);
	CHECK(r && strcmp(r->cpu, gate64.cpu) == 0);
	r = table_find(&t, "gate64", 6, "/usr/bin/kvm");
	CHECK(r && strcmp(r->cpu, "other") == 0);
	r = table_find(&t, "gate64", 6, NULL);
	CHECK(r == &t.row[0]);
	r = table_find(&t, "gate64-aes", 10, EMULATOR);
	CHECK(r && strcmp(r->cpu, "aes") == 0);
	CHECK(!table_find(&t, "gate6", 5, EMULATOR) && !table_find(&t, "gate644", 7, EMULATOR));
	CHECK(!table_find(&t, "GATE64", 6, EMULATOR) && !table_find(&t, "", 0, EMULATOR));
	CHECK(!table_find(&t, "gate64", 6, EMULATOR ".distrib"));
	CHECK(!table_find(&t, "gate64", 6, "qemu-system-x86_64"));
	CHECK(!table_find(&t, "gate64", 6, "/usr/bin/other" EMULATOR "x"));
	CHECK(table_has_emulator(&t, "/usr/bin/kvm") && table_has_emulator(&t, "/root" EMULATOR));
	CHECK(!table_has_emulator(&t, "/usr/bin/qemu") && !table_has_emulator(&t, ""));
}

/* Nothing but `compile` writes one, and that sorts; a table by hand may do otherwise. */
static void test_unsorted(void)
{
	_cleanup_table_ struct table t = {0};
	_cleanup_text_ struct text a = {0}, b = {0}, body = {0}, whole = {0};
	struct table_row first = row("z", EMULATOR, "first"), second = row("a", EMULATOR, "a");
	const struct table_row *r;

	print(&a, &first, 1);
	print(&b, &second, 1);
	text_adds(&body, strstr(a.data, "model="));
	text_adds(&body, strstr(b.data, "model="));
	seal(&whole, body.data, body.len);
	CHECK(parse(&t, whole.data, whole.len, NULL) == 0 && t.n == 2);
	r = table_find(&t, "z", 1, EMULATOR);
	CHECK(r && strcmp(r->cpu, "first") == 0);
	r = table_find(&t, "a", 1, EMULATOR);
	CHECK(r && strcmp(r->cpu, "a") == 0);
}

/* Everybody takes the first. */
static void test_a_model_twice(void)
{
	_cleanup_table_ struct table t = {0};
	_cleanup_text_ struct text a = {0}, b = {0}, body = {0}, whole = {0};
	struct table_row first = gate64, second = row("gate64", EMULATOR, "other");
	const struct table_row *r;

	print(&a, &first, 1);
	print(&b, &second, 1);
	text_adds(&body, strstr(a.data, "model="));
	text_adds(&body, strstr(b.data, "model="));
	seal(&whole, body.data, body.len);
	CHECK(parse(&t, whole.data, whole.len, NULL) == 0 && t.n == 2);
	r = table_find(&t, "gate64", 6, EMULATOR);
	CHECK(r && strcmp(r->cpu, gate64.cpu) == 0);
}

static void test_a_huge_table(void)
{
	enum { ROWS = 2000 };
	static char name[ROWS][16];
	static struct table_row rows[ROWS];
	_cleanup_table_ struct table t = {0};
	_cleanup_text_ struct text whole = {0};
	_cleanup_free_ char *cpu = malloc(4001);

	if (!CHECK(cpu))
		return;
	memset(cpu, 'x', 4000);
	cpu[4000] = '\0';
	for (size_t i = 0; i < ROWS; i++) {
		(void)snprintf(name[i], sizeof(name[i]), "model-%zu", i);
		rows[i] = row(name[i], EMULATOR, cpu);
	}
	print(&whole, rows, ROWS);
	CHECK(whole.len > (size_t)8 << 20);
	CHECK(parse(&t, whole.data, whole.len, NULL) == 0 && t.n == ROWS);
	CHECK(table_find(&t, "model-1999", 10, EMULATOR));
}

static int load(const char *path, struct error *err)
{
	_cleanup_table_ struct table t = {0};
	int r = table_load(&t, path, err);

	CHECK(r == 0 ? t.n == 1 : !t.n && !t.text && !t.row);
	return r;
}

static void write_file(const char *path, const char *data, size_t len, mode_t mode)
{
	struct error err = {0};

	(void)unlink(path);
	CHECK(file_write(path, 0644, data, len, NULL, &err) == 0);
	CHECK(chmod(path, mode) == 0);
}

static void test_files(const char *dir)
{
	_cleanup_text_ struct text path = {0}, whole = {0};
	_cleanup_free_ char *spaces = calloc(1, TABLE_LIMIT + 1);
	struct table_row one = gate64;
	struct error err = {0};

	text_addf(&path, "%s/models.table", dir);
	CHECK(load(path.data, &err) == -ENOENT);
	CHECK_STR(err.where, path.data);
	print(&whole, &one, 1);
	write_file(path.data, whole.data, whole.len, 0644);
	CHECK(load(path.data, NULL) == 0);
	/* what others may write isn't believed */
	CHECK(chmod(path.data, 0664) == 0 && load(path.data, NULL) == -EPERM);
	CHECK(chmod(path.data, 0646) == 0 && load(path.data, &err) == -EPERM);
	CHECK(strstr(err.what, "chmod go-w"));
	if (geteuid() == 0) {
		CHECK(chmod(path.data, 0644) == 0 && chown(path.data, 65534, 0) == 0);
		CHECK(load(path.data, &err) == -EPERM && strstr(err.what, "chown"));
	}
	write_file(path.data, "", 0, 0644);
	CHECK(load(path.data, NULL) == -EINVAL);
	if (CHECK(spaces))
		write_file(path.data, memset(spaces, ' ', TABLE_LIMIT + 1), TABLE_LIMIT + 1, 0644);
	CHECK(load(path.data, NULL) == -EFBIG);
	CHECK(unlink(path.data) == 0 && mkfifo(path.data, 0600) == 0);
	CHECK(load(path.data, NULL) == -EINVAL);
	CHECK(unlink(path.data) == 0 && mkdir(path.data, 0700) == 0);
	CHECK(load(path.data, NULL) < 0);
	CHECK(rmdir(path.data) == 0);
}

int main(void)
{
	char dir[] = "/tmp/cpushim-table.XXXXXX";

	test_what_is_written_is_read();
	test_its_text();
	test_no_rows();
	test_the_same_rows_give_the_same_bytes();
	test_cut_at_every_byte();
	test_every_byte_counts();
	test_something_behind_it();
	test_the_header();
	test_nul_bytes();
	test_rows_that_are_none();
	test_a_bad_row_is_named_by_its_line();
	test_a_name_of_64_characters();
	test_finding();
	test_unsorted();
	test_a_model_twice();
	test_a_huge_table();
	if (CHECK(mkdtemp(dir))) {
		test_files(dir);
		CHECK(rmdir(dir) == 0);
	}
	return check_done();
}
