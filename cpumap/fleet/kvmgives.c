/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Source: Linux, arch/x86/kvm/cpuid.c: __do_cpuid_ent (4.4) and kvm_set_cpu_caps (as of 2025), with what
 * vmx_set_cpu_caps and svm_set_cpu_caps add; QEMU, kvm_arch_get_supported_cpuid (target/i386/kvm/kvm.c,
 * 5.2 to 11.0), whose corrections cpumap/qemu/kvm.c has.
 */
#include "kvmgives.h"

#include <string.h>

#include "cpumap/core/util.h"

/* Emulated, whatever the CPU has: x2apic and tsc_adjust since 4.4 at the latest, tsc-deadline by
 * KVM_CAP_TSC_DEADLINE_TIMER (2011); arat is added by QEMU. */
static const char always[] = "x2apic tsc-deadline tsc_adjust arat";

/* In no list of KVM's, though the CPU may have it: power, thermal, debugging and identification of the
 * real CPU; resource control; AMD's. QEMU gives monitor with -overcommit cpu-pm=on alone. */
static const char never[] =
	"monitor ds_cpl smx est tm2 cid xtpr dca pn acpi tm ia64 pbe "
	"cmt mbm_total mbm_local pcommit pconfig pks core-capability arch-lbr "
	"extapic ibs skinit wdt lwp cvt16 nodeid_msr perfctr_nb svm-lock decodeassists avic gmet";

/* If the CPU has it: by the kernel's release, a module's option or a permission. Nested guests; the
 * performance unit and tracing; SGX; what XSAVE saves beside registers; new with recent kernels;
 * protection keys, which shadow paging lacks. */
static const char perhaps[] =
	"vmx svm npt lbrv nrip-save tsc-scale vmcb-clean flushbyasid pause-filter pfthreshold "
	"v-vmsave-vmload vgif vnmi svme-addr-chk "
	"dtes64 ds pdcm perfctr_core perfmon-v2 intel-pt intel-pt-lip "
	"sgx sgxlc sgx1 sgx2 sgx-edeccssa sgx-exinfo sgx-debug sgx-mode64 sgx-provisionkey "
	"sgx-tokenkey sgx-kss sgx-aex-notify "
	"cet-ss cet-ibt xfd amx-tile amx-int8 amx-bf16 amx-fp16 amx-complex amx-fp8 amx-tf32 "
	"amx-avx512 amx-movrs amx-int8-alias amx-bf16-alias amx-fp16-alias amx-complex-alias apxf "
	"apx-nci-ndd-nf "
	"fred lkgs wrmsrns movrs msr-imm tce prefetchi eraps "
	"pku";

/* If the CPU lacks it: synthesized or emulated by KVM, for nested guests or for the kernel's mitigations. */
static const char without_cpu[] =
	"umip vmcb-clean flushbyasid svme-addr-chk "
	"arch-capabilities spec-ctrl stibp ssbd ibpb ibrs amd-stibp amd-ssbd virt-ssbd amd-no-ssb "
	"lfence-always-serializing null-sel-clr-base sbpb ibpb-brtype srso-no verw-clear tsa-sq-no "
	"tsa-l1-no pdpe1gb topoext";

static struct featset named(const char *names)
{
	struct featset set;

	(void)featset_parse(&set, names, strlen(names), ' ', NULL);
	return set;
}

void kvmgives_never(struct featset *set)
{
	*set = named(never);
}

/* Looked up once: a fleet has many hosts. */
struct rules {
	bool made;
	struct featset always, never, perhaps, without_cpu;
};

static const struct rules *rules(void)
{
	static struct rules r;

	if (!r.made) {
		r.always = named(always);
		r.never = named(never);
		r.perhaps = named(perhaps);
		r.without_cpu = named(without_cpu);
		/* features of MSRs and of the hypervisor's own leaves are for KVM to tell */
		for (size_t i = 0; i < n_features; i++)
			if (features[i].kind == FEATURE_MSR || features[i].leaf >> 28 == 4) {
				featset_add(&r.perhaps, i);
				featset_add(&r.without_cpu, i);
			}
		r.made = true;
	}
	return &r;
}

void kvmgives_view(struct host_view *kvm, const struct host_view *cpu)
{
	const struct rules *r = rules();
	struct featset lacks = cpu->known, unknown = r->without_cpu;

	featset_subtract(&lacks, &cpu->has);
	*kvm = *cpu;
	/* what the CPU lacks, KVM may synthesize; what it has may be withheld */
	featset_intersect(&unknown, &lacks);
	featset_subtract(&kvm->known, &unknown);
	unknown = r->perhaps;
	featset_intersect(&unknown, &cpu->has);
	featset_subtract(&kvm->known, &unknown);
	featset_union(&kvm->known, &r->never);
	featset_subtract(&kvm->has, &r->never);
	featset_union(&kvm->known, &r->always);
	featset_union(&kvm->has, &r->always);
	featset_intersect(&kvm->has, &kvm->known);
}
