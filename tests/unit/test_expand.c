/* SPDX-License-Identifier: Apache-2.0 */
/* The -cpu argument by QEMU's age; what today's QEMU makes of one is tests/exact's. */
#include "check.h"
#include "cpumap/cpuarg.h"
#include "cpumap/expand.h"

static struct qemu_model base = {.name = (char *)"kvm64", .level = 5, .xlevel = 0x80000008};

static void add(struct featset *set, const char *names)
{
	CHECK(featset_parse(set, names, strlen(names), ' ', NULL) == 0);
}

/* A model of fpu, lahf_lm and sse4.1, of a QEMU of @version that knows avx and pclmuldq besides. */
static void expand(struct text *out, const char *version, const char *more)
{
	struct qemu q = {.model = &base, .n_models = 1};
	struct model m = {
		.name = (char *)"site", .base = (char *)"kvm64", .id = {"GenuineIntel", 6, 15, 1}};
	_cleanup_text_ struct text names = {0};
	struct error err = {0};

	(void)snprintf(q.version, sizeof(q.version), "%s", version);
	text_addf(&names, "fpu lahf_lm sse4.1%s", more);
	add(&m.features, names.data);
	text_adds(&names, " avx pclmuldq");
	add(&q.properties, names.data);
	if (!CHECK(expand_full(out, &m, &q, &err) == 0))
		printf("%s\n", err.what);
}

static void check(const char *version, const char *more, const char *expected)
{
	_cleanup_text_ struct text out = {0};

	expand(&out, version, more);
	CHECK_STR(out.data, expected);
}

#define IDENTITY "kvm64,vendor=GenuineIntel,family=6,model=15,stepping=1"

static void test_values_and_signs(void)
{
	static const char *const old[] = {"2.3.1", "2.0.0", "1.7.2", "0.15.0"};
	static const char *const now[] = {"2.4.0", "2.10.2", "3.0.0", "10.0.8", "11.1.0"};

	for (size_t i = 0; i < ARRAY_SIZE(old); i++)
		check(old[i], "", IDENTITY ",-pclmuldq,+sse4.1,-avx,+fpu,+lahf_lm,enforce");
	for (size_t i = 0; i < ARRAY_SIZE(now); i++)
		check(now[i], "",
		      IDENTITY ",pclmulqdq=off,sse4.1=on,avx=off,fpu=on,lahf-lm=on,enforce");
}

static void test_levels(void)
{
	_cleanup_text_ struct text before = {0}, since = {0};

	expand(&before, "2.7.1", " avx2");
	CHECK(strstr(before.data, ",level=0x7,"));
	CHECK(!strstr(before.data, "min-level"));
	expand(&since, "2.8.0", " avx2");
	CHECK(strstr(since.data, ",min-level=0x7,"));
	CHECK(!strstr(since.data, "level-func7"));
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

	expand(&ours, "7.2.0", " avx-vnni");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_text_ struct text merged = {0};

		cpuarg_merge(&merged, ours.data, cases[i].props);
		if (!CHECK(strstr(merged.data, cases[i].stated)))
			printf("%s\n", merged.data);
	}
}

/* -f beats +f in every QEMU: ours must be gone where the caller says something. */
static void test_the_caller_wins(void)
{
	static const struct {
		const char *props, *merged;
	} cases[] = {
		{",+avx", IDENTITY ",-pclmuldq,+sse4.1,+fpu,+lahf_lm,enforce,+avx"},
		{",-fpu", IDENTITY ",-pclmuldq,+sse4.1,-avx,+lahf_lm,enforce,-fpu"},
		{",+lahf-lm", IDENTITY ",-pclmuldq,+sse4.1,-avx,+fpu,enforce,+lahf-lm"},
		{",-sse4_1,+pclmulqdq", IDENTITY ",-avx,+fpu,+lahf_lm,enforce,-sse4_1,+pclmulqdq"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_text_ struct text ours = {0}, merged = {0};

		expand(&ours, "2.3.0", "");
		cpuarg_merge(&merged, ours.data, cases[i].props);
		CHECK_STR(merged.data, cases[i].merged);
	}
}

/* The hook compares by effect, so a process of such a QEMU is known for what it is. */
static void test_it_matches_itself(void)
{
	_cleanup_text_ struct text old = {0}, now = {0};
	struct featset none = {0};

	expand(&old, "2.3.0", "");
	expand(&now, "7.2.0", "");
	CHECK(cpuarg_matches(old.data, old.data, &none, NULL));
	CHECK(cpuarg_matches(old.data, now.data, &none, NULL));
	CHECK(!cpuarg_matches(now.data, IDENTITY ",+pclmuldq,+sse4.1,-avx,+fpu,+lahf_lm,enforce",
			      &none, NULL));
}

int main(void)
{
	test_values_and_signs();
	test_levels();
	test_subleaves();
	test_the_caller_wins();
	test_it_matches_itself();
	return check_done();
}
