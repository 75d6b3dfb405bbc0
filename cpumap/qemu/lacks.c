/* SPDX-License-Identifier: Apache-2.0 */
#include "lacks.h"

#include "hostcpu.h"
#include "kvm.h"
#include "qemu.h"

void here_ask(struct here *here, const char *qemu)
{
	*here = (struct here){0};
	if (qemu_kvm(qemu, &here->provided, &here->properties, &here->no_kvm) < 0)
		return;
	(void)kvm_offers(&here->offered, &here->no_kvm);
	hostcpu_features(&here->cpu);
}

void lacks_of_kvm(struct lacks *l, const struct here *here, const struct featset *wanted)
{
	*l = (struct lacks){.all = *wanted};
	featset_subtract(&l->all, &here->provided);
	for (size_t i = 0; i < n_features; i++) {
		if (!featset_has(&l->all, i))
			continue;
		if (!featset_has(&here->properties, i))
			featset_add(&l->by[LACK_QEMU], i);
		else if (featset_has(&here->offered, i))
			featset_add(&l->by[LACK_WITHHELD], i);
		else
			featset_add(&l->by[featset_has(&here->cpu, i) ? LACK_KVM : LACK_CPU], i);
	}
}

void lacks_of_tcg(struct lacks *l, const struct featset *lacking)
{
	*l = (struct lacks){.all = *lacking};
	l->by[LACK_TCG] = *lacking;
}

const char *lack_why(enum lack kind)
{
	static const char *const why[LACK_KINDS] = {
		[LACK_QEMU] = "QEMU doesn't know",
		[LACK_CPU] = "the CPU lacks",
		[LACK_KVM] = "KVM doesn't offer",
		[LACK_WITHHELD] = "QEMU under KVM withholds",
		[LACK_TCG] = "QEMU's TCG doesn't emulate",
	};

	return why[kind];
}

/* One reason alone needs no names again. */
static bool print_alone(struct text *out, const struct lacks *l)
{
	for (size_t kind = 0; kind < LACK_KINDS; kind++) {
		if (!featset_equal(&l->by[kind], &l->all))
			continue;
		text_addf(out, "%s %s", lack_why((enum lack)kind),
			  featset_count(&l->all) == 1 ? "it" : "them");
		return true;
	}
	return false;
}

void lacks_print(struct text *out, const struct lacks *l)
{
	const char *between = "";

	if (print_alone(out, l))
		return;
	for (size_t kind = 0; kind < LACK_KINDS; kind++) {
		if (featset_count(&l->by[kind]) == 0)
			continue;
		text_addf(out, "%s%s ", between, lack_why((enum lack)kind));
		featset_print(out, &l->by[kind], ",");
		between = "; ";
	}
}

const char *lacks_boot(const struct featset *set)
{
	static const char *const enough[] = {"xsaveopt", "xsavec", "xgetbv1", "xsaves"};
	int xsave = feature_find("xsave", strlen("xsave"));

	if (xsave < 0 || !featset_has(set, (size_t)xsave))
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(enough); i++) {
		int f = feature_find(enough[i], strlen(enough[i]));

		if (f >= 0 && featset_has(set, (size_t)f))
			return NULL;
	}
	return "under TCG no Linux boots with it: QEMU lets no kernel use xsave without one of "
	       "xsaveopt, xsavec, xgetbv1 and xsaves; add xsaveopt, which every CPU with avx2 has";
}
