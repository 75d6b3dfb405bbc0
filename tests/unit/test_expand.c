/* SPDX-License-Identifier: Apache-2.0 */
/* The -cpu argument, byte for byte; what QEMU makes of one is tests/exact's. */
#include "cpumap/core/cpuarg.h"
#include "cpumap/define/expand.h"
#include "check.h"

static bool auto_level = true; /* QEMU before 11.1 */
static struct qemu_model base = {.name = (char *)"kvm64", .level = 5, .xlevel = 0x80000008};

static void add(struct featset *set, const char *names)
{
	CHECK(featset_parse(set, names, strlen(names), ' ', NULL) == 0);
}

/* A model of fpu, lahf_lm and sse4.1, of a QEMU that knows avx and pclmuldq besides. */
static void expand(struct text *out, const char *more)
{
	struct qemu q = {.model = &base, .n_models = 1, .has_auto_level = auto_level};
	struct model m = {
		.name = (char *)"site", .base = (char *)"kvm64", .id = {"GenuineIntel", 6, 15, 1}};
	_cleanup_text_ struct text names = {0};
	struct error err = {0};

	text_addf(&names, "fpu lahf_lm sse4.1%s", more);
	add(&m.features, names.data);
	text_adds(&names, " avx pclmuldq");
	add(&q.properties, names.data);
	if (!CHECK(expand_full(out, &m, &q, &err) == 0))
		printf("%s\n", err.what);
}

#define IDENTITY "kvm64,vendor=GenuineIntel,family=6,model=15,stepping=1"
#define LEVELS   ",level=0xffffffff,xlevel=0xffffffff,xlevel2=0xffffffff,full-cpuid-auto-level=on"

static void test_whole(void)
{
	_cleanup_text_ struct text out = {0};

	expand(&out, "");
	CHECK_STR(out.data,
		  IDENTITY LEVELS ",pclmulqdq=off,sse4.1=on,avx=off,fpu=on,lahf-lm=on,enforce");
}

static void test_levels(void)
{
	_cleanup_text_ struct text out = {0};

	expand(&out, " avx2");
	CHECK(strstr(out.data, LEVELS ",min-level=0x7,"));
	CHECK(!strstr(out.data, "level-func7"));
}

static void test_without_auto_level(void)
{
	_cleanup_text_ struct text out = {0};

	auto_level = false;
	expand(&out, "");
	auto_level = true;
	CHECK(strstr(out.data, ",xlevel2=0xffffffff,pclmulqdq=off,"));
}

/* Machine types before 2.8 leave leaf 7's highest subleaf at 0, whatever is switched on. */
static void test_subleaves(void)
{
	static const struct {
		const char *props, *stated;
	} cases[] = {
		{"", ",level-func7=0x1,"},
		{",+avx", ",level-func7=0x1,"},
		{",mcdt-no=on", ",level-func7=0x2,"},
		{",mcdt_no", ",level-func7=0x2,"},
		{",mcdt-no=off", ",level-func7=0x1,"},
	};
	_cleanup_text_ struct text ours = {0};

	expand(&ours, " avx-vnni");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_text_ struct text merged = {0};

		cpuarg_merge(&merged, ours.data, cases[i].props);
		if (!CHECK(strstr(merged.data, cases[i].stated)))
			printf("%s\n", merged.data);
	}
}

/* What a caller names is left out of ours: -f beats +f, and both beat f=..., in every QEMU. */
static void test_the_caller_wins(void)
{
	static const struct {
		const char *props, *merged;
	} cases[] = {
		{",+avx", "pclmulqdq=off,sse4.1=on,fpu=on,lahf-lm=on,enforce,+avx"},
		{",-fpu", "pclmulqdq=off,sse4.1=on,avx=off,lahf-lm=on,enforce,-fpu"},
		{",+lahf-lm", "pclmulqdq=off,sse4.1=on,avx=off,fpu=on,enforce,+lahf-lm"},
		{",-sse4_1,+pclmulqdq", "avx=off,fpu=on,lahf-lm=on,enforce,-sse4_1,+pclmulqdq"},
	};
	_cleanup_text_ struct text ours = {0};

	expand(&ours, "");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_text_ struct text merged = {0}, wanted = {0};

		text_addf(&wanted, "%s,%s", IDENTITY LEVELS, cases[i].merged);
		cpuarg_merge(&merged, ours.data, cases[i].props);
		CHECK_STR(merged.data, wanted.data);
	}
}

/* The hook compares by effect: signs say the same as values. */
static void test_it_matches_itself(void)
{
	static const char signs[] = IDENTITY LEVELS ",-pclmuldq,+sse4.1,-avx,+fpu,+lahf_lm,enforce";
	_cleanup_text_ struct text ours = {0};
	struct featset none = {0};

	expand(&ours, "");
	CHECK(cpuarg_matches(ours.data, ours.data, &none, NULL));
	CHECK(cpuarg_matches(signs, ours.data, &none, NULL));
	CHECK(!cpuarg_matches(ours.data, IDENTITY ",+pclmuldq,+sse4.1,-avx,+fpu,+lahf_lm,enforce",
			      &none, NULL));
}

int main(void)
{
	test_whole();
	test_levels();
	test_without_auto_level();
	test_subleaves();
	test_the_caller_wins();
	test_it_matches_itself();
	return check_done();
}
