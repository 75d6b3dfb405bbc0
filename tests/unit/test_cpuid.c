/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's dump: what is accepted, what is refused, and what counts as a difference. */
#include <errno.h>
#include <stdio.h>

#include "cpumap/guest/cpuid.h"

static unsigned int passed, failed;

#define CHECK(what)                                                                                \
	do {                                                                                       \
		if (what) {                                                                        \
			passed++;                                                                  \
		} else {                                                                           \
			failed++;                                                                  \
			printf("%s:%d: %s\n", __FILE__, __LINE__, #what);                          \
		}                                                                                  \
	} while (0)

/* fpu tsc msr apic clflush pae, pni, hypervisor, nx lm syscall; family 15, model 6, stepping 1 */
#define LEAF0    "00000000 00000000 0000000d 756e6547 6c65746e 49656e69\n"
#define LEAF1    "00000001 00000000 00000f61 00000800 80000001 00080271\n"
#define LEAF1_HT "00000001 00000000 00000f61 02040800 88000001 10080271\n"
#define EXT0     "80000000 00000000 80000008 756e6547 6c65746e 49656e69\n"
#define EXT1     "80000001 00000000 00000f61 00000000 00000000 20100800\n"
#define CPU0     "cpu 0\n" LEAF0 LEAF1 EXT0 EXT1
#define HEAD     "cpushim-guest 1\n"

static int parse(struct cpuid_dump *d, const char *text, struct error *err)
{
	return cpuid_parse(d, text, strlen(text), "dump", err);
}

static void set_features(struct model *m, const char *names)
{
	struct error err = {0};

	if (featset_parse(&m->features, names, strlen(names), ',', &err) < 0)
		printf("%s: %s\n", names, err.what);
}

static struct model sample(void)
{
	struct model m = {.id = {"GenuineIntel", 15, 6, 1}};

	set_features(&m, "fpu,tsc,msr,pae,apic,clflush,pni,syscall,nx,lm");
	return m;
}

/* The differences of a dump and a model as lines, joined by "|". */
static char *differences(const char *text, const struct model *m)
{
	_cleanup_cpuid_dump_ struct cpuid_dump d = {0};
	_cleanup_cpuid_diff_ struct cpuid_diff diff = {0};
	struct text t = {0};
	struct error err = {0};

	if (parse(&d, text, &err) < 0) {
		text_addf(&t, "%s: %s", err.where, err.what);
		return t.data;
	}
	if (cpuid_compare(&d, m, &diff) < 0)
		return NULL;
	text_adds(&t, "");
	cpuid_diff_print(&t, &diff);
	for (size_t i = 0; i < t.len; i++)
		if (t.data[i] == '\n')
			t.data[i] = '|';
	return t.data;
}

static bool differs_so(const char *text, const struct model *m, const char *expected)
{
	_cleanup_free_ char *is = differences(text, m);

	if (is && strcmp(is, expected) == 0)
		return true;
	printf("expected '%s', got '%s'\n", expected, is ? is : "(nothing)");
	return false;
}

static bool refused(const char *text, int code, const char *where)
{
	struct cpuid_dump d;
	struct error err = {0};
	bool right = parse(&d, text, &err) == code && strcmp(err.where, where) == 0 && d.n == 0;

	if (!right)
		printf("got %d, '%s: %s'\n", err.code, err.where, err.what);
	cpuid_dump_free(&d);
	return right;
}

static void test_parsing(void)
{
	_cleanup_cpuid_dump_ struct cpuid_dump d = {0};
	struct identity id;

	CHECK(parse(&d, "noise\n" HEAD CPU0 "cpu 1\n" LEAF0 LEAF1 "end\ntail", NULL) == 0);
	CHECK(d.n == 2 && d.cpu[0].n == 4 && d.cpu[1].n == 2);
	cpuid_identity(&d.cpu[0], &id);
	CHECK(strcmp(id.vendor, "GenuineIntel") == 0);
	CHECK(id.family == 15 && id.model == 6 && id.stepping == 1);
	CHECK(cpuid_word(&d.cpu[0], 0x80000001, 0, REG_EDX) == 0x20100800);
	CHECK(cpuid_word(&d.cpu[0], 7, 0, REG_EBX) == 0);
	CHECK(cpuid_word(&d.cpu[0], 1, 1, REG_EAX) == 0);
	CHECK(cpuid_word(&d.cpu[1], 0x80000001, 0, REG_EDX) == 0);
}

/* CPUs have feature bits in subleaves that leaf 7 doesn't admit to: QEMU on old machine types. */
static void test_subleaves_of_leaf_7(void)
{
	_cleanup_cpuid_dump_ struct cpuid_dump hidden = {0}, shown = {0};

	CHECK(parse(&hidden,
		    HEAD "cpu 0\n" LEAF0 "00000007 00000000 00000000 00000000 00000000 00000000\n"
			 "00000007 00000001 00000010 00000000 00000000 00000000\nend\n",
		    NULL) == 0);
	CHECK(cpuid_word(&hidden.cpu[0], 7, 1, REG_EAX) == 0);
	CHECK(parse(&shown,
		    HEAD "cpu 0\n" LEAF0 "00000007 00000000 00000001 00000000 00000000 00000000\n"
			 "00000007 00000001 00000010 00000000 00000000 00000000\nend\n",
		    NULL) == 0);
	CHECK(cpuid_word(&shown.cpu[0], 7, 1, REG_EAX) == 0x10);
}

static void test_last_complete_dump(void)
{
	static const char *const texts[] = {
		HEAD CPU0 "cpu 1\n" LEAF0 "end\n" HEAD CPU0 "end\n" HEAD "cpu 0\n0000",
		HEAD "cpu 0\n0000" HEAD "cpu 0\n000\n" HEAD CPU0 "end\n",
		"\x80\xff\n" HEAD CPU0 "end\nend\n",
		"cpushim-guest 1\r\ncpu 0\r\n" LEAF0 LEAF1 EXT0 EXT1 "end\r\n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_cpuid_dump_ struct cpuid_dump d = {0};

		CHECK(parse(&d, texts[i], NULL) == 0 && d.n == 1 && d.cpu[0].n == 4);
	}
}

static void test_bad_dumps(void)
{
	CHECK(refused("", -ENODATA, "dump"));
	CHECK(refused("end\n", -ENODATA, "dump"));
	CHECK(refused(HEAD CPU0, -ENODATA, "dump"));
	CHECK(refused(HEAD CPU0 "end", -ENODATA, "dump")); /* cut */
	CHECK(refused("cpushim-guest 2\n" CPU0 "end\n", -ENODATA, "dump"));
	CHECK(refused(HEAD "end\n", -EINVAL, "dump"));
	CHECK(refused(HEAD "cpu 0\nend\n", -EINVAL, "dump"));
	CHECK(refused(HEAD "cpu 1\n" LEAF0 "end\n", -EINVAL, "dump:2"));
	CHECK(refused(HEAD CPU0 "cpu 0\n" LEAF0 "end\n", -EINVAL, "dump:7"));
	CHECK(refused(HEAD LEAF0 "end\n", -EINVAL, "dump:2"));
	CHECK(refused(HEAD "cpu 0\n" LEAF1 "end\n", -EINVAL, "dump"));
	CHECK(refused(HEAD "cpu 0\n" LEAF0 LEAF0 "end\n", -EINVAL, "dump"));
	CHECK(refused(HEAD "cpu 0\n" LEAF0 "\nend\n", -EINVAL, "dump:4"));
	CHECK(refused(HEAD "cpu -1\n" LEAF0 "end\n", -EINVAL, "dump:2"));
	CHECK(refused(HEAD "cpu 99999999999999999999\n" LEAF0 "end\n", -EINVAL, "dump:2"));
	CHECK(refused(HEAD "cpu 0\n0000000g" LEAF0 "end\n", -EINVAL, "dump:3"));
	CHECK(refused(HEAD "cpu 0\n0x000000 00000000 0000000d 756e6547 6c65746e 49656e69\nend\n",
		      -EINVAL, "dump:3"));
	CHECK(refused(HEAD "cpu 0\n00000000 00000000 0000000d 756e6547 6c65746e -9656e69\nend\n",
		      -EINVAL, "dump:3"));
	CHECK(refused(HEAD "cpu 0\n00000000_00000000 0000000d 756e6547 6c65746e 49656e69\nend\n",
		      -EINVAL, "dump:3"));
}

static void test_nul_bytes_and_endless_dumps(void)
{
	static const char nul[] = HEAD CPU0 "\0\nend\n";
	_cleanup_text_ struct text t = {0};
	struct cpuid_dump d;

	CHECK(cpuid_parse(&d, nul, sizeof(nul) - 1, "dump", NULL) == -EINVAL);
	text_adds(&t, HEAD "cpu 0\n");
	for (unsigned int i = 0; i < 10000; i++)
		text_addf(&t, "%08x 00000000 00000000 00000000 00000000 00000000\n", i);
	text_adds(&t, "end\n");
	CHECK(cpuid_parse(&d, t.data, t.len, "dump", NULL) == -EINVAL);
	text_free(&t);
	text_adds(&t, HEAD);
	for (unsigned int i = 0; i < 10000; i++)
		text_addf(&t, "cpu %u\n" LEAF0, i);
	text_adds(&t, "end\n");
	CHECK(cpuid_parse(&d, t.data, t.len, "dump", NULL) == -EINVAL);
}

static void test_exact(void)
{
	struct model m = sample();

	CHECK(differs_so(HEAD CPU0 "end\n", &m, ""));
	/* hypervisor, ht, osxsave and the APIC's number aren't the definition's */
	CHECK(differs_so(HEAD CPU0 "cpu 1\n" LEAF0 LEAF1_HT EXT0 EXT1 "end\n", &m, ""));
	m.id = IDENTITY_NONE;
	CHECK(differs_so(HEAD CPU0 "end\n", &m, ""));
	m.id = (struct identity){"host", 15, 6, 1};
	CHECK(differs_so(HEAD CPU0 "end\n", &m, ""));
}

static void test_features_that_differ(void)
{
	struct model m = sample();

	set_features(&m, "fpu,tsc,msr,pae,apic,clflush,pni,syscall,nx,lm,avx2,sse2");
	CHECK(differs_so(HEAD CPU0 "end\n", &m, "missing: avx2|missing: sse2|"));
	set_features(&m, "fpu,tsc,msr,pae,apic,clflush,syscall,nx");
	CHECK(differs_so(HEAD CPU0 "end\n", &m, "extra: lm|extra: pni|"));
}

static void test_leaves_above_the_highest_are_zero(void)
{
	struct model m = sample();

	CHECK(differs_so(HEAD CPU0 "00000014 00000000 ffffffff ffffffff ffffffff ffffffff\n"
				   "8000000a 00000000 ffffffff ffffffff ffffffff ffffffff\n"
				   "end\n",
			 &m, ""));
	CHECK(differs_so(HEAD "cpu 0\n00000000 00000000 00000000 756e6547 6c65746e 49656e69\n" LEAF1
			      "end\n",
			 &(struct model){.id = {"GenuineIntel", 0, 0, 0}}, ""));
}

static void test_unnamed_bits(void)
{
	struct model m = sample();

	/* 7.0:EDX bit 0 and leaf 1's EDX bit 10 are reserved (SDM 2A) */
	CHECK(differs_so(HEAD "cpu 0\n" LEAF0
			      "00000001 00000000 00000f61 00000800 80000001 00080671\n" EXT0 EXT1
			      "00000007 00000000 00000000 00000000 00000000 00000001\n"
			      "end\n",
			 &m,
			 "a bit without a name: CPUID.01H:EDX[10]|"
			 "a bit without a name: CPUID.07H:EDX[0]|"));
}

static void test_identity(void)
{
	struct model m = sample();

	m.id = (struct identity){"AuthenticAMD", 6, 5, 4};
	CHECK(differs_so(HEAD CPU0 "end\n", &m,
			 "vendor: GenuineIntel, not AuthenticAMD|family: 15, not 6|"
			 "model: 6, not 5|stepping: 1, not 4|"));
	m = sample();
	m.id = (struct identity){"GenuineIntel", 0x17 + 15, 0x31, 9};
	CHECK(differs_so(HEAD "cpu 0\n" LEAF0
			      "00000001 00000000 01730f19 00000800 80000001 00080271\n" EXT0 EXT1
			      "end\n",
			 &m, ""));
	m = sample();
	CHECK(differs_so(
		HEAD
		"cpu 0\n00000000 00000000 0000000d 1b6e6547 6c65746e 49656e69\n" LEAF1 EXT0 EXT1
		"end\n",
		&m, "vendor: Gen\\x1bineIntel, not GenuineIntel|"));
}

#define AMD0        "00000000 00000000 0000000d 68747541 444d4163 69746e65\n"
#define HYGON0      "00000000 00000000 0000000d 6f677948 656e6975 6e65476e\n"
#define WITH_COPIES "80000001 00000000 00000f61 00000000 00000000 20100a71\n"

static void test_amd_copies(void)
{
	struct model m = sample();

	m.id = (struct identity){"AuthenticAMD", 15, 6, 1};
	CHECK(differs_so(HEAD "cpu 0\n" AMD0 LEAF1 EXT0 WITH_COPIES "end\n", &m, ""));
	CHECK(differs_so(HEAD "cpu 0\n" AMD0 LEAF1 EXT0 EXT1 "end\n", &m,
			 "a bit without a name: CPUID.80000001H:EDX[0] (AMD's copy of leaf 1, not "
			 "as its vendor has it)|"
			 "a bit without a name: CPUID.80000001H:EDX[4] (AMD's copy of leaf 1, not "
			 "as its vendor has it)|"
			 "a bit without a name: CPUID.80000001H:EDX[5] (AMD's copy of leaf 1, not "
			 "as its vendor has it)|"
			 "a bit without a name: CPUID.80000001H:EDX[6] (AMD's copy of leaf 1, not "
			 "as its vendor has it)|"
			 "a bit without a name: CPUID.80000001H:EDX[9] (AMD's copy of leaf 1, not "
			 "as its vendor has it)|"));
	m.id = (struct identity){"HygonGenuine", 15, 6, 1};
	CHECK(differs_so(HEAD "cpu 0\n" HYGON0 LEAF1 EXT0 WITH_COPIES "end\n", &m, ""));
	CHECK(differs_so(HEAD "cpu 0\n" HYGON0 LEAF1 EXT0 EXT1 "end\n", &m, ""));
	m = sample();
	CHECK(differs_so(HEAD "cpu 0\n" LEAF0 LEAF1 EXT0
			      "80000001 00000000 00000f61 00000000 00000000 20100801\n"
			      "end\n",
			 &m,
			 "a bit without a name: CPUID.80000001H:EDX[0] (AMD's copy of leaf 1, not "
			 "as its vendor has it)|"));
}

static void test_vcpus_must_agree(void)
{
	struct model m = sample();
	_cleanup_cpuid_dump_ struct cpuid_dump d = {0};
	char hex[DIGEST_HEX];
	static const char one_is_other[] = HEAD CPU0
		"cpu 1\n" LEAF0 "00000001 00000000 00000f61 00000800 80000000 04080271\n" EXT0 EXT1
		"end\n";

	CHECK(differs_so(one_is_other, &m,
			 "vCPU 1, unlike the first: missing: pni|"
			 "vCPU 1, unlike the first: extra: sse2|"));
	CHECK(parse(&d, one_is_other, NULL) == 0);
	CHECK(cpuid_digest(&d, hex, NULL) == -EXDEV);
}

/* However many vCPUs are unlike the first, and in whatever ways: some lines say so. */
static void test_many_vcpus_are_summed_up(void)
{
	struct model m = sample();

	for (int alike = 0; alike < 2; alike++) {
		_cleanup_cpuid_dump_ struct cpuid_dump d = {0};
		_cleanup_cpuid_diff_ struct cpuid_diff diff = {0};
		_cleanup_text_ struct text dump = {0};

		text_adds(&dump, HEAD CPU0);
		for (unsigned int i = 1; i < 4096; i++)
			text_addf(&dump,
				  "cpu %u\n" LEAF0
				  "00000001 00000000 00000f61 00000800 80000001 %08x\n" EXT0 EXT1,
				  i, alike ? 0x271u : i << 4);
		text_adds(&dump, "end\n");
		CHECK(parse(&d, dump.data, NULL) == 0);
		CHECK(cpuid_compare(&d, &m, &diff) == 0);
		CHECK(diff.other.n > 0 && diff.other.n < 500);
		if (alike)
			CHECK(strncmp(diff.other.item[0], "vCPU 1 and 4094 like it, unlike", 31) ==
			      0);
		else
			CHECK(strcmp(diff.other.item[diff.other.n - 1],
				     "4079 more vCPUs are unlike the first in other ways") == 0);
	}
}

static bool digest_of(const char *text, char hex[DIGEST_HEX])
{
	_cleanup_cpuid_dump_ struct cpuid_dump d = {0};

	return parse(&d, text, NULL) == 0 && cpuid_digest(&d, hex, NULL) == 0;
}

static void test_digest(void)
{
	char a[DIGEST_HEX], b[DIGEST_HEX];

	CHECK(digest_of(HEAD CPU0 "end\n", a));
	/* another machine's levels, topology, number of vCPUs */
	CHECK(digest_of(
		HEAD
		"cpu 0\n00000000 00000000 00000005 756e6547 6c65746e 49656e69\n" LEAF1_HT EXT0 EXT1
		"cpu 1\n" LEAF0 LEAF1 EXT0 EXT1 "end\n",
		b));
	CHECK(strcmp(a, b) == 0);
	CHECK(digest_of(HEAD "cpu 0\n" LEAF0 LEAF1 EXT0 "end\n", b));
	CHECK(strcmp(a, b) != 0);
	CHECK(digest_of(HEAD "cpu 0\n" AMD0 LEAF1 EXT0 EXT1 "end\n", b));
	CHECK(strcmp(a, b) != 0);
	CHECK(digest_of(HEAD "cpu 0\n" LEAF0
			     "00000001 00000000 00000f62 00000800 80000001 00080271\n" EXT0 EXT1
			     "end\n",
			b));
	CHECK(strcmp(a, b) != 0);
	/* frozen: digests are compared between nodes and releases. sha256sum of the lines that
	 * print_cpu writes, by hand */
	CHECK(strcmp(a, "1f4297b3292bf62c7e47131798699b2bfc4cafb7445ba6f2acef6c907c4c579b") == 0);
}

int main(void)
{
	test_parsing();
	test_subleaves_of_leaf_7();
	test_last_complete_dump();
	test_bad_dumps();
	test_nul_bytes_and_endless_dumps();
	test_exact();
	test_features_that_differ();
	test_leaves_above_the_highest_are_zero();
	test_unnamed_bits();
	test_identity();
	test_amd_copies();
	test_vcpus_must_agree();
	test_many_vcpus_are_summed_up();
	test_digest();
	printf("%u passed, %u failed\n", passed, failed);
	return failed != 0;
}
