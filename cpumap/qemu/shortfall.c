/* SPDX-License-Identifier: Apache-2.0 */
#include "shortfall.h"

#include "hostcpu.h"
#include "kvm.h"
#include "qemu.h"

void support_ask(struct support *support, const char *qemu)
{
	*support = (struct support){0};
	if (qemu_kvm(qemu, &support->provided, &support->properties, &support->no_kvm) < 0)
		return;
	(void)kvm_offers(&support->offered, &support->no_kvm);
	hostcpu_features(&support->cpu);
}

void shortfall_kvm(struct shortfall *s, const struct support *support, const struct featset *wanted)
{
	*s = (struct shortfall){.all = *wanted};
	featset_subtract(&s->all, &support->provided);
	for (size_t i = 0; i < n_features; i++) {
		if (!featset_has(&s->all, i))
			continue;
		if (!featset_has(&support->properties, i))
			featset_add(&s->by[LACK_QEMU], i);
		else if (featset_has(&support->offered, i))
			featset_add(&s->by[LACK_WITHHELD], i);
		else
			featset_add(&s->by[featset_has(&support->cpu, i) ? LACK_KVM : LACK_CPU], i);
	}
}

void shortfall_tcg(struct shortfall *s, const struct featset *lacking)
{
	*s = (struct shortfall){.all = *lacking};
	s->by[LACK_TCG] = *lacking;
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

/* With a single reason the features needn't be named again. */
static bool print_alone(struct text *out, const struct shortfall *s)
{
	for (size_t kind = 0; kind < LACK_KINDS; kind++) {
		if (!featset_equal(&s->by[kind], &s->all))
			continue;
		text_addf(out, "%s %s", lack_why((enum lack)kind),
			  featset_count(&s->all) == 1 ? "it" : "them");
		return true;
	}
	return false;
}

void shortfall_print(struct text *out, const struct shortfall *s)
{
	const char *between = "";

	if (print_alone(out, s))
		return;
	for (size_t kind = 0; kind < LACK_KINDS; kind++) {
		if (featset_count(&s->by[kind]) == 0)
			continue;
		text_addf(out, "%s%s ", between, lack_why((enum lack)kind));
		featset_print(out, &s->by[kind], ",");
		between = "; ";
	}
}

const char *shortfall_boot(const struct featset *set)
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
