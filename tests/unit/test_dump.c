/* SPDX-License-Identifier: Apache-2.0 */
/* A host's dump: what was written is what is read. */
#include <errno.h>

#include "cpumap/fleet/dump.h"
#include "cpumap/fleet/read.h"
#include "cpumap/fleet/thishost.h"
#include "cpumap/libvirt/libvirtask.h"
#include "check.h"

/* What was read: the last host, and what was wrong. */
struct seen {
	struct host host;
	struct error err;
};

static int take(struct host *h, void *data)
{
	struct seen *seen = data;

	host_free(&seen->host);
	seen->host = *h;
	*h = HOST_UNKNOWN;
	return 0;
}

static size_t read_back(struct seen *seen, const char *text, size_t len)
{
	struct read r = {.take = take, .data = seen};

	*seen = (struct seen){.host = HOST_UNKNOWN};
	return read_text(&r, "a.dump", text, len, &seen->err) == 0 ? r.n_hosts : 0;
}

static void check_text(const char *is, const char *wanted)
{
	CHECK_STR(is ? is : "(none)", wanted ? wanted : "(none)");
}

static void check_set(const struct featset *is, const struct featset *wanted, const char *what)
{
	_cleanup_text_ struct text a = {0}, b = {0};

	if (CHECK(featset_equal(is, wanted)))
		return;
	featset_print(&a, is, " ");
	featset_print(&b, wanted, " ");
	printf("  %s: %s\n  not: %s\n", what, a.data, b.data);
}

static void check_host(const struct host *is, const struct host *wanted)
{
	check_text(is->name, wanted->name);
	check_text(is->brand, wanted->brand);
	check_text(is->kernel, wanted->kernel);
	check_text(is->microcode, wanted->microcode);
	check_text(is->qemu_version, wanted->qemu_version);
	check_text(is->libvirt_version, wanted->libvirt_version);
	CHECK_STR(is->id.vendor, wanted->id.vendor);
	CHECK(is->id.family == wanted->id.family && is->id.model == wanted->id.model &&
	      is->id.stepping == wanted->id.stepping);
	CHECK(is->cpus == wanted->cpus);
	CHECK(is->uneven == wanted->uneven);
	CHECK(is->physbits == wanted->physbits);
	CHECK(is->tsc_hz == wanted->tsc_hz && is->tsc_scaling == wanted->tsc_scaling);
	for (int accel = 0; accel < HOST_ACCELS; accel++) {
		check_set(&is->view[accel].has, &wanted->view[accel].has, "has");
		check_set(&is->view[accel].known, &wanted->view[accel].known, "known");
	}
}

static void check_round(const struct thishost *h)
{
	_cleanup_text_ struct text dump = {0};
	struct seen seen;

	thishost_dump(&dump, h);
	if (CHECK(read_back(&seen, dump.data, dump.len) == 1))
		check_host(&seen.host, &h->host);
	else
		printf("  %s: %s\n", seen.err.where, seen.err.what);
	host_free(&seen.host);
}

/* This machine, without a QEMU. */
static void test_this_host(void)
{
	_cleanup_thishost_ struct thishost h = THISHOST_NONE;

	CHECK(thishost_read(&h, "/nonexistent/qemu", NULL) == 0);
	check_round(&h);
}

static void add_cpu(struct thishost *h, size_t number, uint32_t highest, uint32_t ecx, uint64_t msr)
{
	struct answers a = {0};
	const struct cpuid_entry leaves[] = {
		{0x0, 0, {highest, 0x756e6547, 0x6c65746e, 0x49656e69}},
		{0x1, 0, {0x90672, (uint32_t)number << 24, ecx, 0x07000001}},
		{0x7, 0, {0, 1 << 5, 0, 1 << 29}},
		{0x80000000, 0, {0x80000008, 0, 0, 0}},
		{0x80000001, 0, {0, 0, 1, 1 << 29}},
		{0x80000002, 0, {0x746e4900, 0x746e4900, 0, 0}},
		{0x80000008, 0, {39 + (uint32_t)number, 0, 0, 0}},
	};

	for (size_t i = 0; i < ARRAY_SIZE(leaves); i++)
		if (leaves[i].leaf <= highest || leaves[i].leaf >= 0x80000000)
			CHECK(answers_add(&a, &leaves[i]) == 0);
	if (msr)
		CHECK(answers_add_msr(&a, 0x10a, msr) == 0);
	CHECK(answers_sort(&a) == 0 && thishost_add(h, number, &a) == 0);
}

static void test_alike(void)
{
	_cleanup_thishost_ struct thishost h = THISHOST_NONE;
	struct host_view *kvm = &h.host.view[HOST_KVM];

	add_cpu(&h, 0, 7, 1, UINT64_C(0x8000000000000005));
	thishost_judge(&h);
	h.host.name = strdup("node\x1b[31m 7\xff.example");
	h.host.kernel = strdup("6.1.0-28-amd64");
	h.host.microcode = strdup("0x1 0x2");
	h.host.qemu_version = strdup("7.2.22");
	h.host.libvirt_version = strdup("9.0.0");
	h.host.tsc_hz = UINT64_C(2195000000);
	h.host.tsc_scaling = 0;
	kvm->known = h.host.view[HOST_CPU].has;
	kvm->has = kvm->known;
	featset_remove(&kvm->has, (size_t)feature_find("avx2", 4));
	check_round(&h);
	/* nothing that QEMU gives is something that is known */
	kvm->has = (struct featset){0};
	check_round(&h);
	h.host.tsc_scaling = 1;
	check_round(&h);
}

/* Two groups, of which one has a lower highest leaf and another MSR. */
static void test_unlike(void)
{
	_cleanup_thishost_ struct thishost lower = THISHOST_NONE, higher = THISHOST_NONE;
	_cleanup_thishost_ struct thishost other = THISHOST_NONE;

	add_cpu(&lower, 0, 7, 1, 5);
	add_cpu(&lower, 1, 1, 1, 5);
	add_cpu(&other, 0, 7, 1, 5);
	add_cpu(&other, 1, 7, 3, 4);
	add_cpu(&other, 2, 7, 3, 4);
	thishost_judge(&lower);
	thishost_judge(&other);
	lower.host.name = strdup("lower");
	other.host.name = strdup("other");
	add_cpu(&higher, 0, 1, 1, 5);
	add_cpu(&higher, 1, 7, 1, 5);
	thishost_judge(&higher);
	higher.host.name = strdup("higher");
	CHECK(lower.host.uneven && other.host.uneven && higher.host.uneven);
	check_round(&higher);
	check_round(&lower);
	check_round(&other);
}

/* Cut off at any byte, it is no host. */
static void test_cut_off(void)
{
	_cleanup_thishost_ struct thishost h = THISHOST_NONE;
	_cleanup_text_ struct text dump = {0};
	size_t taken = 0;

	add_cpu(&h, 0, 7, 1, 5);
	add_cpu(&h, 1, 7, 3, 4);
	thishost_judge(&h);
	h.host.name = strdup("node");
	thishost_dump(&dump, &h);
	for (size_t len = 0; len + 2 < dump.len; len++) {
		struct seen seen;

		taken += read_back(&seen, dump.data, len);
		host_free(&seen.host);
	}
	CHECK(taken == 0);
}

int main(int argc, char **argv)
{
	/* what asks libvirt runs this program anew */
	if (argc == 2 && strcmp(argv[1], LIBVIRT_ASK) == 0)
		return libvirt_answer() < 0;
	test_this_host();
	test_alike();
	test_unlike();
	test_cut_off();
	return check_done();
}
