/* SPDX-License-Identifier: Apache-2.0 */
#include "kvm.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>

#include "cpumap/core/util.h"

#define ENTRIES_FIRST 256
#define ENTRIES_MAX   4096

/*
 * Features for which QEMU doesn't go by KVM_GET_SUPPORTED_CPUID alone: it offers them always, or
 * asks elsewhere (kvm_arch_get_supported_cpuid, target/i386/kvm/kvm.c, 5.2 to 11.0).
 */
static const char *const corrected[] = {
	"mtrr",
	"pat",
	"mce",
	"mca",          /* always: KVM before 2.6.30 didn't report it */
	"tsc-deadline", /* by KVM_CAP_TSC_DEADLINE_TIMER */
	"monitor",      /* by KVM_CAP_X86_DISABLE_EXITS, -overcommit cpu-pm=on */
	"arat",         /* always: the APIC timer never stops */
	"topoext",      /* always: no KVM reports it, though it works on AMD hosts alone */
	"overflow-recov",
	"succor", /* by the machine check support */
	"xfd",
	"amx-tile",
	"amx-int8",
	"amx-bf16",
	"amx-fp16",
	"amx-complex", /* by arch_prctl */
	"erms",
	"fsrm",
	"fzrm",
	"fsrs",
	"fsrc",
	"mcdt-no", /* by the host's own CPUID */
	"sgx",
	"sgxlc",
	"sgx1",
	"sgx2",
	"sgx-exinfo",
	"sgx-debug",
	"sgx-mode64",
	"sgx-provisionkey",
	"sgx-tokenkey",
	"sgx-kss", /* by /dev/sgx_provision and the memory */
};

/* kvm_default_props: target/i386/cpu.c, 2.4 to 5.2; target/i386/kvm/kvm-cpu.c, 6.0 to 11.0. The
 * same in all of them; machine types up to pc-1.3 (gone in 6.0) have no kvm-pv-eoi. */
static const char *const defaults[] = {
	"kvmclock",       "kvm-nopiodelay", "kvm-asyncpf",
	"kvm-steal-time", "kvm-pv-eoi",     "kvmclock-stable-bit",
};

void kvm_defaults(struct featset *set)
{
	*set = (struct featset){0};
	for (size_t i = 0; i < ARRAY_SIZE(defaults); i++) {
		int f = feature_find(defaults[i], strlen(defaults[i]));

		if (f >= 0)
			featset_add(set, (size_t)f);
	}
}

static struct kvm_cpuid2 *ask(int kvm, struct error *err)
{
	for (unsigned int n = ENTRIES_FIRST; n <= ENTRIES_MAX; n *= 2) {
		struct kvm_cpuid2 *answer =
			calloc(1, sizeof(*answer) + n * sizeof(answer->entries[0]));

		if (!answer) {
			error_set(err, -ENOMEM, "/dev/kvm", 0, "out of memory");
			return NULL;
		}
		answer->nent = n;
		if (ioctl(kvm, KVM_GET_SUPPORTED_CPUID, answer) == 0)
			return answer;
		free(answer);
		if (errno != E2BIG)
			break;
	}
	error_set(err, -ENODEV, "/dev/kvm", 0, "KVM_GET_SUPPORTED_CPUID: %s", strerror(errno));
	return NULL;
}

static uint32_t register_of(const struct kvm_cpuid_entry2 *e, enum cpuid_reg reg)
{
	const uint32_t value[] = {e->eax, e->ebx, e->ecx, e->edx};

	return value[reg];
}

static void add_entry(struct featset *set, const struct kvm_cpuid_entry2 *e)
{
	for (size_t i = 0; i < n_features; i++) {
		const struct feature *f = &features[i];

		if (f->kind != FEATURE_MSR && f->leaf == e->function && f->subleaf == e->index &&
		    register_of(e, f->reg) >> f->bit & 1)
			featset_add(set, i);
	}
}

static int fail(const char *what, struct error *err)
{
	return error_set(err, -ENODEV, "/dev/kvm", 0, "%s%s%s", what, *what ? ": " : "",
			 strerror(errno));
}

int kvm_usable(struct error *err)
{
	_cleanup_close_ int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	return kvm < 0 ? fail("", err) : 0;
}

int kvm_offers(struct featset *set, struct error *err)
{
	_cleanup_close_ int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	_cleanup_free_ struct kvm_cpuid2 *answer = NULL;

	*set = (struct featset){0};
	if (kvm < 0)
		return fail("", err);
	answer = ask(kvm, err);
	if (!answer)
		return -ENODEV;
	for (unsigned int i = 0; i < answer->nent; i++)
		add_entry(set, &answer->entries[i]);
	for (size_t i = 0; i < ARRAY_SIZE(corrected); i++) {
		int f = feature_find(corrected[i], strlen(corrected[i]));

		if (f >= 0)
			featset_add(set, (size_t)f);
	}
	return 0;
}

int kvm_msr(uint32_t number, uint64_t *value, struct error *err)
{
	_cleanup_close_ int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	_Alignas(struct kvm_msrs) char
		room[sizeof(struct kvm_msrs) + sizeof(struct kvm_msr_entry)] = {0};
	struct kvm_msrs *msrs = (struct kvm_msrs *)(void *)room;
	int n;

	if (kvm < 0)
		return fail("", err);
	if (ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_GET_MSR_FEATURES) <= 0)
		return error_set(err, -ENODEV, "/dev/kvm", 0, "this KVM tells no MSR features");
	msrs->nmsrs = 1;
	msrs->entries[0].index = number;
	n = ioctl(kvm, KVM_GET_MSRS, msrs);
	if (n < 0 && errno != EINVAL)
		return fail("KVM_GET_MSRS", err);
	if (n != 1)
		return error_set(err, -ENOENT, "/dev/kvm", 0, "this KVM has no MSR %#x", number);
	*value = msrs->entries[0].data;
	return 0;
}

int kvm_tsc(uint64_t *hz, bool *scaling, struct error *err)
{
	_cleanup_close_ int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), vm = -1, cpu = -1;
	int khz;

	if (kvm < 0)
		return fail("", err);
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	if (vm < 0)
		return fail("KVM_CREATE_VM", err);
	cpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	if (cpu < 0)
		return fail("KVM_CREATE_VCPU", err);
	khz = ioctl(cpu, KVM_GET_TSC_KHZ, 0);
	if (khz <= 0)
		return fail("KVM_GET_TSC_KHZ", err);
	*hz = (uint64_t)khz * 1000;
	*scaling = ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_TSC_CONTROL) > 0;
	return 0;
}
