/* SPDX-License-Identifier: Apache-2.0 */
#include "accels.h"

#include "cpumap/core/emulator.h"
#include "cpumap/guest/verify.h"
#include "cmd.h"

const char *accel_name(enum accel a)
{
	return a == ACCEL_TCG ? "tcg" : "kvm";
}

static enum faithful ask_faithful(const char *real)
{
	_cleanup_cpuid_diff_ struct cpuid_diff shown = {0};
	struct error err = {0};

	if (verify_kvm(real, &shown, &err) < 0) {
		(void)cmd_fail(&err);
		fputs("cpushim: /dev/kvm: so it isn't known whether this KVM lets the host's CPU "
		      "show through\n",
		      stderr);
		return NOT_KNOWN;
	}
	if (cpuid_diff_none(&shown))
		return FAITHFUL;
	fputs("cpushim: /dev/kvm: this KVM lets the host's CPU show through, so no guest can have "
	      "exactly a model's CPU under it (`cpushim verify --accel kvm MODEL` tells more)\n",
	      stderr);
	return SHOWS_THROUGH;
}

/* Those that there is no place for share the last one. */
const struct support *accels_ask(struct accels *a, const struct table_row *row)
{
	_cleanup_free_ char *real = NULL;
	struct support *here;
	size_t i = 0;

	while (i + 1 < ACCELS_EMULATORS_MAX && a->of[i].emulator &&
	       strcmp(a->of[i].emulator, row->emulator) != 0)
		i++;
	here = &a->of[i].here;
	if (a->of[i].emulator && strcmp(a->of[i].emulator, row->emulator) == 0)
		return here;
	a->of[i].emulator = row->emulator;
	*here = (struct support){0};
	real = emulator_real(row->emulator, &here->no_kvm);
	if (real)
		support_ask(here, real);
	if (!a->asked && !here->no_kvm.code) {
		a->faithful = ask_faithful(real);
		a->asked = true;
	}
	return here;
}

void accels_lack(struct shortfall *l, const struct table_row *row, enum accel accel,
		 const struct support *here)
{
	const char *names = accel == ACCEL_KVM ? row->features : row->tcg_lacks;
	struct featset set;

	*l = (struct shortfall){0};
	if ((accel == ACCEL_KVM && here->no_kvm.code) ||
	    featset_parse(&set, names, strlen(names), ',', NULL) < 0)
		return;
	if (accel == ACCEL_KVM)
		shortfall_kvm(l, here, &set);
	else
		shortfall_tcg(l, &set);
}

const char *accels_boot(const struct table_row *row)
{
	struct featset set;

	if (*row->refused || *row->tcg_lacks ||
	    featset_parse(&set, row->features, strlen(row->features), ',', NULL) < 0)
		return NULL;
	return shortfall_boot(&set);
}
