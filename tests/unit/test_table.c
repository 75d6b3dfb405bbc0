/* SPDX-License-Identifier: Apache-2.0 */
/* The table: what is written is what is read, and nothing damaged is used, nor forgotten. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "cpumap/core/crc32.h"
#include "cpumap/core/table.h"
#include "cpumap/core/table_format.h"
#include "cpumap/core/util.h"
#include "check.h"

#define EMULATOR "/usr/bin/qemu-system-x86_64"
#define OTHER    "/usr/bin/kvm"
#define DIGEST   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static char dir[] = "/tmp/cpushim-table.XXXXXX";
static char path[sizeof(dir) + sizeof("/models.table")];

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

/* The table of some rows, as text, of one or two emulators. */
static void print(struct text *out, struct table_row *rows, size_t n)
{
	struct table_qemu qemus[] = {{.emulator = OTHER, .real = OTHER ".distrib"},
				     {.emulator = EMULATOR,
				      .real = EMULATOR ".distrib",
				      .size = "23",
				      .mtime = "1.000000002",
				      .build_id = "ab01",
				      .version = "7.2.22"}};
	struct table t = {
		.release = "1.2", .qemu = qemus, .n_qemus = ARRAY_SIZE(qemus), .row = rows, .n = n};

	table_print(out, &t);
	CHECK(!out->failed && out->len == strlen(out->data));
}

static void put(const char *data, size_t len)
{
	FILE *f = fopen(path, "w");

	CHECK(f && fwrite(data, 1, len, f) == len && fclose(f) == 0);
	CHECK(chmod(path, 0644) == 0);
}

/* A table of those rows in its file. */
static void put_rows(struct table_row *rows, size_t n)
{
	_cleanup_text_ struct text whole = {0};

	print(&whole, rows, n);
	put(whole.data, whole.len);
}

/* A head and what follows it, with a first line that makes it whole. */
static void put_sealed(const char *head, const char *body)
{
	_cleanup_text_ struct text whole = {0};

	text_addf(&whole, "cpushim-table 2 head=%08zx crc=%08x\n%s%s", strlen(head),
		  crc32_of(head, strlen(head)), head, body);
	put(whole.data, whole.len);
}

/* Refused, empty, and the error says where and what helps. */
static void refused(const char *word)
{
	struct table t = {0};
	struct error err = {0};

	if (CHECK(table_load(&t, path, &err) == -EINVAL && err.code == -EINVAL)) {
		CHECK_STR(err.where, path);
		if (!CHECK(strstr(err.what, word)))
			printf("  %s\n", err.what);
		CHECK(strstr(err.what, "cpushim compile"));
	}
	CHECK(!t.head && !t.text && !t.row && t.n == 0);
	CHECK(table_load_model(&t, path, "gate64", 6, NULL) == -EINVAL && t.n == 0);
	table_free(&t);
}

static void check_row(const struct table_row *is, const struct table_row *wanted)
{
	for (const struct table_field *f = table_row_fields; f->name; f++)
		CHECK_STR(*table_field_of((void *)is, f), *table_field_of((void *)wanted, f));
}

static void test_crc32(void)
{
	/* the check value of the algorithm's catalogue; and all lengths modulo 4 */
	CHECK(crc32_of("123456789", 9) == 0xcbf43926);
	CHECK(crc32_of("", 0) == 0);
	CHECK(crc32_of("a", 1) == 0xe8b7be43);
	CHECK(crc32_of("abc", 3) == 0x352441c2);
	CHECK(crc32_of("abcd", 4) == 0xed82cd11);
}

static void test_what_is_written_is_read(void)
{
	_cleanup_table_ struct table t = {0};
	struct table_row bad = row("broken", EMULATOR, "");
	struct table_row rows[] = {row("x86-64-v2", EMULATOR, "kvm64,+cx16,enforce"), gate64, bad};

	rows[2].refused = "unknown feature 'ssse4': a = b, and \\x09";
	bad = rows[2];
	put_rows(rows, ARRAY_SIZE(rows));
	if (!CHECK(table_load(&t, path, NULL) == 0 && t.n == 3))
		return;
	/* by name, whatever order they came in */
	check_row(&t.row[0], &bad);
	check_row(&t.row[1], &gate64);
	CHECK_STR(t.row[2].model, "x86-64-v2");
	CHECK_STR(t.release, "1.2");
	/* the usual emulator first */
	if (!CHECK(t.n_qemus == 2))
		return;
	CHECK_STR(t.qemu[0].emulator, EMULATOR);
	CHECK_STR(t.qemu[0].real, EMULATOR ".distrib");
	CHECK_STR(t.qemu[0].size, "23");
	CHECK_STR(t.qemu[0].mtime, "1.000000002");
	CHECK_STR(t.qemu[0].build_id, "ab01");
	CHECK_STR(t.qemu[0].version, "7.2.22");
	CHECK_STR(t.qemu[1].emulator, OTHER);
	CHECK_STR(t.qemu[1].version, "");
}

static void test_one_model_alone(void)
{
	struct table_row rows[] = {gate64, row("gate64", OTHER, "other"),
				   row("gate64-aes", EMULATOR, "aes"), row("ate64", EMULATOR, "x")};
	static const struct {
		const char *model;
		size_t len, n;
	} asked[] = {
		{"gate64", 6, 2}, {"gate64,+avx", 6, 2}, {"gate64-aes", 10, 1}, {"ate64", 5, 1},
		{"gate6", 5, 0},  {"gate644", 7, 0},     {"GATE64", 6, 0},      {"", 0, 0},
		{"0", 1, 0},      {"gate64\t0", 8, 0},   {NULL, 0, 0},
	};

	put_rows(rows, ARRAY_SIZE(rows));
	for (size_t i = 0; i < ARRAY_SIZE(asked); i++) {
		_cleanup_table_ struct table t = {0};

		CHECK(table_load_model(&t, path, asked[i].model, asked[i].len, NULL) == 0);
		if (!CHECK(t.n == asked[i].n))
			printf("  %s\n", asked[i].model);
		for (size_t k = 0; k < t.n; k++)
			CHECK(strncmp(t.row[k].model, asked[i].model, asked[i].len) == 0);
		CHECK(table_has_emulator(&t, EMULATOR) && table_has_emulator(&t, OTHER));
	}
}

static void test_its_text(void)
{
	static const char line[] =
		"model=gate64\temulator=" EMULATOR "\trefused=\tdigest=" DIGEST
		"\torigin=gate64.xml:7\tbase=kvm64\tvendor=GenuineIntel\tfamily=15\tcpu_model=6\t"
		"stepping=1\tfeatures=nx,pni\tbrings=vme\ttcg_lacks=\tcpu=kvm64,nx=on,enforce";
	_cleanup_text_ struct text whole = {0}, head = {0}, wanted = {0};
	struct table_row one = gate64;

	print(&whole, &one, 1);
	text_addf(&head,
		  "release=1.2\nqemu=" EMULATOR "\treal=" EMULATOR
		  ".distrib\tsize=23\tmtime=1.000000002\tbuild_id=ab01\tversion=7.2.22\tscript="
		  "\nqemu=" OTHER "\treal=" OTHER
		  ".distrib\tsize=\tmtime=\tbuild_id=\tversion=\tscript=\nmodels=1\n"
		  "gate64\t0\t%zu\n",
		  strlen("crc=00000000\t\n") + strlen(line));
	text_addf(&wanted, "cpushim-table 2 head=%08zx crc=%08x\n%scrc=%08x\t%s\n", head.len,
		  crc32_of(head.data, head.len), head.data, crc32_of(line, strlen(line)), line);
	CHECK_STR(whole.data, wanted.data);
}

static void test_no_rows(void)
{
	_cleanup_table_ struct table t = {0};

	put_rows(NULL, 0);
	CHECK(table_load(&t, path, NULL) == 0 && t.n == 0);
	CHECK(!table_find(&t, "gate64", 6, NULL));
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

/* Is what is there now believed: is gate64's row other than whole, and not refused? */
static bool is_believed(void)
{
	_cleanup_table_ struct table all = {0}, one = {0};
	int r = table_load(&all, path, NULL), q = table_load_model(&one, path, "gate64", 6, NULL);
	const struct table_row *in_all = table_find(&all, "gate64", 6, EMULATOR);
	const struct table_row *alone = table_find(&one, "gate64", 6, EMULATOR);

	/* an error, or a row that refuses the model: never forgotten */
	if ((r == 0 && !in_all) || (q == 0 && !alone))
		return true;
	return (in_all && !*in_all->refused && strcmp(in_all->cpu, gate64.cpu) != 0) ||
	       (alone && !*alone->refused && strcmp(alone->cpu, gate64.cpu) != 0);
}

/* Half-written, wherever it ends. */
static void test_cut_at_every_byte(void)
{
	_cleanup_text_ struct text whole = {0};
	struct table_row rows[] = {gate64, row("x86-64-v2", EMULATOR, "kvm64")};
	unsigned int believed = 0;

	print(&whole, rows, ARRAY_SIZE(rows));
	for (size_t len = 0; len < whole.len; len++) {
		put(whole.data, len);
		believed += is_believed();
	}
	CHECK(believed == 0);
}

static void test_every_byte_counts(void)
{
	static const unsigned char flips[] = {1, 0x20, 0xff};
	_cleanup_text_ struct text whole = {0};
	struct table_row rows[] = {gate64, row("gate64", OTHER, "other")};
	unsigned int believed = 0, whole_rows = 0;

	print(&whole, rows, ARRAY_SIZE(rows));
	for (size_t i = 0; i < whole.len; i++)
		for (size_t f = 0; f < ARRAY_SIZE(flips) + 1; f++) {
			_cleanup_table_ struct table t = {0};
			char was = whole.data[i];

			whole.data[i] = f < ARRAY_SIZE(flips) ? (char)(was ^ flips[f]) : '\0';
			put(whole.data, whole.len);
			believed += is_believed();
			whole_rows += table_load(&t, path, NULL) == 0 && t.n == 2 &&
				      !*t.row[0].refused && !*t.row[1].refused;
			whole.data[i] = was;
		}
	CHECK(believed == 0 && whole_rows == 0);
}

/* One model's damage is its own affair, and one emulator's. */
static void test_a_damaged_row_refuses_its_model_alone(void)
{
	_cleanup_text_ struct text whole = {0};
	_cleanup_table_ struct table t = {0};
	struct table_row rows[] = {gate64, row("gate64", OTHER, "other"), row("x", EMULATOR, "y")};
	const struct table_row *r;

	print(&whole, rows, ARRAY_SIZE(rows));
	strstr(whole.data, "cpu=kvm64,nx=on")[4] = 'X';
	put(whole.data, whole.len);
	if (!CHECK(table_load(&t, path, NULL) == 0 && t.n == 3))
		return;
	r = table_find(&t, "gate64", 6, EMULATOR);
	CHECK(r && strstr(r->refused, "damaged") && strstr(r->refused, "cpushim compile"));
	CHECK(r && !*r->cpu && !*r->features && !*r->emulator);
	r = table_find(&t, "gate64", 6, OTHER);
	CHECK(r && !*r->refused);
	r = table_find(&t, "x", 1, EMULATOR);
	CHECK(r && !*r->refused);
}

static void test_the_first_line(void)
{
	static const struct {
		const char *text, *word;
	} bad[] = {
		{"", "version"},
		{"\n", "version"},
		{"cpushim-table 2", "version"},
		{"cpushim-table 1\nsha256=" DIGEST "\n", "version"},
		{"cpushim-table 20 head=00000000 crc=00000000\n", "version"},
		{" cpushim-table 2 head=00000000 crc=00000000\n", "version"},
		{"\xef\xbb\xbf"
		 "cpushim-table 2 head=00000000 crc=00000000\n",
		 "version"},
		{"cpushim-table 2 head=00000000 crc=00000000\r", "first line"},
		{"cpushim-table 2 head=0000000x crc=00000000\n", "first line"},
		{"cpushim-table 2 head=00000000 crc=0000000 \n", "first line"},
		{"cpushim-table 2 head=0000000A crc=00000000\n", "first line"},
		{"cpushim-table 2 head=00000000 CRC=00000000\n", "first line"},
		{"cpushim-table 2 head=00000001 crc=00000000\n", "cut off"},
		{"cpushim-table 2 head=ffffffff crc=00000000\n", "too large"},
		{"cpushim-table 2 head=00000000 crc=00000001\n", "checksum"},
		{"cpushim-table 2 head=00000000 crc=00000000\n", "no index"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		put(bad[i].text, strlen(bad[i].text));
		refused(bad[i].word);
	}
}

static void test_the_head(void)
{
	static const char *const bad[] = {
		"release=1\n", "models=0", "qemu=x\ty\nmodels=0\n", "\n\n", "gate64\t0\t1\n",
	};
	static const char *const no_index[] = {
		"models=1\ngate64\n",
		"models=1\ngate64\t0\n",
		"models=1\ngate64\t0\tx\n",
		"models=1\ngate64\t-1\t2\n",
		"models=1\ngate64\t99999999999\t2\n",
		"models=1\n\n",
	};
	struct table t;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		put_sealed(bad[i], "");
		refused("no index");
	}
	for (size_t i = 0; i < ARRAY_SIZE(no_index); i++) {
		put_sealed(no_index[i], "");
		CHECK(table_load(&t, path, NULL) == -EINVAL);
	}
	/* of a later release */
	put_sealed("release=9\nabi=7\nqemu=" EMULATOR "\tsha=1\nmodels=0\n", "");
	CHECK(table_load(&t, path, NULL) == 0 && table_has_emulator(&t, EMULATOR));
	table_free(&t);
}

/* One row, in which @from becomes @to, its checksums made right again. */
static bool load_row(struct table *t, const char *from, const char *to)
{
	_cleanup_text_ struct text whole = {0}, line = {0}, head = {0}, body = {0};
	struct table_row one = gate64;
	char *start, *at;

	print(&whole, &one, 1);
	start = strstr(whole.data, "model=gate64\t");
	at = start ? strstr(start, from) : NULL;
	if (!CHECK(at))
		return false;
	text_add(&line, start, (size_t)(at - start));
	text_adds(&line, to);
	text_adds(&line, at + strlen(from));
	text_addf(&body, "crc=%08x\t%s", crc32_of(line.data, line.len - 1), line.data);
	text_addf(&head, "models=1\ngate64\t0\t%zu\n", body.len);
	put_sealed(head.data, body.data);
	return CHECK(table_load_model(t, path, "gate64", 6, NULL) == 0 && t->n == 1);
}

static void test_rows_that_are_none(void)
{
	static const struct {
		const char *from, *to;
	} bad[] = {
		{"brings=", "brings"},
		{"enforce\n", "enforce\t\n"},
		{"gate64.xml", "gate\t64.xml"},
		{"model=gate64\t", "model=gate64\t\t"},
		{"model=gate64\t", ""},
		/* what no row can do without */
		{"model=gate64\t", "model=\t"},
		{"model=gate64\t", "model=gate65\t"},
		{"emulator=" EMULATOR, "emulator="},
		{"cpu=kvm64,nx=on,enforce", "cpu="},
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_table_ struct table t = {0};

		if (load_row(&t, bad[i].from, bad[i].to))
			CHECK(strstr(t.row[0].refused, "damaged"));
	}
}

/* Another release may have more fields, fewer, or others. */
static void test_fields_that_are_not_known(void)
{
	static const struct {
		const char *from, *to;
	} other[] = {
		{"enforce\n", "enforce\tmsrs=0x10a\n"},
		{"\tbrings=vme", ""},
		{"brings=vme", "Brings=vme"},
		{"\tfamily=15\tcpu_model=6", "\tcpu_model=6\tfamily=15"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(other); i++) {
		_cleanup_table_ struct table t = {0};

		if (!load_row(&t, other[i].from, other[i].to))
			continue;
		CHECK(!*t.row[0].refused);
		CHECK_STR(t.row[0].cpu, gate64.cpu);
		CHECK_STR(t.row[0].family, "15");
		CHECK_STR(t.row[0].brings, i == 1 || i == 2 ? "" : "vme");
	}
}

static void test_a_name_of_64_characters(void)
{
	_cleanup_table_ struct table t = {0};
	char name[MODEL_NAME_MAX + 1];
	struct table_row one;

	memset(name, 'a', MODEL_NAME_MAX);
	name[MODEL_NAME_MAX] = '\0';
	one = row(name, EMULATOR, "kvm64");
	put_rows(&one, 1);
	CHECK(table_load_model(&t, path, name, MODEL_NAME_MAX, NULL) == 0);
	CHECK(table_find(&t, name, MODEL_NAME_MAX, EMULATOR));
}

static void test_finding(void)
{
	_cleanup_table_ struct table t = {0};
	struct table_row rows[] = {gate64, row("gate64", OTHER, "other"),
				   row("gate64-aes", EMULATOR, "aes")};
	const struct table_row *r;

	put_rows(rows, ARRAY_SIZE(rows));
	if (!CHECK(table_load(&t, path, NULL) == 0))
		return;
	r = table_find(&t, "gate64,+avx", 6, EMULATOR);
	CHECK(r && strcmp(r->cpu, gate64.cpu) == 0);
	/* in a staged tree */
	r = table_find(&t, "gate64", 6, "/home/me/build/root" EMULATOR);
	CHECK(r && strcmp(r->cpu, gate64.cpu) == 0);
	r = table_find(&t, "gate64", 6, OTHER);
	CHECK(r && strcmp(r->cpu, "other") == 0);
	r = table_find(&t, "gate64", 6, NULL);
	CHECK(r == &t.row[0]);
	CHECK(!table_find(&t, "gate64", 6, EMULATOR ".distrib"));
	CHECK(!table_find(&t, "gate64", 6, "qemu-system-x86_64"));
	CHECK(!table_find(&t, "gate64", 6, "/usr/bin/other" EMULATOR "x"));
	CHECK(table_has_emulator(&t, OTHER) && table_has_emulator(&t, "/root" EMULATOR));
	CHECK(!table_has_emulator(&t, "/usr/bin/qemu") && !table_has_emulator(&t, ""));
}

static void test_a_huge_table(void)
{
	enum { ROWS = 2000 };
	static char name[ROWS][16];
	static struct table_row rows[ROWS];
	_cleanup_table_ struct table all = {0}, one = {0};
	_cleanup_free_ char *cpu = malloc(4001);

	if (!CHECK(cpu))
		return;
	memset(cpu, 'x', 4000);
	cpu[4000] = '\0';
	for (size_t i = 0; i < ROWS; i++) {
		(void)snprintf(name[i], sizeof(name[i]), "model-%zu", i);
		rows[i] = row(name[i], EMULATOR, cpu);
	}
	put_rows(rows, ROWS);
	CHECK(table_load(&all, path, NULL) == 0 && all.n == ROWS);
	CHECK(table_find(&all, "model-1999", 10, EMULATOR));
	CHECK(table_load_model(&one, path, "model-1999", 10, NULL) == 0 && one.n == 1);
	CHECK(table_find(&one, "model-1999", 10, EMULATOR));
}

static int load(struct error *err)
{
	_cleanup_table_ struct table t = {0};
	int r = table_load(&t, path, err);

	CHECK(r == 0 ? t.n == 1 : !t.n && !t.text && !t.row && !t.head);
	return r;
}

static void test_files(void)
{
	struct table_row one = gate64;
	struct error err = {0};

	CHECK(unlink(path) == 0 && load(&err) == -ENOENT);
	CHECK_STR(err.where, path);
	put_rows(&one, 1);
	CHECK(load(NULL) == 0);
	/* what others may write isn't used */
	CHECK(chmod(path, 0664) == 0 && load(NULL) == -EPERM);
	CHECK(chmod(path, 0646) == 0 && load(&err) == -EPERM);
	CHECK(strstr(err.what, "chmod go-w"));
	if (geteuid() == 0) {
		CHECK(chmod(path, 0644) == 0 && chown(path, 65534, 0) == 0);
		CHECK(load(&err) == -EPERM && strstr(err.what, "chown"));
	}
	CHECK(unlink(path) == 0 && mkfifo(path, 0600) == 0);
	CHECK(load(NULL) == -EINVAL);
	CHECK(unlink(path) == 0 && mkdir(path, 0700) == 0);
	CHECK(load(NULL) < 0);
	CHECK(rmdir(path) == 0);
}

int main(void)
{
	if (!CHECK(mkdtemp(dir)))
		return check_done();
	(void)snprintf(path, sizeof(path), "%s/models.table", dir);
	test_crc32();
	test_what_is_written_is_read();
	test_one_model_alone();
	test_its_text();
	test_no_rows();
	test_the_same_rows_give_the_same_bytes();
	test_cut_at_every_byte();
	test_every_byte_counts();
	test_a_damaged_row_refuses_its_model_alone();
	test_the_first_line();
	test_the_head();
	test_rows_that_are_none();
	test_fields_that_are_not_known();
	test_a_name_of_64_characters();
	test_finding();
	test_a_huge_table();
	test_files();
	CHECK(rmdir(dir) == 0);
	return check_done();
}
