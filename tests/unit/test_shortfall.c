/* SPDX-License-Identifier: Apache-2.0 */
/* Why a feature is lacking here: by what QEMU, KVM and the CPU say, and what the CPU says of
 * itself. */
#include "cpumap/qemu/hostcpu.h"
#include "cpumap/qemu/kvm.h"
#include "cpumap/qemu/shortfall.h"
#include "check.h"

static struct featset set(const char *names)
{
	struct featset s = {0};

	CHECK(featset_parse(&s, names, strlen(names), ',', NULL) == 0);
	return s;
}

static void test_kvm(void)
{
	static const struct {
		const char *properties, *provided, *offered, *cpu, *wanted, *said;
	} cases[] = {
		{"aes,pni", "aes,pni", "aes,pni", "aes,pni", "aes,pni", ""},
		{"aes,pni", "aes", "aes", "aes,pni", "aes,pni", "KVM doesn't offer it"},
		{"aes,pni", "aes", "aes", "aes", "aes,pni", "the CPU lacks it"},
		{"aes", "aes", "aes", "aes,pni", "aes,pni", "QEMU doesn't know it"},
		{"aes,pni", "aes", "aes,pni", "aes,pni", "aes,pni", "QEMU under KVM withholds it"},
		{"aes,pni", "", "", "", "aes,pni", "the CPU lacks them"},
		{"aes,avx,pni", "", "", "aes,avx", "aes,avx,pni",
		 "the CPU lacks pni; KVM doesn't offer aes,avx"},
		{"aes,avx,pni", "", "avx", "aes,avx", "aes,avx,fma,pni",
		 "QEMU doesn't know fma; the CPU lacks pni; KVM doesn't offer aes; "
		 "QEMU under KVM withholds avx"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct support support = {.properties = set(cases[i].properties),
						.provided = set(cases[i].provided),
						.offered = set(cases[i].offered),
						.cpu = set(cases[i].cpu)};
		struct featset wanted = set(cases[i].wanted);
		_cleanup_text_ struct text said = {0};
		struct shortfall l;

		shortfall_kvm(&l, &support, &wanted);
		text_adds(&said, "");
		if (featset_count(&l.all))
			shortfall_print(&said, &l);
		CHECK_STR(said.data, cases[i].said);
	}
}

static void test_tcg(void)
{
	struct featset lacking = set("avx512f,avx512bw");
	_cleanup_text_ struct text said = {0};
	struct shortfall l;

	shortfall_tcg(&l, &lacking);
	shortfall_print(&said, &l);
	CHECK_STR(said.data, "QEMU's TCG doesn't emulate them");
}

/* The kernel's own reading, of names that are the same there. What it hides from /proc/cpuinfo it
 * may. */
static void test_hostcpu(void)
{
	static const char *const names[] = {
		"fpu",  "de",     "pse",     "tsc",     "msr",   "pae",  "cx8",    "apic", "sep",
		"cmov", "pat",    "clflush", "mmx",     "fxsr",  "sse",  "sse2",   "pni",  "ssse3",
		"cx16", "popcnt", "aes",     "avx",     "avx2",  "bmi1", "bmi2",   "fma",  "f16c",
		"abm",  "nx",     "lm",      "syscall", "movbe", "erms", "rdseed", "adx",  "smap",
	};
	_cleanup_free_ char *text = NULL, *flags = NULL;
	struct featset cpu;
	size_t len = 0, found = 0;

	hostcpu_features(&cpu);
	CHECK(featset_count(&cpu) > 10);
	if (!CHECK(file_read("/proc/cpuinfo", TRUST_ANY, 4 << 20, &text, &len, NULL) == 0))
		return;
	flags = strstr(text, "\nflags") ? strdup(strstr(text, "\nflags")) : NULL;
	if (!CHECK(flags))
		return;
	flags[1 + strcspn(flags + 1, "\n")] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char word[32];
		int f = feature_find(names[i], strlen(names[i]));

		(void)snprintf(word, sizeof(word), " %s ", names[i]);
		if (!CHECK(f >= 0) || !strstr(flags, word))
			continue;
		found++;
		if (!CHECK(featset_has(&cpu, (size_t)f)))
			printf("  %s\n", names[i]);
	}
	CHECK(found > 10);
}

/* Everything that QEMU adds is one of the paravirtual leaf, which a definition never has. */
static void test_defaults(void)
{
	struct featset defaults;

	kvm_defaults(&defaults);
	CHECK(featset_count(&defaults) == 6);
	for (size_t i = 0; i < n_features; i++)
		CHECK(!featset_has(&defaults, i) ||
		      (features[i].kind == FEATURE_OTHER && features[i].leaf == 0x40000001));
}

int main(void)
{
	test_kvm();
	test_tcg();
	test_hostcpu();
	test_defaults();
	return check_done();
}
