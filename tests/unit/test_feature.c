/* SPDX-License-Identifier: Apache-2.0 */
/* The table of features: its order, its names, and the sets made of it. */
#include <errno.h>

#include "cpumap/core/error.h"
#include "cpumap/core/feature.h"
#include "cpumap/core/model.h"
#include "cpumap/core/table.h"
#include "cpumap/core/util.h"
#include "cpumap/define/digest.h"
#include "cpumap/define/suggest.h"
#include "check.h"

static int find(const char *name)
{
	return feature_find(name, strlen(name));
}

/* Where a feature stands, as one number: kind (MSR last), leaf, subleaf, register, bit. */
static uint64_t place(const struct feature *f)
{
	if (f->kind == FEATURE_MSR)
		return UINT64_MAX;
	return (uint64_t)f->leaf << 24 | (uint64_t)f->subleaf << 16 | (uint64_t)f->reg << 8 |
	       f->bit;
}

static void test_order(void)
{
	CHECK(n_features > 300 && n_features <= FEATURE_MAX);
	for (size_t i = 1; i < n_features; i++) {
		const struct feature *a = &features[i - 1], *b = &features[i];
		bool msrs = a->kind == FEATURE_MSR && b->kind == FEATURE_MSR;

		if (!CHECK(msrs || place(a) < place(b)))
			printf("  %s %s\n", a->name, b->name);
	}
}

static void check_spelling(const char *name, size_t of)
{
	int found = find(name);

	if (!CHECK(found == (int)of))
		printf("  %s is %s's, found: %s\n", name, features[of].name,
		       found < 0 ? "none" : features[found].name);
}

/* No spelling means two features. */
static void test_every_spelling_finds_its_feature(void)
{
	for (size_t i = 0; i < n_features; i++) {
		const struct feature *f = &features[i];

		check_spelling(f->name, i);
		if (f->qemu)
			check_spelling(f->qemu, i);
		for (size_t a = 0; a < ARRAY_SIZE(f->alias) && f->alias[a]; a++)
			check_spelling(f->alias[a], i);
	}
}

static void test_finding(void)
{
	CHECK(find("lahf_lm") >= 0 && find("lahf_lm") == find("lahf-lm"));
	CHECK(find("sse3") == find("pni") && find("xd") == find("nx"));
	CHECK(find("sse4_1") == find("sse4.1") && find("i64") == find("lm"));
	CHECK(find("") < 0 && find("FPU") < 0 && find("fpu ") < 0 && find("nonesuch") < 0);
	CHECK(feature_find("fpux", 3) == find("fpu"));
}

static void test_what_a_definition_cannot_have(void)
{
	static const char *const other[] = {"hypervisor", "ht",    "cmp_legacy",
					    "osxsave",    "ospke", "kvmclock"};

	for (size_t i = 0; i < ARRAY_SIZE(other); i++)
		CHECK(features[find(other[i])].kind == FEATURE_OTHER);
	CHECK(features[find("rdctl-no")].kind == FEATURE_MSR);
	CHECK(features[find("fpu")].kind == FEATURE_CPUID);
}

static int named(const char *name)
{
	return feature_find(name, strlen(name));
}

static void test_what_shows_only_with_another(void)
{
	CHECK(feature_needs((size_t)named("xgetbv1")) == named("xsave"));
	CHECK(feature_needs((size_t)named("npt")) == named("svm"));
	CHECK(feature_needs((size_t)named("sgx1")) == named("sgx"));
	CHECK(feature_needs((size_t)named("xsave")) == -1);
	CHECK(feature_needs((size_t)named("vmx-ept")) == -1);
	/* and each of those that are needed is a feature of a definition itself */
	for (size_t i = 0; i < n_features; i++) {
		int need = feature_needs(i);

		CHECK(need < 0 ||
		      (features[need].kind == FEATURE_CPUID && feature_needs((size_t)need) == -1));
	}
}

static void test_sets(void)
{
	_cleanup_text_ struct text t = {0};
	const char *names = "pni,sse4_2,fpu,i64";
	struct featset a, b;

	CHECK(featset_parse(&a, names, strlen(names), ',', NULL) == 0);
	CHECK(featset_count(&a) == 4);
	featset_print(&t, &a, " ");
	CHECK_STR(t.data, "fpu lm pni sse4.2");
	b = a;
	featset_remove(&b, (size_t)find("fpu"));
	CHECK(!featset_equal(&a, &b) && !featset_has(&b, (size_t)find("fpu")));
	featset_subtract(&a, &b);
	CHECK(featset_count(&a) == 1 && featset_has(&a, (size_t)find("fpu")));
	featset_union(&a, &b);
	featset_intersect(&b, &a);
	CHECK(featset_count(&a) == 4 && featset_count(&b) == 3);
}

static void test_parsing(void)
{
	struct error err = {0};
	struct featset a;

	CHECK(featset_parse(&a, "", 0, ',', NULL) == 0 && featset_count(&a) == 0);
	CHECK(featset_parse(&a, "fpu,\033[2J,lm", 11, ',', &err) == -EINVAL);
	CHECK_STR(err.what, "unknown feature '\\x1b[2J'");
	CHECK(featset_parse(&a, "fpu,,lm", 7, ',', NULL) == -EINVAL);
}

static void test_words(void)
{
	struct feature_word words[128];
	size_t n = feature_words(words, ARRAY_SIZE(words));

	CHECK(n > 20 && n < ARRAY_SIZE(words));
	CHECK(words[0].leaf == 1 && words[0].reg == REG_ECX && words[0].named & 1);
	CHECK(!(words[0].named & 1u << 16));
	for (size_t i = 0; i < n; i++) {
		CHECK(words[i].named != 0);
		CHECK(words[i].leaf >> 28 != 4);
	}
	CHECK(feature_words(words, 3) == 3);
}

static void test_near_names(void)
{
	CHECK_STR(feature_suggest("sse4.3"), "sse4.1");
	CHECK_STR(feature_suggest("lahflm"), "lahf_lm");
	CHECK_STR(feature_suggest("avx512-f"), "avx512f");
	CHECK_STR(feature_suggest("pclmulqd"), "pclmuldq");
	CHECK(!feature_suggest("warpdrive"));
	CHECK(!feature_suggest("xy"));
	CHECK(!feature_suggest(""));
	CHECK(!feature_suggest(
		"a-name-that-is-longer-than-any-feature-has-ever-had-by-a-whole-lot-more"));
}

static void test_model_names(void)
{
	const char *longest = "a123456789012345678901234567890123456789012345678901234567890123";

	CHECK(model_name_valid("gate64", 6) && model_name_valid("x86-64-v2", 9));
	CHECK(model_name_valid("0", 1) && model_name_valid("A._-", 4) &&
	      model_name_valid("a--", 3));
	CHECK(model_name_valid(longest, 64) && !model_name_valid(longest, 65));
	CHECK(!model_name_valid("", 0) && !model_name_valid("-a", 2) && !model_name_valid(".a", 2));
	CHECK(!model_name_valid("a,b", 3) && !model_name_valid("a b", 3));
	CHECK(!model_name_valid("a\0b", 3) && !model_name_valid("\xc3\xa4", 2));
}

/* Frozen: digests are compared between nodes and releases. The sum is sha256sum's of the lines. */
static void test_model_digest(void)
{
	struct model m = {
		.name = (char *)"m", .base = (char *)"kvm64", .id = {"GenuineIntel", 15, 6, 1}};
	char a[DIGEST_HEX], b[DIGEST_HEX];

	CHECK(featset_parse(&m.features, "lm fpu", 6, ' ', NULL) == 0);
	digest_model(&m, a);
	CHECK_STR(a, "1b887c94fe77b9bc6ba0f63659d974c37a79030fdbf1346be92464d58bf5eafd");
	m.id.stepping = 2;
	digest_model(&m, b);
	CHECK(strcmp(a, b) != 0);
}

int main(void)
{
	test_order();
	test_every_spelling_finds_its_feature();
	test_finding();
	test_what_a_definition_cannot_have();
	test_what_shows_only_with_another();
	test_sets();
	test_parsing();
	test_words();
	test_near_names();
	test_model_names();
	test_model_digest();
	return check_done();
}
