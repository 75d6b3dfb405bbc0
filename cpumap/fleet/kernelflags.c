/* SPDX-License-Identifier: Apache-2.0 */
#include "kernelflags.h"

/* Whose CPUs a row is about. */
enum whose { ANY, INTEL, AMD };

/*
 * Flags that aren't spelt as features[] has it, or that don't mean what they are called, by
 * arch/x86/include/asm/cpufeatures.h (3.6, 4.14, 5.10, 6.1, 6.12 and 7.2) and, where the kernel sets them
 * itself, arch/x86/kernel/cpu/{common,intel,amd}.c (6.1). NULL: the flag says nothing.
 */
static const struct {
	const char *flag, *feature;
	enum whose whose;
} names[] = {
	{"dts", "ds", ANY},
	{"tsc_deadline_timer", "tsc-deadline", ANY},
	{"cr8_legacy", "cr8legacy", ANY},
	{"cqm_mbm_total", "mbm_total", ANY},
	{"cqm_mbm_local", "mbm_local", ANY},
	{"avx512_vbmi2", "avx512vbmi2", ANY},
	{"avx512_vnni", "avx512vnni", ANY},
	{"avx512_bitalg", "avx512bitalg", ANY},
	{"tsxldtrk", "tsx-ldtrk", ANY},
	{"sgx_lc", "sgxlc", ANY},
	{"pausefilter", "pause-filter", ANY},
	{"ibt", "cet-ibt", ANY},
	{"user_shstk", "cet-ss", ANY},
	{"rng", "xstore", ANY},
	{"rng_en", "xstore-en", ANY},
	{"ace", "xcrypt", ANY},
	{"ace_en", "xcrypt-en", ANY},
	/* set by bit 8 of 80000007H:EDX */
	{"nonstop_tsc", "invtsc", ANY},
	/* init_speculation_control(): one flag for Intel's bit and for AMD's */
	{"ibrs", "spec-ctrl", INTEL},
	{"ibrs", "ibrs", AMD},
	{"ibpb", "spec-ctrl", INTEL},
	{"ibpb", "ibpb", AMD},
	{"stibp", "stibp", INTEL},
	{"intel_stibp", "stibp", INTEL},
	{"stibp", "amd-stibp", AMD},
	{"ssbd", "ssbd", INTEL},
	{"ssbd", NULL, AMD},              /* by one of three bits, or by the family alone */
	{"split_lock_detect", NULL, ANY}, /* also by model */
	{"vnmi", NULL, INTEL},            /* VMX's */
	{"arat", NULL, AMD},              /* also by family */
	{"3dnowprefetch", NULL, AMD},     /* also where lm is */
};

/* The flags that each kernel shows, in the spelling of features[], and the one in front of it doesn't. A
 * name may be older than its row, and not younger. */
static const char *const rows[] = {
	/* 3.6 */
	"fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush ds acpi "
	"mmx fxsr "
	"sse sse2 ss tm ia64 pbe syscall nx mmxext fxsr_opt pdpe1gb rdtscp lm 3dnowext 3dnow pni "
	"pclmuldq "
	"dtes64 monitor ds_cpl est tm2 ssse3 cid fma cx16 xtpr pdcm pcid dca sse4.1 sse4.2 movbe "
	"popcnt "
	"tsc-deadline aes xsave avx f16c rdrand xstore xstore-en xcrypt xcrypt-en ace2 ace2-en phe "
	"phe-en "
	"pmm pmm-en lahf_lm extapic cr8legacy abm sse4a misalignsse 3dnowprefetch osvw ibs xop "
	"skinit wdt "
	"lwp fma4 tce nodeid_msr tbm topoext perfctr_core fsgsbase bmi1 hle avx2 smep bmi2 erms "
	"invpcid rtm "
	"rdseed adx xsaveopt npt lbrv svm-lock nrip-save tsc-scale vmcb-clean flushbyasid "
	"decodeassists "
	"pause-filter pfthreshold invtsc",
	/* 4.11 */
	"tsc_adjust avx512f avx512dq smap avx512ifma clflushopt clwb intel-pt avx512pf avx512er "
	"avx512cd "
	"sha-ni avx512bw avx512vl xsavec xgetbv1 clzero perfctr_nb avic avx512vbmi overflow-recov "
	"succor "
	"avx512-4vnniw avx512-4fmaps",
	/* 5.10 */
	"avx512-bf16 xsaveerptr wbnoinvd virt-ssbd v-vmsave-vmload vgif waitpkg avx512vbmi2 gfni "
	"vaes "
	"vpclmulqdq avx512vnni avx512bitalg avx512-vpopcntdq rdpid cldemote movdiri movdir64b fsrm "
	"avx512-vp2intersect md-clear serialize tsx-ldtrk pconfig arch-lbr flush-l1d "
	"arch-capabilities",
	/* 6.1 */
	"avx-vnni bus-lock-detect amx-bf16 avx512-fp16 amx-tile amx-int8",
	/* 6.12 */
	"lam",
};

/* The row of kernel 4.11, which all kernels have that show the flag "cpuid". */
#define ROW_CPUID 1

/*
 * Not in the rows, since the kernel may leave them out although the CPU has them: where it or the firmware
 * was told to (vmx, svm, smx, sgx, sgxlc, x2apic, umip, pku, la57), where it works around a fault (xsaves,
 * cmt, mbm_total, mbm_local), where a later kernel dropped the name (mpx, pcommit), and what it shows of
 * one vendor alone, or if it uses it.
 */

/* What distributions added to old kernels, with the fixes of Meltdown and what followed it: by these no
 * kernel is known. */
static const char backported[] = "virt-ssbd md-clear flush-l1d arch-capabilities";

static struct featset row_set[ARRAY_SIZE(rows)], backported_set;

static void look_up(void)
{
	static bool done;

	for (size_t i = 0; i < ARRAY_SIZE(rows) && !done; i++)
		(void)featset_parse(&row_set[i], rows[i], strlen(rows[i]), ' ', NULL);
	(void)featset_parse(&backported_set, backported, strlen(backported), ' ', NULL);
	done = true;
}

static enum whose whose_vendor(const char *vendor)
{
	if (strcmp(vendor, "AuthenticAMD") == 0 || strcmp(vendor, "HygonGenuine") == 0)
		return AMD;
	/* the others' CPUs have Intel's bits */
	return INTEL;
}

/* The feature that a flag means, or -1. */
static int feature_of(const struct line *flag, enum whose whose)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if ((names[i].whose != ANY && names[i].whose != whose) ||
		    !line_is(flag, names[i].flag))
			continue;
		return names[i].feature ? feature_find(names[i].feature, strlen(names[i].feature))
					: -1;
	}
	return feature_find(flag->s, flag->len);
}

/* Those that the kernel surely knew. @since_4_11: it shows what only such kernels do. */
static void known_names(const struct featset *has, bool since_4_11, struct featset *known)
{
	size_t newest = since_4_11 ? ROW_CPUID + 1 : 0;

	for (size_t i = newest; i < ARRAY_SIZE(rows); i++) {
		struct featset shared = row_set[i];

		featset_intersect(&shared, has);
		featset_subtract(&shared, &backported_set);
		if (featset_count(&shared) > 0)
			newest = i;
	}
	*known = row_set[0];
	for (size_t i = 1; i < newest; i++)
		featset_union(known, &row_set[i]);
}

/* A flag that says nothing where it is shown says nothing where it isn't. */
static void forget_silent(struct featset *known, enum whose whose)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		int f = feature_find(names[i].flag, strlen(names[i].flag));

		if (!names[i].feature && f >= 0 &&
		    (names[i].whose == ANY || names[i].whose == whose))
			featset_remove(known, (size_t)f);
	}
}

void kernelflags_tell(const char *vendor, struct line flags, struct host_view *view)
{
	enum whose whose = whose_vendor(vendor);
	bool since_4_11 = false;
	struct line flag;

	look_up();
	*view = (struct host_view){0};
	while (line_word(&flags, &flag)) {
		int f = feature_of(&flag, whose);

		since_4_11 |= line_is(&flag, "cpuid");
		if (f >= 0 && features[f].kind == FEATURE_CPUID)
			featset_add(&view->has, (size_t)f);
	}
	known_names(&view->has, since_4_11, &view->known);
	forget_silent(&view->known, whose);
	featset_union(&view->known, &view->has);
}
