/* SPDX-License-Identifier: Apache-2.0 */
/* This machine's CPUs, and hosts whose CPUs differ. */
#include <errno.h>
#include <sched.h>

#include "cpumap/fleet/rawcpu.h"
#include "cpumap/fleet/thishost.h"
#include "cpumap/libvirt/libvirtask.h"
#include "cpumap/qemu/hostcpu.h"
#include "check.h"

static size_t find(const char *name)
{
	return (size_t)feature_find(name, strlen(name));
}

/* A CPU: @number is its APIC ID, core and row in the hardware feedback table. */
static void make_cpu(struct answers *a, uint32_t number, uint32_t leaf1_ecx, uint32_t type)
{
	const struct cpuid_entry leaves[] = {
		{0x0, 0, {0x1a, 0x756e6547, 0x6c65746e, 0x49656e69}},
		{0x1, 0, {0x90672, number << 24, leaf1_ecx, 1}},
		{0x6, 0, {4, 0, 0, number << 16}},
		{0xb, 0, {1, 2, 0x100, number}},
		{0xd, 0, {7, number * 64, 0, 0}},
		{0xd, 1, {1, number * 64, 0, 0}},
		{0x1a, 0, {type, 0, 0, 0}},
		{0x8000001e, 0, {number, number, number, 0}},
	};

	for (size_t i = 0; i < ARRAY_SIZE(leaves); i++)
		CHECK(answers_add(a, &leaves[i]) == 0);
	CHECK(answers_sort(a) == 0);
}

static void add_cpu(struct thishost *h, uint32_t number, uint32_t leaf1_ecx, uint32_t type)
{
	struct answers a = {0};

	make_cpu(&a, number, leaf1_ecx, type);
	CHECK(thishost_add(h, number, &a) == 0);
}

static void check_group(const struct thishost *h, size_t i, const char *cpus)
{
	_cleanup_text_ struct text t = {0};

	if (!CHECK(i < h->n_groups))
		return;
	cpulist_print(&t, &h->group[i].cpus);
	CHECK_STR(t.data, cpus);
}

static void test_what_differs_anyway_makes_no_cpu_unlike(void)
{
	_cleanup_thishost_ struct thishost h = THISHOST_NONE;

	for (uint32_t i = 0; i < 4; i++)
		add_cpu(&h, i, 1, 0x40);
	thishost_judge(&h);
	CHECK(h.n_groups == 1);
	check_group(&h, 0, "0-3");
	CHECK(!h.host.uneven && h.host.cpus == 4);
	CHECK(featset_count(&h.partly) == 0);
}

/* The first CPU's core and node are left out; its threads a core aren't. */
static void test_threads_a_core_count(void)
{
	_cleanup_answers_ struct answers a = {0}, b = {0};

	make_cpu(&a, 1, 1, 0x40);
	make_cpu(&b, 1, 1, 0x40);
	CHECK(rawcpu_alike(&a, &b));
	b.cpu.entry[b.cpu.n - 1].reg[REG_EBX] |= 0x100;
	CHECK(!rawcpu_alike(&a, &b));
	CHECK(answers_add(&a, &(struct cpuid_entry){0x80000021, 0, {0}}) == 0);
	CHECK(!rawcpu_alike(&a, &b));
}

/* Two kinds of cores with the same features, and one CPU that lacks sse4.1 and has ssse3. */
static void test_unlike_cpus(void)
{
	const uint32_t ssse3 = 1 << 9, sse4_1 = 1 << 19;
	_cleanup_thishost_ struct thishost h = THISHOST_NONE;

	add_cpu(&h, 0, 1 | sse4_1, 0x40);
	add_cpu(&h, 1, 1 | sse4_1, 0x20);
	add_cpu(&h, 2, 1 | sse4_1, 0x40);
	thishost_judge(&h);
	CHECK(!h.host.uneven && featset_count(&h.partly) == 0);
	check_group(&h, 0, "0,2");
	check_group(&h, 1, "1");
	add_cpu(&h, 3, 1 | ssse3, 0x40);
	thishost_judge(&h);
	CHECK(h.n_groups == 3 && h.host.cpus == 4 && h.host.uneven);
	CHECK(featset_count(&h.partly) == 2);
	CHECK(featset_has(&h.partly, find("ssse3")) && featset_has(&h.partly, find("sse4.1")));
	CHECK(featset_has(&h.host.view[HOST_CPU].has, find("pni")));
	CHECK(!featset_has(&h.host.view[HOST_CPU].has, find("sse4.1")));
	CHECK(featset_has(&h.host.view[HOST_CPU].known, find("sse4.1")));
	CHECK_STR(h.host.id.vendor, "GenuineIntel");
}

/* One CPU lacks what nobody knows of the other: the host lacks it. One has it: nobody knows. */
static void test_unknown_of_one(void)
{
	_cleanup_thishost_ struct thishost h = THISHOST_NONE;
	struct answers a = {0};

	add_cpu(&h, 0, 1, 0x40);
	make_cpu(&a, 1, 1, 0x40);
	CHECK(answers_add(&a, &(struct cpuid_entry){7, 0, {0, 1 << 5, 0, 0}}) == 0);
	CHECK(answers_sort(&a) == 0 && thishost_add(&h, 1, &a) == 0);
	thishost_judge(&h);
	CHECK(h.host.uneven);
	CHECK(!featset_has(&h.host.view[HOST_CPU].known, find("avx2")));
	CHECK(featset_has(&h.host.view[HOST_CPU].known, find("bmi1")));
	CHECK(!featset_has(&h.host.view[HOST_CPU].has, find("bmi1")));
}

static void test_microcode(void)
{
	_cleanup_free_ char *one = thishost_microcode("processor\t: 0\nmicrocode\t: 0x800126e\n\n"
						      "processor\t: 1\nmicrocode\t: 0x800126e\n");
	_cleanup_free_ char *two = thishost_microcode("microcode\t: 0x1\nmicrocode\t: 0x2\n");

	CHECK_STR(one, "0x800126e");
	CHECK_STR(two, "0x1 0x2");
	CHECK(!thishost_microcode("processor\t: 0\nflags\t: fpu\n"));
	CHECK(!thishost_microcode("microcode\t:\nmicrocode_x : 1\nmicrocode"));
	CHECK(!thishost_microcode(""));
}

/* The same as by the compiler's cpuid.h, and nothing is left open. */
static void test_this_cpu(void)
{
	_cleanup_answers_ struct answers a = {0};
	struct host_view view;
	struct featset by_compiler;

	CHECK(rawcpu_read(&a) == 0);
	answers_view(&a, &view);
	hostcpu_features(&by_compiler);
	for (size_t i = 0; i < n_features; i++) {
		bool cpuid = features[i].kind == FEATURE_CPUID;

		/* what the guest's system decides may change from one moment to the next */
		if (cpuid && !CHECK(featset_has(&view.has, i) == featset_has(&by_compiler, i) &&
				    featset_has(&view.known, i)))
			printf("  %s\n", features[i].name);
	}
	CHECK(answers_physbits(&a) >= 32);
	CHECK(!answers_find(&a, 3, 0));
}

static void test_affinity_is_as_before(void)
{
	_cleanup_thishost_ struct thishost h = THISHOST_NONE;
	cpu_set_t before, one, after;
	size_t first = 0;

	CHECK(sched_getaffinity(0, sizeof(before), &before) == 0);
	while (!CPU_ISSET(first, &before))
		first++;
	CPU_ZERO(&one);
	CPU_SET(first, &one);
	CHECK(sched_setaffinity(0, sizeof(one), &one) == 0);
	CHECK(thishost_read(&h, "/nonexistent/qemu", NULL) == 0);
	CHECK(sched_getaffinity(0, sizeof(after), &after) == 0 && CPU_EQUAL(&one, &after));
	CHECK(sched_setaffinity(0, sizeof(before), &before) == 0);
	/* all CPUs were read, not only that one */
	CHECK(h.host.cpus >= (unsigned int)CPU_COUNT(&before));
	CHECK(cpulist_count(&h.unbound) == 0);
	CHECK(h.no_qemu.code == -ENOENT && !host_tells(&h.host, HOST_TCG));
	CHECK(host_tells(&h.host, HOST_CPU) && h.host.name && h.host.kernel);
}

int main(int argc, char **argv)
{
	/* what asks libvirt runs this program anew */
	if (argc == 2 && strcmp(argv[1], LIBVIRT_ASK) == 0)
		return libvirt_answer() < 0;
	test_what_differs_anyway_makes_no_cpu_unlike();
	test_threads_a_core_count();
	test_unlike_cpus();
	test_unknown_of_one();
	test_microcode();
	test_this_cpu();
	test_affinity_is_as_before();
	return check_done();
}
