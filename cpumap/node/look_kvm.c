/* SPDX-License-Identifier: Apache-2.0 */
/* KVM: is there one, may guests use it, and does it hide the host's CPU? */
#include "cpumap/core/paths.h"
#include "cpumap/guest/verify.h"
#include "condition.h"

#define DEVICE "/dev/kvm"

/* Has the CPU what KVM needs? By the kernel's word (arch/x86/kernel/cpu/proc.c). */
static bool cpu_can(void)
{
	_cleanup_free_ char *text = checkup_text("/proc/cpuinfo");
	const char *flags = text ? strstr(text, "\nflags") : NULL;
	const char *end = flags ? strchr(flags + 1, '\n') : NULL;

	return end && (memmem(flags, (size_t)(end - flags), " vmx ", 5) ||
		       memmem(flags, (size_t)(end - flags), " svm ", 5));
}

static void note_kvm(struct checkup *c, const char *name, const struct domain *d, void *data)
{
	char **wants = data;

	(void)c;
	if (d->kvm && !*wants)
		*wants = strdup(name);
}

void look_kvm(struct checkup *c, const struct condition *it, struct faults *f)
{
	_cleanup_free_ char *wants = NULL;
	char shown[128];

	if (checkup_has(DEVICE))
		return;
	checkup_domains(c, DOMAINFILE_DEFINITION, note_kvm, &wants);
	if (wants)
		fault_add(f, it->id, WEIGHT_FAILS, DEVICE ": is missing, and domain %s needs it",
			  text_escape(shown, sizeof(shown), wants, strlen(wants)));
	else if (cpu_can())
		fault_add(f, it->id, WEIGHT_WARNS,
			  DEVICE ": is missing, though the CPU can do it, so guests run under TCG");
	else
		fault_add(f, it->id, WEIGHT_SKIPPED,
			  "there is no KVM here, and no domain asks for it: guests run under TCG");
	if (wants || cpu_can())
		fault_cure(f, "`modprobe kvm_intel` or `modprobe kvm_amd`");
}

void look_kvm_open(struct checkup *c, const struct condition *it, struct faults *f)
{
	_cleanup_free_ char *forbids = NULL;

	if (!c->has_user) {
		fault_add(f, it->id, WEIGHT_SKIPPED, "libvirt has no user for QEMU here");
		return;
	}
	forbids = user_may_not(&c->user, DEVICE, R_OK | W_OK);
	if (!forbids)
		return;
	fault_add(f, it->id, WEIGHT_FAILS,
		  DEVICE
		  ": user %s may not use it, so that no KVM guest starts, and libvirt probes "
		  "QEMU again at each start",
		  c->user.name);
	fault_cure(f, "`usermod -aG kvm %s`, with the device in group kvm and mode 660, then %s",
		   c->user.name, c->restart);
}

void look_kvm_faithful(struct checkup *c, const struct condition *it, struct faults *f)
{
	_cleanup_cpuid_diff_ struct cpuid_diff shown = {0};
	struct error err = {0};
	size_t n;
	const struct checkup_qemu *qemu = checkup_qemus(c, &n);

	if (n == 0 || !qemu->real)
		return;
	if (verify_kvm(qemu->real, &shown, &err) < 0)
		fault_add(f, it->id, WEIGHT_UNKNOWN,
			  DEVICE ": no guest can be started under it to look: %s: %s", err.where,
			  err.what);
	else if (!cpuid_diff_none(&shown))
		fault_add(f, it->id, WEIGHT_FAILS,
			  DEVICE
			  ": this KVM lets the host's CPU show through, so no guest can have "
			  "exactly a model's CPU under it");
	else
		return;
	fault_cure(f, "`cpushim verify --accel kvm MODEL` tells more");
}
