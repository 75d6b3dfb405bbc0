/* SPDX-License-Identifier: Apache-2.0 */
/* Raw CPUID leaves and MSRs: which features they tell, and which they leave unknown. */
#include <errno.h>

#include "cpumap/fleet/answers.h"
#include "check.h"

enum state { ABSENT, HAS, UNKNOWN };

static void add(struct answers *l, uint32_t leaf, uint32_t subleaf, uint32_t eax, uint32_t ebx,
		uint32_t ecx, uint32_t edx)
{
	CHECK(answers_add(l, &(struct cpuid_entry){leaf, subleaf, {eax, ebx, ecx, edx}}) == 0);
}

static void check_state(const struct answers *l, const char *name, enum state wanted)
{
	struct host_view view;
	size_t i = (size_t)feature_find(name, strlen(name));
	enum state is;

	answers_view(l, &view);
	is = !featset_has(&view.known, i) ? UNKNOWN : featset_has(&view.has, i) ? HAS : ABSENT;
	if (!CHECK(is == wanted))
		printf("  %s: %d, not %d\n", name, is, wanted);
}

/* An Intel CPU: highest leaf @max, and leaf 1. */
static void intel(struct answers *l, uint32_t max)
{
	add(l, 0, 0, max, 0x756e6547, 0x6c65746e, 0x49656e69);
	add(l, 1, 0, 0x000906ea, 0, 0x1 | 1 << 5, 0x1 | 1 << 6);
}

static void test_known_and_unknown(void)
{
	_cleanup_answers_ struct answers l = {0};

	intel(&l, 7);
	add(&l, 7, 0, 1, 1 << 5, 0, 0);
	CHECK(answers_sort(&l) == 0);
	check_state(&l, "pni", HAS);
	check_state(&l, "ssse3", ABSENT);
	check_state(&l, "avx2", HAS);
	/* 7.1 is there, and nobody looked; 7.2 isn't */
	check_state(&l, "avx-vnni", UNKNOWN);
	check_state(&l, "bhi-ctrl", ABSENT);
	/* above the highest leaf */
	check_state(&l, "xsaveopt", ABSENT);
	/* nobody looked at the extended range; Centaur's isn't Intel's */
	check_state(&l, "lm", UNKNOWN);
	check_state(&l, "xstore", ABSENT);
	check_state(&l, "kvmclock", UNKNOWN);
}

static void test_a_range_that_is_not_there(void)
{
	_cleanup_answers_ struct answers l = {0};

	intel(&l, 2);
	/* as Intel's answer: that of the highest basic leaf */
	add(&l, 0x80000000, 0, 0x00000002, 1, 2, 3);
	add(&l, 0x80000001, 0, ~0u, ~0u, ~0u, ~0u);
	CHECK(answers_sort(&l) == 0);
	check_state(&l, "lm", ABSENT);
	check_state(&l, "avx2", ABSENT);
	CHECK(answers_physbits(&l) == 36);
}

static void test_a_needed_feature(void)
{
	_cleanup_answers_ struct answers without = {0}, with = {0};

	intel(&without, 0xd);
	intel(&with, 0xd);
	with.cpu.entry[1].reg[REG_ECX] |= 1 << 26;
	CHECK(answers_sort(&without) == 0 && answers_sort(&with) == 0);
	check_state(&without, "xsaveopt", ABSENT);
	check_state(&with, "xsaveopt", UNKNOWN);
}

/* lm and syscall of an Intel and of an AMD CPU, as a program of 32 bits sees them. */
static void test_syscall(void)
{
	_cleanup_answers_ struct answers a = {0}, b = {0}, c = {0};

	intel(&a, 2);
	add(&a, 0x80000000, 0, 0x80000001, 0, 0, 0);
	add(&a, 0x80000001, 0, 0, 0, 0, 1 << 29);
	CHECK(answers_sort(&a) == 0);
	check_state(&a, "syscall", HAS);
	intel(&b, 2);
	add(&b, 0x80000000, 0, 0x80000001, 0, 0, 0);
	add(&b, 0x80000001, 0, 0, 0, 0, 0);
	CHECK(answers_sort(&b) == 0);
	check_state(&b, "syscall", ABSENT);
	add(&c, 0, 0, 2, 0x68747541, 0x444d4163, 0x69746e65);
	add(&c, 0x80000000, 0, 0x80000001, 0, 0, 0);
	add(&c, 0x80000001, 0, 0, 0, 0, 1 << 29);
	CHECK(answers_sort(&c) == 0);
	check_state(&c, "syscall", ABSENT);
}

static void test_msrs(void)
{
	_cleanup_answers_ struct answers l = {0};

	intel(&l, 7);
	add(&l, 7, 0, 0, 0, 0, 1 << 29);
	CHECK(answers_add_msr(&l, 0x48c, UINT64_C(1) << 43 | 1) == 0);
	CHECK(answers_sort(&l) == 0);
	check_state(&l, "vmx-ept-execonly", HAS);
	check_state(&l, "vmx-invvpid-single-context-noglobals", HAS);
	check_state(&l, "vmx-invept", ABSENT);
	/* vmx and arch-capabilities are there, and nobody looked at these; core-capability isn't */
	check_state(&l, "vmx-mtf", UNKNOWN);
	check_state(&l, "rdctl-no", UNKNOWN);
	check_state(&l, "split-lock-detect", ABSENT);
	CHECK(answers_add_msr(&l, 0x10a, 1) == 0 && answers_sort(&l) == 0);
	check_state(&l, "rdctl-no", HAS);
	check_state(&l, "rsba", ABSENT);
}

static void test_order_and_doubles(void)
{
	_cleanup_answers_ struct answers l = {0};

	add(&l, 7, 1, 1, 0, 0, 0);
	intel(&l, 7);
	add(&l, 7, 0, 1, 0, 0, 0);
	intel(&l, 7);
	CHECK(answers_sort(&l) == 0);
	CHECK(l.cpu.n == 4);
	CHECK(answers_find(&l, 7, 1) && answers_find(&l, 7, 1)->reg[REG_EAX] == 1);
	CHECK(!answers_find(&l, 7, 2) && !answers_find(&l, 2, 0));
	add(&l, 7, 1, 2, 0, 0, 0);
	CHECK(answers_sort(&l) == -EEXIST);
	CHECK(answers_add_msr(&l, 0x10a, 1) == 0 && answers_add_msr(&l, 0x10a, 2) == 0);
}

static void test_limits(void)
{
	_cleanup_answers_ struct answers l = {0};
	int r = 0;

	for (uint32_t i = 0; i < ANSWERS_MAX && r == 0; i++)
		r = answers_add(&l, &(struct cpuid_entry){.leaf = i});
	CHECK(r == 0);
	CHECK(answers_add(&l, &(struct cpuid_entry){0}) == -EOVERFLOW);
	for (uint32_t i = 0; i < ANSWERS_MSR_MAX && r == 0; i++)
		r = answers_add_msr(&l, i, 0);
	CHECK(r == 0);
	CHECK(answers_add_msr(&l, 1, 0) == -EOVERFLOW);
}

/* An EPYC 7601's, from its processor's name and address bits. */
static void test_host(void)
{
	static const char brand[48] = "  AMD EPYC 7601 32-Core Processor     ";
	_cleanup_answers_ struct answers l = {0};
	_cleanup_host_ struct host h = HOST_UNKNOWN;

	add(&l, 0, 0, 0xd, 0x68747541, 0x444d4163, 0x69746e65);
	add(&l, 1, 0, 0x00800f12, 0, 0, 0);
	add(&l, 0x80000000, 0, 0x80000008, 0, 0, 0);
	add(&l, 0x80000008, 0, 0x3030, 0, 0, 0);
	answers_host(&l, &h);
	CHECK(!h.brand);
	for (uint32_t i = 0; i < 3; i++) {
		struct cpuid_entry e = {.leaf = 0x80000002 + i};

		memcpy(e.reg, brand + (size_t)i * 16, 16);
		CHECK(answers_add(&l, &e) == 0);
	}
	CHECK(answers_sort(&l) == 0);
	answers_host(&l, &h);
	CHECK_STR(h.brand, "AMD EPYC 7601 32-Core Processor");
	CHECK_STR(h.id.vendor, "AuthenticAMD");
	CHECK(h.id.family == 23 && h.id.model == 1 && h.id.stepping == 2);
	CHECK(h.physbits == 48);
	CHECK(host_tells(&h, HOST_CPU) && !host_tells(&h, HOST_KVM));
}

/* The MSR features' places, as this machine's libvirt has them. */
static void test_msr_places_are_libvirts(void)
{
	FILE *map = fopen("/usr/share/libvirt/cpu_map/x86_features.xml", "re");
	char line[256], name[128] = "";
	size_t n = 0;

	if (!map)
		return;
	while (fgets(line, sizeof(line), map)) {
		char *from = strstr(line, "<feature name='"), *msr = strstr(line, "<msr index='");
		char *edx = strstr(line, "edx='"), *eax = strstr(line, "eax='");
		const struct feature *f;
		uint64_t mask;
		int i;

		if (from)
			(void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(from + 15, "'"),
				       from + 15);
		if (!msr || !edx || !eax)
			continue;
		i = feature_find(name, strlen(name));
		if (!CHECK(i >= 0))
			continue;
		f = &features[i];
		mask = (uint64_t)strtoul(edx + 5, NULL, 16) << 32 | strtoul(eax + 5, NULL, 16);
		/* libvirt 11.3 has VMX's controls by the half that says what must be on; 12.8, and the
		 * SDM's appendix A.3, by that of what may be */
		if (f->reg == REG_EDX && f->leaf >= 0x48b && f->leaf <= 0x490 && mask >> 32 == 0)
			mask <<= 32;
		n++;
		if (!CHECK(f->kind == FEATURE_MSR && f->leaf == strtoul(msr + 12, NULL, 16) &&
			   mask == UINT64_C(1) << (f->bit + (f->reg == REG_EDX ? 32 : 0))))
			printf("  %s\n", name);
	}
	(void)fclose(map);
	CHECK(n > 5);
}

int main(void)
{
	test_known_and_unknown();
	test_a_range_that_is_not_there();
	test_a_needed_feature();
	test_syscall();
	test_msrs();
	test_order_and_doubles();
	test_limits();
	test_host();
	test_msr_places_are_libvirts();
	return check_done();
}
