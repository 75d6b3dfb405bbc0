/* SPDX-License-Identifier: Apache-2.0 */
#include "libvirtnames.h"

#include "cpumap/core/util.h"

/*
 * The features that each release's map names, and the one in front of it doesn't, by the same bit as
 * features[] (src/cpu/cpu_map.xml, from 7.0 on src/cpu_map/x86_features.xml). Releases between them are left
 * out: a name may be older than its row, and not younger.
 */
static const struct {
	const char *release, *names;
} rows[] = {
	{"1.2.2", "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 "
		  "pn clflush ds acpi mmx fxsr sse sse2 ss tm ia64 pbe pni pclmuldq dtes64 "
		  "monitor ds_cpl vmx smx est tm2 ssse3 cid fma cx16 xtpr pdcm pcid dca "
		  "sse4.1 sse4.2 x2apic movbe popcnt tsc-deadline aes xsave avx f16c rdrand "
		  "syscall nx mmxext fxsr_opt pdpe1gb rdtscp lm 3dnowext 3dnow lahf_lm svm "
		  "extapic cr8legacy abm sse4a misalignsse 3dnowprefetch osvw ibs xop "
		  "skinit wdt lwp fma4 tce cvt16 nodeid_msr tbm topoext perfctr_core "
		  "perfctr_nb fsgsbase bmi1 hle avx2 smep bmi2 erms invpcid rtm rdseed adx "
		  "smap"},
	{"1.3.1", "mpx avx512f avx512pf avx512er avx512cd invtsc"},
	{"2.5.0", "arat tsc_adjust cmt clflushopt xsaveopt xsavec xgetbv1 xsaves mbm_total "
		  "mbm_local"},
	{"3.0.0", "avx512dq avx512ifma avx512bw avx512vl avx512vbmi pku avx512-4vnniw "
		  "avx512-4fmaps"},
	{"4.0.0", "pcommit clwb sha-ni spec-ctrl ibpb"},
	{"4.6.0", "la57 ssbd amd-ssbd virt-ssbd amd-no-ssb"},
	{"7.0.0", "intel-pt umip waitpkg avx512vbmi2 gfni vaes vpclmulqdq avx512vnni "
		  "avx512bitalg avx512-vpopcntdq rdpid cldemote movdiri movdir64b fsrm "
		  "md-clear pconfig stibp arch-capabilities core-capability avx512-bf16 "
		  "clzero xsaveerptr wbnoinvd amd-stibp npt lbrv svm-lock nrip-save "
		  "tsc-scale vmcb-clean flushbyasid decodeassists pause-filter pfthreshold"},
	{"9.0.0", "sgx bus-lock-detect sgxlc pks avx512-vp2intersect serialize tsx-ldtrk "
		  "arch-lbr amx-bf16 avx512-fp16 amx-tile amx-int8 avx-vnni xfd sgx1 sgx2 "
		  "sgx-exinfo sgx-debug sgx-mode64 sgx-provisionkey sgx-tokenkey sgx-kss "
		  "intel-pt-lip ibrs avic v-vmsave-vmload vgif svme-addr-chk"},
	{"11.3.0", "fdp-excptn-only zero-fcs-fds flush-l1d sha512 sm3 sm4 cmpccxadd fzrm "
		   "fsrs fsrc fred lkgs wrmsrns amx-fp16 avx-ifma lam avx-vnni-int8 "
		   "avx-ne-convert amx-complex avx-vnni-int16 prefetchiti avx10 intel-psfd "
		   "ipred-ctrl rrsba-ctrl ddpd-u bhi-ctrl mcdt-no sgx-edeccssa "
		   "sgx-aex-notify avx10-128 avx10-256 avx10-512 overflow-recov succor "
		   "stibp-always-on amd-psfd vnmi no-nested-data-bp "
		   "lfence-always-serializing null-sel-clr-base auto-ibrs eraps sbpb "
		   "ibpb-brtype srso-no srso-user-kernel-no perfmon-v2"},
	{"12.8.0", "cet-ss cet-ibt movrs msr-imm apxf amx-int8-alias amx-bf16-alias "
		   "amx-complex-alias amx-fp16-alias amx-fp8 amx-tf32 amx-avx512 amx-movrs "
		   "avx10-vnni-int apx-nci-ndd-nf gmet fs-gs-base-ns verw-clear prefetchi "
		   "tsa-sq-no tsa-l1-no xstore xstore-en xcrypt xcrypt-en ace2 ace2-en phe "
		   "phe-en pmm pmm-en"},
};

/* The row that proves as much as <maxphysaddr> (8.7.0) and <mode name='maximum'> (7.1.0). */
#define ROW_8_7 "9.0.0"

/* What distributions added to old releases, with the fixes of Spectre and what followed it (Debian 9's 3.0.0,
 * Ubuntu 16.04's 1.3.1, RHEL 7's 3.9.0): by these no release is known. */
static const char backported[] = "spec-ctrl ibpb ssbd amd-ssbd virt-ssbd amd-no-ssb md-clear stibp "
				 "amd-stibp arch-capabilities";

static struct featset row_set[ARRAY_SIZE(rows)], backported_set;

static void look_up(void)
{
	static bool done;

	for (size_t i = 0; i < ARRAY_SIZE(rows) && !done; i++)
		(void)featset_parse(&row_set[i], rows[i].names, strlen(rows[i].names), ' ', NULL);
	(void)featset_parse(&backported_set, backported, strlen(backported), ' ', NULL);
	done = true;
}

/* Does the description name one of a row? */
static bool names_one(const struct featset *named, size_t row)
{
	struct featset shared = row_set[row];

	featset_intersect(&shared, named);
	featset_subtract(&shared, &backported_set);
	return featset_count(&shared) > 0;
}

void libvirtnames_known(const struct featset *named, bool since_8_7, struct featset *known)
{
	size_t newest = 0;

	look_up();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (names_one(named, i) || (since_8_7 && strcmp(rows[i].release, ROW_8_7) == 0))
			newest = i;
	/* a name of the newest row may be older than the rest of that row */
	*known = row_set[0];
	for (size_t i = 1; i < newest; i++)
		featset_union(known, &row_set[i]);
}
