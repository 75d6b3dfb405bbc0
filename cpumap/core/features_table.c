/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of features: every name that libvirt or QEMU has for a CPUID bit, and the MSR features.
 *
 * Names and bits: libvirt, src/cpu_map/x86_features.xml (each row names the first release of 7.0,
 * 9.0, 11.3 and 12.8 that has it); QEMU, target/i386/cpu.c, feature_word_info (11.0) and the
 * aliases that its x86_cpu_initfn registers (7.2); libvirt's translation between the two,
 * src/qemu/qemu_capabilities.c, virQEMUCapsCPUFeatureTranslationTable (9.0). Spellings that
 * differ only in `_` and `-` need no alias: feature_find takes them for the same.
 *
 * A new feature is a new row; keep the order (leaf, subleaf, register, bit), which
 * tests/unit/test_feature checks.
 */
#include "feature.h"

/* clang-format off */
const struct feature features[] = {
	/* CPUID 01H:ECX (SDM 2A, CPUID) */
	{ "pni", "pni", { "sse3" }, FEATURE_CPUID, 0x1, 0, REG_ECX, 0 }, /* libvirt 7.0 */
	{ "pclmuldq", "pclmulqdq", { "pclmulqdq" }, FEATURE_CPUID, 0x1, 0, REG_ECX, 1 }, /* libvirt 7.0 */
	{ "dtes64", "dtes64", { NULL }, FEATURE_CPUID, 0x1, 0, REG_ECX, 2 }, /* libvirt 7.0 */
	{ "monitor", "monitor", { NULL }, FEATURE_CPUID, 0x1, 0, REG_ECX, 3 }, /* libvirt 7.0 */
	{ "ds_cpl", "ds-cpl", { NULL }, FEATURE_CPUID, 0x1, 0, REG_ECX, 4 }, /* libvirt 7.0 */
	{ "vmx", "vmx", { NULL }, FEATURE_CPUID, 0x1, 0, REG_ECX, 5 }, /* libvirt 7.0 */
	{ "smx", "smx", { NULL }, FEATURE_CPUID, 0x1, 0, REG_ECX, 6 }, /* libvirt 7.0 */
	{ "est", "est", { NULL }, FEATURE_CPUID, 0x1, 0, REG_ECX, 7 }, /* libvirt 7.0 */
	{ "tm2", "tm2", { NULL }, FEATURE_CPUID, 0x1, 0, REG_ECX, 8 }, /* libvirt 7.0 */
	{ "ssse3", "ssse3", { NULL }, FEATURE_CPUID, 0x1, 0, REG_ECX, 9 }, /* libvirt 7.0 */
	{ "cid", "cid", { NULL }, FEATURE_CPUID, 0x1, 0, REG_ECX, 10 }, /* libvirt 7.0 */
	{ "fma", "fma", { NULL }, FEATURE_CPUID, 0x1, 0, REG_ECX, 12 }, /* libvirt 7.0 */
	{ "cx16", "cx16", { NULL }, FEATURE_CPUID, 0x1, 0, REG_ECX, 13 }, /* libvirt 7.0 */
	{ "xtpr", "xtpr", { NULL }, FEATURE_CPUID, 0x1, 0, REG_ECX, 14 }, /* libvirt 7.0 */
	{ "pdcm", "pdcm", { NULL }, FEATURE_CPUID, 0x1, 0, REG_ECX, 15 }, /* libvirt 7.0 */
	{ "pcid", "pcid", { NULL }, FEATURE_CPUID, 0x1, 0, REG_ECX, 17 }, /* libvirt 7.0 */
	{ "dca", "dca", { NULL }, FEATURE_CPUID, 0x1, 0, REG_ECX, 18 }, /* libvirt 7.0 */
	{ "sse4.1", "sse4.1", { "sse4-1" }, FEATURE_CPUID, 0x1, 0, REG_ECX, 19 }, /* libvirt 7.0 */
	{ "sse4.2", "sse4.2", { "sse4-2" }, FEATURE_CPUID, 0x1, 0, REG_ECX, 20 }, /* libvirt 7.0 */
	{ "x2apic", "x2apic", { NULL }, FEATURE_CPUID, 0x1, 0, REG_ECX, 21 }, /* libvirt 7.0 */
	{ "movbe", "movbe", { NULL }, FEATURE_CPUID, 0x1, 0, REG_ECX, 22 }, /* libvirt 7.0 */
	{ "popcnt", "popcnt", { NULL }, FEATURE_CPUID, 0x1, 0, REG_ECX, 23 }, /* libvirt 7.0 */
	{ "tsc-deadline", "tsc-deadline", { NULL }, FEATURE_CPUID, 0x1, 0, REG_ECX, 24 }, /* libvirt 7.0 */
	{ "aes", "aes", { NULL }, FEATURE_CPUID, 0x1, 0, REG_ECX, 25 }, /* libvirt 7.0 */
	{ "xsave", "xsave", { NULL }, FEATURE_CPUID, 0x1, 0, REG_ECX, 26 }, /* libvirt 7.0 */
	{ "osxsave", NULL, { NULL }, FEATURE_OTHER, 0x1, 0, REG_ECX, 27 }, /* libvirt 7.0 */
	{ "avx", "avx", { NULL }, FEATURE_CPUID, 0x1, 0, REG_ECX, 28 }, /* libvirt 7.0 */
	{ "f16c", "f16c", { NULL }, FEATURE_CPUID, 0x1, 0, REG_ECX, 29 }, /* libvirt 7.0 */
	{ "rdrand", "rdrand", { NULL }, FEATURE_CPUID, 0x1, 0, REG_ECX, 30 }, /* libvirt 7.0 */
	{ "hypervisor", "hypervisor", { NULL }, FEATURE_OTHER, 0x1, 0, REG_ECX, 31 }, /* libvirt 7.0 */

	/* CPUID 01H:EDX */
	{ "fpu", "fpu", { NULL }, FEATURE_CPUID, 0x1, 0, REG_EDX, 0 }, /* libvirt 7.0 */
	{ "vme", "vme", { NULL }, FEATURE_CPUID, 0x1, 0, REG_EDX, 1 }, /* libvirt 7.0 */
	{ "de", "de", { NULL }, FEATURE_CPUID, 0x1, 0, REG_EDX, 2 }, /* libvirt 7.0 */
	{ "pse", "pse", { NULL }, FEATURE_CPUID, 0x1, 0, REG_EDX, 3 }, /* libvirt 7.0 */
	{ "tsc", "tsc", { NULL }, FEATURE_CPUID, 0x1, 0, REG_EDX, 4 }, /* libvirt 7.0 */
	{ "msr", "msr", { NULL }, FEATURE_CPUID, 0x1, 0, REG_EDX, 5 }, /* libvirt 7.0 */
	{ "pae", "pae", { NULL }, FEATURE_CPUID, 0x1, 0, REG_EDX, 6 }, /* libvirt 7.0 */
	{ "mce", "mce", { NULL }, FEATURE_CPUID, 0x1, 0, REG_EDX, 7 }, /* libvirt 7.0 */
	{ "cx8", "cx8", { NULL }, FEATURE_CPUID, 0x1, 0, REG_EDX, 8 }, /* libvirt 7.0 */
	{ "apic", "apic", { NULL }, FEATURE_CPUID, 0x1, 0, REG_EDX, 9 }, /* libvirt 7.0 */
	{ "sep", "sep", { NULL }, FEATURE_CPUID, 0x1, 0, REG_EDX, 11 }, /* libvirt 7.0 */
	{ "mtrr", "mtrr", { NULL }, FEATURE_CPUID, 0x1, 0, REG_EDX, 12 }, /* libvirt 7.0 */
	{ "pge", "pge", { NULL }, FEATURE_CPUID, 0x1, 0, REG_EDX, 13 }, /* libvirt 7.0 */
	{ "mca", "mca", { NULL }, FEATURE_CPUID, 0x1, 0, REG_EDX, 14 }, /* libvirt 7.0 */
	{ "cmov", "cmov", { NULL }, FEATURE_CPUID, 0x1, 0, REG_EDX, 15 }, /* libvirt 7.0 */
	{ "pat", "pat", { NULL }, FEATURE_CPUID, 0x1, 0, REG_EDX, 16 }, /* libvirt 7.0 */
	{ "pse36", "pse36", { NULL }, FEATURE_CPUID, 0x1, 0, REG_EDX, 17 }, /* libvirt 7.0 */
	{ "pn", "pn", { NULL }, FEATURE_CPUID, 0x1, 0, REG_EDX, 18 }, /* libvirt 7.0 */
	{ "clflush", "clflush", { NULL }, FEATURE_CPUID, 0x1, 0, REG_EDX, 19 }, /* libvirt 7.0 */
	{ "ds", "ds", { NULL }, FEATURE_CPUID, 0x1, 0, REG_EDX, 21 }, /* libvirt 7.0 */
	{ "acpi", "acpi", { NULL }, FEATURE_CPUID, 0x1, 0, REG_EDX, 22 }, /* libvirt 7.0 */
	{ "mmx", "mmx", { NULL }, FEATURE_CPUID, 0x1, 0, REG_EDX, 23 }, /* libvirt 7.0 */
	{ "fxsr", "fxsr", { NULL }, FEATURE_CPUID, 0x1, 0, REG_EDX, 24 }, /* libvirt 7.0 */
	{ "sse", "sse", { NULL }, FEATURE_CPUID, 0x1, 0, REG_EDX, 25 }, /* libvirt 7.0 */
	{ "sse2", "sse2", { NULL }, FEATURE_CPUID, 0x1, 0, REG_EDX, 26 }, /* libvirt 7.0 */
	{ "ss", "ss", { NULL }, FEATURE_CPUID, 0x1, 0, REG_EDX, 27 }, /* libvirt 7.0 */
	{ "ht", "ht", { NULL }, FEATURE_OTHER, 0x1, 0, REG_EDX, 28 }, /* libvirt 7.0 */
	{ "tm", "tm", { NULL }, FEATURE_CPUID, 0x1, 0, REG_EDX, 29 }, /* libvirt 7.0 */
	{ "ia64", "ia64", { NULL }, FEATURE_CPUID, 0x1, 0, REG_EDX, 30 }, /* libvirt 7.0 */
	{ "pbe", "pbe", { NULL }, FEATURE_CPUID, 0x1, 0, REG_EDX, 31 }, /* libvirt 7.0 */

	/* 06H:EAX, thermal and power */
	{ "arat", "arat", { NULL }, FEATURE_CPUID, 0x6, 0, REG_EAX, 2 }, /* libvirt 7.0 */

	/* 07H.0:EBX, structured extended features */
	{ "fsgsbase", "fsgsbase", { NULL }, FEATURE_CPUID, 0x7, 0, REG_EBX, 0 }, /* libvirt 7.0 */
	{ "tsc_adjust", "tsc-adjust", { NULL }, FEATURE_CPUID, 0x7, 0, REG_EBX, 1 }, /* libvirt 7.0 */
	{ "sgx", "sgx", { NULL }, FEATURE_CPUID, 0x7, 0, REG_EBX, 2 }, /* libvirt 9.0 */
	{ "bmi1", "bmi1", { NULL }, FEATURE_CPUID, 0x7, 0, REG_EBX, 3 }, /* libvirt 7.0 */
	{ "hle", "hle", { NULL }, FEATURE_CPUID, 0x7, 0, REG_EBX, 4 }, /* libvirt 7.0 */
	{ "avx2", "avx2", { NULL }, FEATURE_CPUID, 0x7, 0, REG_EBX, 5 }, /* libvirt 7.0 */
	{ "fdp-excptn-only", "fdp-excptn-only", { NULL }, FEATURE_CPUID, 0x7, 0, REG_EBX, 6 }, /* libvirt 11.3 */
	{ "smep", "smep", { NULL }, FEATURE_CPUID, 0x7, 0, REG_EBX, 7 }, /* libvirt 7.0 */
	{ "bmi2", "bmi2", { NULL }, FEATURE_CPUID, 0x7, 0, REG_EBX, 8 }, /* libvirt 7.0 */
	{ "erms", "erms", { NULL }, FEATURE_CPUID, 0x7, 0, REG_EBX, 9 }, /* libvirt 7.0 */
	{ "invpcid", "invpcid", { NULL }, FEATURE_CPUID, 0x7, 0, REG_EBX, 10 }, /* libvirt 7.0 */
	{ "rtm", "rtm", { NULL }, FEATURE_CPUID, 0x7, 0, REG_EBX, 11 }, /* libvirt 7.0 */
	{ "cmt", NULL, { "cqm" }, FEATURE_CPUID, 0x7, 0, REG_EBX, 12 }, /* libvirt 7.0 */
	{ "zero-fcs-fds", "zero-fcs-fds", { NULL }, FEATURE_CPUID, 0x7, 0, REG_EBX, 13 }, /* libvirt 11.3 */
	{ "mpx", "mpx", { NULL }, FEATURE_CPUID, 0x7, 0, REG_EBX, 14 }, /* libvirt 7.0 */
	{ "avx512f", "avx512f", { NULL }, FEATURE_CPUID, 0x7, 0, REG_EBX, 16 }, /* libvirt 7.0 */
	{ "avx512dq", "avx512dq", { NULL }, FEATURE_CPUID, 0x7, 0, REG_EBX, 17 }, /* libvirt 7.0 */
	{ "rdseed", "rdseed", { NULL }, FEATURE_CPUID, 0x7, 0, REG_EBX, 18 }, /* libvirt 7.0 */
	{ "adx", "adx", { NULL }, FEATURE_CPUID, 0x7, 0, REG_EBX, 19 }, /* libvirt 7.0 */
	{ "smap", "smap", { NULL }, FEATURE_CPUID, 0x7, 0, REG_EBX, 20 }, /* libvirt 7.0 */
	{ "avx512ifma", "avx512ifma", { NULL }, FEATURE_CPUID, 0x7, 0, REG_EBX, 21 }, /* libvirt 7.0 */
	{ "pcommit", "pcommit", { NULL }, FEATURE_CPUID, 0x7, 0, REG_EBX, 22 }, /* libvirt 7.0 */
	{ "clflushopt", "clflushopt", { NULL }, FEATURE_CPUID, 0x7, 0, REG_EBX, 23 }, /* libvirt 7.0 */
	{ "clwb", "clwb", { NULL }, FEATURE_CPUID, 0x7, 0, REG_EBX, 24 }, /* libvirt 7.0 */
	{ "intel-pt", "intel-pt", { NULL }, FEATURE_CPUID, 0x7, 0, REG_EBX, 25 }, /* libvirt 7.0 */
	{ "avx512pf", "avx512pf", { NULL }, FEATURE_CPUID, 0x7, 0, REG_EBX, 26 }, /* libvirt 7.0 */
	{ "avx512er", "avx512er", { NULL }, FEATURE_CPUID, 0x7, 0, REG_EBX, 27 }, /* libvirt 7.0 */
	{ "avx512cd", "avx512cd", { NULL }, FEATURE_CPUID, 0x7, 0, REG_EBX, 28 }, /* libvirt 7.0 */
	{ "sha-ni", "sha-ni", { NULL }, FEATURE_CPUID, 0x7, 0, REG_EBX, 29 }, /* libvirt 7.0 */
	{ "avx512bw", "avx512bw", { NULL }, FEATURE_CPUID, 0x7, 0, REG_EBX, 30 }, /* libvirt 7.0 */
	{ "avx512vl", "avx512vl", { NULL }, FEATURE_CPUID, 0x7, 0, REG_EBX, 31 }, /* libvirt 7.0 */

	/* 07H.0:ECX */
	{ "avx512vbmi", "avx512vbmi", { NULL }, FEATURE_CPUID, 0x7, 0, REG_ECX, 1 }, /* libvirt 7.0 */
	{ "umip", "umip", { NULL }, FEATURE_CPUID, 0x7, 0, REG_ECX, 2 }, /* libvirt 7.0 */
	{ "pku", "pku", { NULL }, FEATURE_CPUID, 0x7, 0, REG_ECX, 3 }, /* libvirt 7.0 */
	{ "ospke", NULL, { NULL }, FEATURE_OTHER, 0x7, 0, REG_ECX, 4 }, /* libvirt 7.0 */
	{ "waitpkg", "waitpkg", { NULL }, FEATURE_CPUID, 0x7, 0, REG_ECX, 5 }, /* libvirt 7.0 */
	{ "avx512vbmi2", "avx512vbmi2", { NULL }, FEATURE_CPUID, 0x7, 0, REG_ECX, 6 }, /* libvirt 7.0 */
	{ "cet-ss", "cet-ss", { NULL }, FEATURE_CPUID, 0x7, 0, REG_ECX, 7 }, /* libvirt 12.8 */
	{ "gfni", "gfni", { NULL }, FEATURE_CPUID, 0x7, 0, REG_ECX, 8 }, /* libvirt 7.0 */
	{ "vaes", "vaes", { NULL }, FEATURE_CPUID, 0x7, 0, REG_ECX, 9 }, /* libvirt 7.0 */
	{ "vpclmulqdq", "vpclmulqdq", { NULL }, FEATURE_CPUID, 0x7, 0, REG_ECX, 10 }, /* libvirt 7.0 */
	{ "avx512vnni", "avx512vnni", { NULL }, FEATURE_CPUID, 0x7, 0, REG_ECX, 11 }, /* libvirt 7.0 */
	{ "avx512bitalg", "avx512bitalg", { NULL }, FEATURE_CPUID, 0x7, 0, REG_ECX, 12 }, /* libvirt 7.0 */
	{ "avx512-vpopcntdq", "avx512-vpopcntdq", { NULL }, FEATURE_CPUID, 0x7, 0, REG_ECX, 14 }, /* libvirt 7.0 */
	{ "la57", "la57", { NULL }, FEATURE_CPUID, 0x7, 0, REG_ECX, 16 }, /* libvirt 7.0 */
	{ "rdpid", "rdpid", { NULL }, FEATURE_CPUID, 0x7, 0, REG_ECX, 22 }, /* libvirt 7.0 */
	{ "bus-lock-detect", "bus-lock-detect", { NULL }, FEATURE_CPUID, 0x7, 0, REG_ECX, 24 }, /* libvirt 9.0 */
	{ "cldemote", "cldemote", { NULL }, FEATURE_CPUID, 0x7, 0, REG_ECX, 25 }, /* libvirt 7.0 */
	{ "movdiri", "movdiri", { NULL }, FEATURE_CPUID, 0x7, 0, REG_ECX, 27 }, /* libvirt 7.0 */
	{ "movdir64b", "movdir64b", { NULL }, FEATURE_CPUID, 0x7, 0, REG_ECX, 28 }, /* libvirt 7.0 */
	{ "sgxlc", "sgxlc", { NULL }, FEATURE_CPUID, 0x7, 0, REG_ECX, 30 }, /* libvirt 9.0 */
	{ "pks", "pks", { NULL }, FEATURE_CPUID, 0x7, 0, REG_ECX, 31 }, /* libvirt 9.0 */

	/* 07H.0:EDX */
	{ "avx512-4vnniw", "avx512-4vnniw", { NULL }, FEATURE_CPUID, 0x7, 0, REG_EDX, 2 }, /* libvirt 7.0 */
	{ "avx512-4fmaps", "avx512-4fmaps", { NULL }, FEATURE_CPUID, 0x7, 0, REG_EDX, 3 }, /* libvirt 7.0 */
	{ "fsrm", "fsrm", { NULL }, FEATURE_CPUID, 0x7, 0, REG_EDX, 4 }, /* libvirt 7.0 */
	{ "avx512-vp2intersect", "avx512-vp2intersect", { NULL }, FEATURE_CPUID, 0x7, 0, REG_EDX, 8 }, /* libvirt 9.0 */
	{ "md-clear", "md-clear", { NULL }, FEATURE_CPUID, 0x7, 0, REG_EDX, 10 }, /* libvirt 7.0 */
	{ "serialize", "serialize", { NULL }, FEATURE_CPUID, 0x7, 0, REG_EDX, 14 }, /* libvirt 9.0 */
	{ "tsx-ldtrk", "tsx-ldtrk", { NULL }, FEATURE_CPUID, 0x7, 0, REG_EDX, 16 }, /* libvirt 9.0 */
	{ "pconfig", "pconfig", { NULL }, FEATURE_CPUID, 0x7, 0, REG_EDX, 18 }, /* libvirt 7.0 */
	{ "arch-lbr", "arch-lbr", { NULL }, FEATURE_CPUID, 0x7, 0, REG_EDX, 19 }, /* libvirt 9.0 */
	{ "cet-ibt", "cet-ibt", { NULL }, FEATURE_CPUID, 0x7, 0, REG_EDX, 20 }, /* libvirt 12.8 */
	{ "amx-bf16", "amx-bf16", { NULL }, FEATURE_CPUID, 0x7, 0, REG_EDX, 22 }, /* libvirt 9.0 */
	{ "avx512-fp16", "avx512-fp16", { NULL }, FEATURE_CPUID, 0x7, 0, REG_EDX, 23 }, /* libvirt 9.0 */
	{ "amx-tile", "amx-tile", { NULL }, FEATURE_CPUID, 0x7, 0, REG_EDX, 24 }, /* libvirt 9.0 */
	{ "amx-int8", "amx-int8", { NULL }, FEATURE_CPUID, 0x7, 0, REG_EDX, 25 }, /* libvirt 9.0 */
	{ "spec-ctrl", "spec-ctrl", { NULL }, FEATURE_CPUID, 0x7, 0, REG_EDX, 26 }, /* libvirt 7.0 */
	{ "stibp", "stibp", { NULL }, FEATURE_CPUID, 0x7, 0, REG_EDX, 27 }, /* libvirt 7.0 */
	{ "flush-l1d", "flush-l1d", { NULL }, FEATURE_CPUID, 0x7, 0, REG_EDX, 28 }, /* libvirt 11.3 */
	{ "arch-capabilities", "arch-capabilities", { NULL }, FEATURE_CPUID, 0x7, 0, REG_EDX, 29 }, /* libvirt 7.0 */
	{ "core-capability", "core-capability", { NULL }, FEATURE_CPUID, 0x7, 0, REG_EDX, 30 }, /* libvirt 7.0 */
	{ "ssbd", "ssbd", { NULL }, FEATURE_CPUID, 0x7, 0, REG_EDX, 31 }, /* libvirt 7.0 */

	/* 07H.1:EAX */
	{ "sha512", "sha512", { NULL }, FEATURE_CPUID, 0x7, 1, REG_EAX, 0 }, /* libvirt 11.3 */
	{ "sm3", "sm3", { NULL }, FEATURE_CPUID, 0x7, 1, REG_EAX, 1 }, /* libvirt 11.3 */
	{ "sm4", "sm4", { NULL }, FEATURE_CPUID, 0x7, 1, REG_EAX, 2 }, /* libvirt 11.3 */
	{ "avx-vnni", "avx-vnni", { NULL }, FEATURE_CPUID, 0x7, 1, REG_EAX, 4 }, /* libvirt 9.0 */
	{ "avx512-bf16", "avx512-bf16", { NULL }, FEATURE_CPUID, 0x7, 1, REG_EAX, 5 }, /* libvirt 7.0 */
	{ "cmpccxadd", "cmpccxadd", { NULL }, FEATURE_CPUID, 0x7, 1, REG_EAX, 7 }, /* libvirt 11.3 */
	{ "fzrm", "fzrm", { NULL }, FEATURE_CPUID, 0x7, 1, REG_EAX, 10 }, /* libvirt 11.3 */
	{ "fsrs", "fsrs", { NULL }, FEATURE_CPUID, 0x7, 1, REG_EAX, 11 }, /* libvirt 11.3 */
	{ "fsrc", "fsrc", { NULL }, FEATURE_CPUID, 0x7, 1, REG_EAX, 12 }, /* libvirt 11.3 */
	{ "fred", "fred", { NULL }, FEATURE_CPUID, 0x7, 1, REG_EAX, 17 }, /* libvirt 11.3 */
	{ "lkgs", "lkgs", { NULL }, FEATURE_CPUID, 0x7, 1, REG_EAX, 18 }, /* libvirt 11.3 */
	{ "wrmsrns", "wrmsrns", { NULL }, FEATURE_CPUID, 0x7, 1, REG_EAX, 19 }, /* libvirt 11.3 */
	{ "amx-fp16", "amx-fp16", { NULL }, FEATURE_CPUID, 0x7, 1, REG_EAX, 21 }, /* libvirt 11.3 */
	{ "avx-ifma", "avx-ifma", { NULL }, FEATURE_CPUID, 0x7, 1, REG_EAX, 23 }, /* libvirt 11.3 */
	{ "lam", "lam", { NULL }, FEATURE_CPUID, 0x7, 1, REG_EAX, 26 }, /* libvirt 11.3 */
	{ "movrs", "movrs", { NULL }, FEATURE_CPUID, 0x7, 1, REG_EAX, 31 }, /* libvirt 12.8 */

	/* 07H.1:ECX */
	{ "msr-imm", "msr-imm", { NULL }, FEATURE_CPUID, 0x7, 1, REG_ECX, 5 }, /* libvirt 12.8 */

	/* 07H.1:EDX */
	{ "avx-vnni-int8", "avx-vnni-int8", { NULL }, FEATURE_CPUID, 0x7, 1, REG_EDX, 4 }, /* libvirt 11.3 */
	{ "avx-ne-convert", "avx-ne-convert", { NULL }, FEATURE_CPUID, 0x7, 1, REG_EDX, 5 }, /* libvirt 11.3 */
	{ "amx-complex", "amx-complex", { NULL }, FEATURE_CPUID, 0x7, 1, REG_EDX, 8 }, /* libvirt 11.3 */
	{ "avx-vnni-int16", "avx-vnni-int16", { NULL }, FEATURE_CPUID, 0x7, 1, REG_EDX, 10 }, /* libvirt 11.3 */
	{ "prefetchiti", "prefetchiti", { NULL }, FEATURE_CPUID, 0x7, 1, REG_EDX, 14 }, /* libvirt 11.3 */
	{ "avx10", "avx10", { NULL }, FEATURE_CPUID, 0x7, 1, REG_EDX, 19 }, /* libvirt 11.3 */
	{ "apxf", "apxf", { NULL }, FEATURE_CPUID, 0x7, 1, REG_EDX, 21 }, /* libvirt 12.8 */

	/* 07H.2:EDX */
	{ "intel-psfd", "intel-psfd", { NULL }, FEATURE_CPUID, 0x7, 2, REG_EDX, 0 }, /* libvirt 11.3 */
	{ "ipred-ctrl", "ipred-ctrl", { NULL }, FEATURE_CPUID, 0x7, 2, REG_EDX, 1 }, /* libvirt 11.3 */
	{ "rrsba-ctrl", "rrsba-ctrl", { NULL }, FEATURE_CPUID, 0x7, 2, REG_EDX, 2 }, /* libvirt 11.3 */
	{ "ddpd-u", "ddpd-u", { NULL }, FEATURE_CPUID, 0x7, 2, REG_EDX, 3 }, /* libvirt 11.3 */
	{ "bhi-ctrl", "bhi-ctrl", { NULL }, FEATURE_CPUID, 0x7, 2, REG_EDX, 4 }, /* libvirt 11.3 */
	{ "mcdt-no", "mcdt-no", { NULL }, FEATURE_CPUID, 0x7, 2, REG_EDX, 5 }, /* libvirt 11.3 */

	/* 0DH.1:EAX, XSAVE */
	{ "xsaveopt", "xsaveopt", { NULL }, FEATURE_CPUID, 0xd, 1, REG_EAX, 0 }, /* libvirt 7.0 */
	{ "xsavec", "xsavec", { NULL }, FEATURE_CPUID, 0xd, 1, REG_EAX, 1 }, /* libvirt 7.0 */
	{ "xgetbv1", "xgetbv1", { NULL }, FEATURE_CPUID, 0xd, 1, REG_EAX, 2 }, /* libvirt 7.0 */
	{ "xsaves", "xsaves", { NULL }, FEATURE_CPUID, 0xd, 1, REG_EAX, 3 }, /* libvirt 7.0 */
	{ "xfd", "xfd", { NULL }, FEATURE_CPUID, 0xd, 1, REG_EAX, 4 }, /* libvirt 9.0 */

	/* 0FH.1:EDX, monitoring */
	{ "mbm_total", NULL, { NULL }, FEATURE_CPUID, 0xf, 1, REG_EDX, 1 }, /* libvirt 7.0 */
	{ "mbm_local", NULL, { NULL }, FEATURE_CPUID, 0xf, 1, REG_EDX, 2 }, /* libvirt 7.0 */

	/* 12H.0:EAX, SGX */
	{ "sgx1", "sgx1", { NULL }, FEATURE_CPUID, 0x12, 0, REG_EAX, 0 }, /* libvirt 9.0 */
	{ "sgx2", "sgx2", { NULL }, FEATURE_CPUID, 0x12, 0, REG_EAX, 1 }, /* libvirt 9.0 */
	{ "sgx-edeccssa", "sgx-edeccssa", { NULL }, FEATURE_CPUID, 0x12, 0, REG_EAX, 11 }, /* libvirt 11.3 */

	/* 12H.0:EBX */
	{ "sgx-exinfo", "sgx-exinfo", { NULL }, FEATURE_CPUID, 0x12, 0, REG_EBX, 0 }, /* libvirt 9.0 */

	/* 12H.1:EAX */
	{ "sgx-debug", "sgx-debug", { NULL }, FEATURE_CPUID, 0x12, 1, REG_EAX, 1 }, /* libvirt 9.0 */
	{ "sgx-mode64", "sgx-mode64", { NULL }, FEATURE_CPUID, 0x12, 1, REG_EAX, 2 }, /* libvirt 9.0 */
	{ "sgx-provisionkey", "sgx-provisionkey", { NULL }, FEATURE_CPUID, 0x12, 1, REG_EAX, 4 }, /* libvirt 9.0 */
	{ "sgx-tokenkey", "sgx-tokenkey", { NULL }, FEATURE_CPUID, 0x12, 1, REG_EAX, 5 }, /* libvirt 9.0 */
	{ "sgx-kss", "sgx-kss", { NULL }, FEATURE_CPUID, 0x12, 1, REG_EAX, 7 }, /* libvirt 9.0 */
	{ "sgx-aex-notify", "sgx-aex-notify", { NULL }, FEATURE_CPUID, 0x12, 1, REG_EAX, 10 }, /* libvirt 11.3 */

	/* 14H.0:ECX, processor trace */
	{ "intel-pt-lip", "intel-pt-lip", { NULL }, FEATURE_CPUID, 0x14, 0, REG_ECX, 31 }, /* libvirt 9.0 */

	/* 1EH.1:EAX, TMUL */
	{ "amx-int8-alias", "amx-int8-alias", { NULL }, FEATURE_CPUID, 0x1e, 1, REG_EAX, 0 }, /* libvirt 12.8 */
	{ "amx-bf16-alias", "amx-bf16-alias", { NULL }, FEATURE_CPUID, 0x1e, 1, REG_EAX, 1 }, /* libvirt 12.8 */
	{ "amx-complex-alias", "amx-complex-alias", { NULL }, FEATURE_CPUID, 0x1e, 1, REG_EAX, 2 }, /* libvirt 12.8 */
	{ "amx-fp16-alias", "amx-fp16-alias", { NULL }, FEATURE_CPUID, 0x1e, 1, REG_EAX, 3 }, /* libvirt 12.8 */
	{ "amx-fp8", "amx-fp8", { NULL }, FEATURE_CPUID, 0x1e, 1, REG_EAX, 4 }, /* libvirt 12.8 */
	{ "amx-tf32", "amx-tf32", { NULL }, FEATURE_CPUID, 0x1e, 1, REG_EAX, 6 }, /* libvirt 12.8 */
	{ "amx-avx512", "amx-avx512", { NULL }, FEATURE_CPUID, 0x1e, 1, REG_EAX, 7 }, /* libvirt 12.8 */
	{ "amx-movrs", "amx-movrs", { NULL }, FEATURE_CPUID, 0x1e, 1, REG_EAX, 8 }, /* libvirt 12.8 */

	/* 24H.0:EBX, AVX10 */
	{ "avx10-128", "avx10-128", { NULL }, FEATURE_CPUID, 0x24, 0, REG_EBX, 16 }, /* libvirt 11.3 */
	{ "avx10-256", "avx10-256", { NULL }, FEATURE_CPUID, 0x24, 0, REG_EBX, 17 }, /* libvirt 11.3 */
	{ "avx10-512", "avx10-512", { NULL }, FEATURE_CPUID, 0x24, 0, REG_EBX, 18 }, /* libvirt 11.3 */

	/* 24H.1:ECX */
	{ "avx10-vnni-int", "avx10-vnni-int", { NULL }, FEATURE_CPUID, 0x24, 1, REG_ECX, 2 }, /* libvirt 12.8 */

	/* 29H.0:EBX, APX */
	{ "apx-nci-ndd-nf", "apx-nci-ndd-nf", { NULL }, FEATURE_CPUID, 0x29, 0, REG_EBX, 0 }, /* libvirt 12.8 */

	/* 4000_0001:EAX, KVM's paravirtual features: QEMU only. kvmclock has a second bit, 3. */
	{ "kvmclock", "kvmclock", { NULL }, FEATURE_OTHER, 0x40000001, 0, REG_EAX, 0 }, /* QEMU 11.0 */
	{ "kvm-nopiodelay", "kvm-nopiodelay", { NULL }, FEATURE_OTHER, 0x40000001, 0, REG_EAX, 1 }, /* QEMU 11.0 */
	{ "kvm-mmu", "kvm-mmu", { NULL }, FEATURE_OTHER, 0x40000001, 0, REG_EAX, 2 }, /* QEMU 11.0 */
	{ "kvm-asyncpf", "kvm-asyncpf", { NULL }, FEATURE_OTHER, 0x40000001, 0, REG_EAX, 4 }, /* QEMU 11.0 */
	{ "kvm-steal-time", "kvm-steal-time", { NULL }, FEATURE_OTHER, 0x40000001, 0, REG_EAX, 5 }, /* QEMU 11.0 */
	{ "kvm-pv-eoi", "kvm-pv-eoi", { NULL }, FEATURE_OTHER, 0x40000001, 0, REG_EAX, 6 }, /* QEMU 11.0 */
	{ "kvm-pv-unhalt", "kvm-pv-unhalt", { NULL }, FEATURE_OTHER, 0x40000001, 0, REG_EAX, 7 }, /* QEMU 11.0 */
	{ "kvm-pv-tlb-flush", "kvm-pv-tlb-flush", { NULL }, FEATURE_OTHER, 0x40000001, 0, REG_EAX, 9 }, /* QEMU 11.0 */
	{ "kvm-asyncpf-vmexit", "kvm-asyncpf-vmexit", { NULL }, FEATURE_OTHER, 0x40000001, 0, REG_EAX, 10 }, /* QEMU 11.0 */
	{ "kvm-pv-ipi", "kvm-pv-ipi", { NULL }, FEATURE_OTHER, 0x40000001, 0, REG_EAX, 11 }, /* QEMU 11.0 */
	{ "kvm-poll-control", "kvm-poll-control", { NULL }, FEATURE_OTHER, 0x40000001, 0, REG_EAX, 12 }, /* QEMU 11.0 */
	{ "kvm-pv-sched-yield", "kvm-pv-sched-yield", { NULL }, FEATURE_OTHER, 0x40000001, 0, REG_EAX, 13 }, /* QEMU 11.0 */
	{ "kvm-asyncpf-int", "kvm-asyncpf-int", { NULL }, FEATURE_OTHER, 0x40000001, 0, REG_EAX, 14 }, /* QEMU 11.0 */
	{ "kvm-msi-ext-dest-id", "kvm-msi-ext-dest-id", { NULL }, FEATURE_OTHER, 0x40000001, 0, REG_EAX, 15 }, /* QEMU 11.0 */
	{ "kvmclock-stable-bit", "kvmclock-stable-bit", { NULL }, FEATURE_OTHER, 0x40000001, 0, REG_EAX, 24 }, /* QEMU 11.0 */

	/* 4000_0001:EDX, its hints */
	{ "kvm-hint-dedicated", "kvm-hint-dedicated", { NULL }, FEATURE_OTHER, 0x40000001, 0, REG_EDX, 0 }, /* QEMU 11.0 */

	/* 8000_0001:ECX (APM 3, appendix E) */
	{ "lahf_lm", "lahf-lm", { NULL }, FEATURE_CPUID, 0x80000001, 0, REG_ECX, 0 }, /* libvirt 7.0 */
	{ "cmp_legacy", "cmp-legacy", { NULL }, FEATURE_OTHER, 0x80000001, 0, REG_ECX, 1 }, /* libvirt 7.0 */
	{ "svm", "svm", { NULL }, FEATURE_CPUID, 0x80000001, 0, REG_ECX, 2 }, /* libvirt 7.0 */
	{ "extapic", "extapic", { NULL }, FEATURE_CPUID, 0x80000001, 0, REG_ECX, 3 }, /* libvirt 7.0 */
	{ "cr8legacy", "cr8legacy", { NULL }, FEATURE_CPUID, 0x80000001, 0, REG_ECX, 4 }, /* libvirt 7.0 */
	{ "abm", "abm", { NULL }, FEATURE_CPUID, 0x80000001, 0, REG_ECX, 5 }, /* libvirt 7.0 */
	{ "sse4a", "sse4a", { NULL }, FEATURE_CPUID, 0x80000001, 0, REG_ECX, 6 }, /* libvirt 7.0 */
	{ "misalignsse", "misalignsse", { NULL }, FEATURE_CPUID, 0x80000001, 0, REG_ECX, 7 }, /* libvirt 7.0 */
	{ "3dnowprefetch", "3dnowprefetch", { NULL }, FEATURE_CPUID, 0x80000001, 0, REG_ECX, 8 }, /* libvirt 7.0 */
	{ "osvw", "osvw", { NULL }, FEATURE_CPUID, 0x80000001, 0, REG_ECX, 9 }, /* libvirt 7.0 */
	{ "ibs", "ibs", { NULL }, FEATURE_CPUID, 0x80000001, 0, REG_ECX, 10 }, /* libvirt 7.0 */
	{ "xop", "xop", { NULL }, FEATURE_CPUID, 0x80000001, 0, REG_ECX, 11 }, /* libvirt 7.0 */
	{ "skinit", "skinit", { NULL }, FEATURE_CPUID, 0x80000001, 0, REG_ECX, 12 }, /* libvirt 7.0 */
	{ "wdt", "wdt", { NULL }, FEATURE_CPUID, 0x80000001, 0, REG_ECX, 13 }, /* libvirt 7.0 */
	{ "lwp", "lwp", { NULL }, FEATURE_CPUID, 0x80000001, 0, REG_ECX, 15 }, /* libvirt 7.0 */
	{ "fma4", "fma4", { NULL }, FEATURE_CPUID, 0x80000001, 0, REG_ECX, 16 }, /* libvirt 7.0 */
	{ "tce", "tce", { NULL }, FEATURE_CPUID, 0x80000001, 0, REG_ECX, 17 }, /* libvirt 7.0 */
	{ "cvt16", NULL, { NULL }, FEATURE_CPUID, 0x80000001, 0, REG_ECX, 18 }, /* libvirt 7.0 */
	{ "nodeid_msr", "nodeid-msr", { NULL }, FEATURE_CPUID, 0x80000001, 0, REG_ECX, 19 }, /* libvirt 7.0 */
	{ "tbm", "tbm", { NULL }, FEATURE_CPUID, 0x80000001, 0, REG_ECX, 21 }, /* libvirt 7.0 */
	{ "topoext", "topoext", { NULL }, FEATURE_CPUID, 0x80000001, 0, REG_ECX, 22 }, /* libvirt 7.0 */
	{ "perfctr_core", "perfctr-core", { NULL }, FEATURE_CPUID, 0x80000001, 0, REG_ECX, 23 }, /* libvirt 7.0 */
	{ "perfctr_nb", "perfctr-nb", { NULL }, FEATURE_CPUID, 0x80000001, 0, REG_ECX, 24 }, /* libvirt 7.0 */

	/* 8000_0001:EDX; the copies of leaf 1 that AMD has there have no name */
	{ "syscall", "syscall", { NULL }, FEATURE_CPUID, 0x80000001, 0, REG_EDX, 11 }, /* libvirt 7.0 */
	{ "nx", "nx", { "xd" }, FEATURE_CPUID, 0x80000001, 0, REG_EDX, 20 }, /* libvirt 7.0 */
	{ "mmxext", "mmxext", { NULL }, FEATURE_CPUID, 0x80000001, 0, REG_EDX, 22 }, /* libvirt 7.0 */
	{ "fxsr_opt", "fxsr-opt", { "ffxsr" }, FEATURE_CPUID, 0x80000001, 0, REG_EDX, 25 }, /* libvirt 7.0 */
	{ "pdpe1gb", "pdpe1gb", { NULL }, FEATURE_CPUID, 0x80000001, 0, REG_EDX, 26 }, /* libvirt 7.0 */
	{ "rdtscp", "rdtscp", { NULL }, FEATURE_CPUID, 0x80000001, 0, REG_EDX, 27 }, /* libvirt 7.0 */
	{ "lm", "lm", { "i64" }, FEATURE_CPUID, 0x80000001, 0, REG_EDX, 29 }, /* libvirt 7.0 */
	{ "3dnowext", "3dnowext", { NULL }, FEATURE_CPUID, 0x80000001, 0, REG_EDX, 30 }, /* libvirt 7.0 */
	{ "3dnow", "3dnow", { NULL }, FEATURE_CPUID, 0x80000001, 0, REG_EDX, 31 }, /* libvirt 7.0 */

	/* 8000_0007:EBX, RAS */
	{ "overflow-recov", "overflow-recov", { NULL }, FEATURE_CPUID, 0x80000007, 0, REG_EBX, 0 }, /* libvirt 11.3 */
	{ "succor", "succor", { NULL }, FEATURE_CPUID, 0x80000007, 0, REG_EBX, 1 }, /* libvirt 11.3 */

	/* 8000_0007:EDX, power management */
	{ "invtsc", "invtsc", { NULL }, FEATURE_CPUID, 0x80000007, 0, REG_EDX, 8 }, /* libvirt 7.0 */

	/* 8000_0008:EBX */
	{ "clzero", "clzero", { NULL }, FEATURE_CPUID, 0x80000008, 0, REG_EBX, 0 }, /* libvirt 7.0 */
	{ "xsaveerptr", "xsaveerptr", { NULL }, FEATURE_CPUID, 0x80000008, 0, REG_EBX, 2 }, /* libvirt 7.0 */
	{ "wbnoinvd", "wbnoinvd", { NULL }, FEATURE_CPUID, 0x80000008, 0, REG_EBX, 9 }, /* libvirt 7.0 */
	{ "ibpb", "ibpb", { NULL }, FEATURE_CPUID, 0x80000008, 0, REG_EBX, 12 }, /* libvirt 7.0 */
	{ "ibrs", "ibrs", { NULL }, FEATURE_CPUID, 0x80000008, 0, REG_EBX, 14 }, /* libvirt 9.0 */
	{ "amd-stibp", "amd-stibp", { NULL }, FEATURE_CPUID, 0x80000008, 0, REG_EBX, 15 }, /* libvirt 7.0 */
	{ "stibp-always-on", "stibp-always-on", { NULL }, FEATURE_CPUID, 0x80000008, 0, REG_EBX, 17 }, /* libvirt 11.3 */
	{ "amd-ssbd", "amd-ssbd", { NULL }, FEATURE_CPUID, 0x80000008, 0, REG_EBX, 24 }, /* libvirt 7.0 */
	{ "virt-ssbd", "virt-ssbd", { NULL }, FEATURE_CPUID, 0x80000008, 0, REG_EBX, 25 }, /* libvirt 7.0 */
	{ "amd-no-ssb", "amd-no-ssb", { NULL }, FEATURE_CPUID, 0x80000008, 0, REG_EBX, 26 }, /* libvirt 7.0 */
	{ "amd-psfd", "amd-psfd", { NULL }, FEATURE_CPUID, 0x80000008, 0, REG_EBX, 28 }, /* libvirt 11.3 */

	/* 8000_000A:EDX, SVM */
	{ "npt", "npt", { NULL }, FEATURE_CPUID, 0x8000000a, 0, REG_EDX, 0 }, /* libvirt 7.0 */
	{ "lbrv", "lbrv", { NULL }, FEATURE_CPUID, 0x8000000a, 0, REG_EDX, 1 }, /* libvirt 7.0 */
	{ "svm-lock", "svm-lock", { NULL }, FEATURE_CPUID, 0x8000000a, 0, REG_EDX, 2 }, /* libvirt 7.0 */
	{ "nrip-save", "nrip-save", { NULL }, FEATURE_CPUID, 0x8000000a, 0, REG_EDX, 3 }, /* libvirt 7.0 */
	{ "tsc-scale", "tsc-scale", { NULL }, FEATURE_CPUID, 0x8000000a, 0, REG_EDX, 4 }, /* libvirt 7.0 */
	{ "vmcb-clean", "vmcb-clean", { NULL }, FEATURE_CPUID, 0x8000000a, 0, REG_EDX, 5 }, /* libvirt 7.0 */
	{ "flushbyasid", "flushbyasid", { NULL }, FEATURE_CPUID, 0x8000000a, 0, REG_EDX, 6 }, /* libvirt 7.0 */
	{ "decodeassists", "decodeassists", { NULL }, FEATURE_CPUID, 0x8000000a, 0, REG_EDX, 7 }, /* libvirt 7.0 */
	{ "pause-filter", "pause-filter", { NULL }, FEATURE_CPUID, 0x8000000a, 0, REG_EDX, 10 }, /* libvirt 7.0 */
	{ "pfthreshold", "pfthreshold", { NULL }, FEATURE_CPUID, 0x8000000a, 0, REG_EDX, 12 }, /* libvirt 7.0 */
	{ "avic", "avic", { NULL }, FEATURE_CPUID, 0x8000000a, 0, REG_EDX, 13 }, /* libvirt 9.0 */
	{ "v-vmsave-vmload", "v-vmsave-vmload", { NULL }, FEATURE_CPUID, 0x8000000a, 0, REG_EDX, 15 }, /* libvirt 9.0 */
	{ "vgif", "vgif", { NULL }, FEATURE_CPUID, 0x8000000a, 0, REG_EDX, 16 }, /* libvirt 9.0 */
	{ "gmet", "gmet", { NULL }, FEATURE_CPUID, 0x8000000a, 0, REG_EDX, 17 }, /* libvirt 12.8 */
	{ "vnmi", "vnmi", { NULL }, FEATURE_CPUID, 0x8000000a, 0, REG_EDX, 25 }, /* libvirt 11.3 */
	{ "svme-addr-chk", "svme-addr-chk", { NULL }, FEATURE_CPUID, 0x8000000a, 0, REG_EDX, 28 }, /* libvirt 9.0 */

	/* 8000_0021:EAX */
	{ "no-nested-data-bp", "no-nested-data-bp", { NULL }, FEATURE_CPUID, 0x80000021, 0, REG_EAX, 0 }, /* libvirt 11.3 */
	{ "fs-gs-base-ns", "fs-gs-base-ns", { NULL }, FEATURE_CPUID, 0x80000021, 0, REG_EAX, 1 }, /* libvirt 12.8 */
	{ "lfence-always-serializing", "lfence-always-serializing", { NULL }, FEATURE_CPUID, 0x80000021, 0, REG_EAX, 2 }, /* libvirt 11.3 */
	{ "verw-clear", "verw-clear", { NULL }, FEATURE_CPUID, 0x80000021, 0, REG_EAX, 5 }, /* libvirt 12.8 */
	{ "null-sel-clr-base", "null-sel-clr-base", { NULL }, FEATURE_CPUID, 0x80000021, 0, REG_EAX, 6 }, /* libvirt 11.3 */
	{ "auto-ibrs", "auto-ibrs", { NULL }, FEATURE_CPUID, 0x80000021, 0, REG_EAX, 8 }, /* libvirt 11.3 */
	{ "prefetchi", "prefetchi", { NULL }, FEATURE_CPUID, 0x80000021, 0, REG_EAX, 20 }, /* libvirt 12.8 */
	{ "eraps", "eraps", { NULL }, FEATURE_CPUID, 0x80000021, 0, REG_EAX, 24 }, /* libvirt 11.3 */
	{ "sbpb", "sbpb", { NULL }, FEATURE_CPUID, 0x80000021, 0, REG_EAX, 27 }, /* libvirt 11.3 */
	{ "ibpb-brtype", "ibpb-brtype", { NULL }, FEATURE_CPUID, 0x80000021, 0, REG_EAX, 28 }, /* libvirt 11.3 */
	{ "srso-no", "srso-no", { NULL }, FEATURE_CPUID, 0x80000021, 0, REG_EAX, 29 }, /* libvirt 11.3 */
	{ "srso-user-kernel-no", "srso-user-kernel-no", { NULL }, FEATURE_CPUID, 0x80000021, 0, REG_EAX, 30 }, /* libvirt 11.3 */

	/* 8000_0021:ECX */
	{ "tsa-sq-no", "tsa-sq-no", { NULL }, FEATURE_CPUID, 0x80000021, 0, REG_ECX, 1 }, /* libvirt 12.8 */
	{ "tsa-l1-no", "tsa-l1-no", { NULL }, FEATURE_CPUID, 0x80000021, 0, REG_ECX, 2 }, /* libvirt 12.8 */

	/* 8000_0022:EAX, performance monitoring */
	{ "perfmon-v2", "perfmon-v2", { NULL }, FEATURE_CPUID, 0x80000022, 0, REG_EAX, 0 }, /* libvirt 11.3 */

	/* C000_0001:EDX, VIA and Zhaoxin */
	{ "xstore", "xstore", { NULL }, FEATURE_CPUID, 0xc0000001, 0, REG_EDX, 2 }, /* libvirt 12.8 */
	{ "xstore-en", "xstore-en", { NULL }, FEATURE_CPUID, 0xc0000001, 0, REG_EDX, 3 }, /* libvirt 12.8 */
	{ "xcrypt", "xcrypt", { NULL }, FEATURE_CPUID, 0xc0000001, 0, REG_EDX, 6 }, /* libvirt 12.8 */
	{ "xcrypt-en", "xcrypt-en", { NULL }, FEATURE_CPUID, 0xc0000001, 0, REG_EDX, 7 }, /* libvirt 12.8 */
	{ "ace2", "ace2", { NULL }, FEATURE_CPUID, 0xc0000001, 0, REG_EDX, 8 }, /* libvirt 12.8 */
	{ "ace2-en", "ace2-en", { NULL }, FEATURE_CPUID, 0xc0000001, 0, REG_EDX, 9 }, /* libvirt 12.8 */
	{ "phe", "phe", { NULL }, FEATURE_CPUID, 0xc0000001, 0, REG_EDX, 10 }, /* libvirt 12.8 */
	{ "phe-en", "phe-en", { NULL }, FEATURE_CPUID, 0xc0000001, 0, REG_EDX, 11 }, /* libvirt 12.8 */
	{ "pmm", "pmm", { NULL }, FEATURE_CPUID, 0xc0000001, 0, REG_EDX, 12 }, /* libvirt 12.8 */
	{ "pmm-en", "pmm-en", { NULL }, FEATURE_CPUID, 0xc0000001, 0, REG_EDX, 13 }, /* libvirt 12.8 */

	/* MSR features, by name: IA32_CORE_CAPABILITIES (CFH), IA32_ARCH_CAPABILITIES (10AH),
	 * IA32_PERF_CAPABILITIES (345H), and VMX's (480H to 491H; SDM 3D, appendix A) */
	{ "bhi-no", "bhi-no", { NULL }, FEATURE_MSR, 0x10a, 0, REG_EAX, 20 }, /* libvirt 12.8 */
	{ "fb-clear", "fb-clear", { NULL }, FEATURE_MSR, 0x10a, 0, REG_EAX, 17 }, /* libvirt 11.3 */
	{ "fbsdp-no", "fbsdp-no", { NULL }, FEATURE_MSR, 0x10a, 0, REG_EAX, 14 }, /* libvirt 11.3 */
	{ "full-width-write", "full-width-write", { NULL }, FEATURE_MSR, 0x345, 0, REG_EAX, 13 }, /* QEMU 7.2 */
	{ "gds-no", "gds-no", { NULL }, FEATURE_MSR, 0x10a, 0, REG_EAX, 26 }, /* libvirt 11.3 */
	{ "ibrs-all", "ibrs-all", { NULL }, FEATURE_MSR, 0x10a, 0, REG_EAX, 1 }, /* libvirt 7.0 */
	{ "its-no", "its-no", { NULL }, FEATURE_MSR, 0x10a, 0, REG_EDX, 30 }, /* libvirt 12.8 */
	{ "mds-no", "mds-no", { NULL }, FEATURE_MSR, 0x10a, 0, REG_EAX, 5 }, /* libvirt 7.0 */
	{ "pbrsb-no", "pbrsb-no", { NULL }, FEATURE_MSR, 0x10a, 0, REG_EAX, 24 }, /* libvirt 11.3 */
	{ "pschange-mc-no", "pschange-mc-no", { NULL }, FEATURE_MSR, 0x10a, 0, REG_EAX, 6 }, /* libvirt 7.0 */
	{ "psdp-no", "psdp-no", { NULL }, FEATURE_MSR, 0x10a, 0, REG_EAX, 15 }, /* libvirt 11.3 */
	{ "rdctl-no", "rdctl-no", { NULL }, FEATURE_MSR, 0x10a, 0, REG_EAX, 0 }, /* libvirt 7.0 */
	{ "rfds-clear", "rfds-clear", { NULL }, FEATURE_MSR, 0x10a, 0, REG_EAX, 28 }, /* libvirt 11.3 */
	{ "rfds-no", "rfds-no", { NULL }, FEATURE_MSR, 0x10a, 0, REG_EAX, 27 }, /* libvirt 11.3 */
	{ "rsba", "rsba", { NULL }, FEATURE_MSR, 0x10a, 0, REG_EAX, 2 }, /* libvirt 7.0 */
	{ "sbdr-ssdp-no", "sbdr-ssdp-no", { NULL }, FEATURE_MSR, 0x10a, 0, REG_EAX, 13 }, /* libvirt 11.3 */
	{ "skip-l1dfl-vmentry", "skip-l1dfl-vmentry", { NULL }, FEATURE_MSR, 0x10a, 0, REG_EAX, 3 }, /* libvirt 7.0 */
	{ "split-lock-detect", "split-lock-detect", { NULL }, FEATURE_MSR, 0xcf, 0, REG_EAX, 5 }, /* libvirt 7.0 */
	{ "ssb-no", "ssb-no", { NULL }, FEATURE_MSR, 0x10a, 0, REG_EAX, 4 }, /* libvirt 7.0 */
	{ "taa-no", "taa-no", { NULL }, FEATURE_MSR, 0x10a, 0, REG_EAX, 8 }, /* libvirt 7.0 */
	{ "tsx-ctrl", "tsx-ctrl", { NULL }, FEATURE_MSR, 0x10a, 0, REG_EAX, 7 }, /* libvirt 7.0 */
	{ "vmx-activity-hlt", "vmx-activity-hlt", { NULL }, FEATURE_MSR, 0x485, 0, REG_EAX, 6 }, /* libvirt 11.3 */
	{ "vmx-activity-shutdown", "vmx-activity-shutdown", { NULL }, FEATURE_MSR, 0x485, 0, REG_EAX, 7 }, /* libvirt 11.3 */
	{ "vmx-activity-wait-sipi", "vmx-activity-wait-sipi", { NULL }, FEATURE_MSR, 0x485, 0, REG_EAX, 8 }, /* libvirt 11.3 */
	{ "vmx-any-errcode", "vmx-any-errcode", { NULL }, FEATURE_MSR, 0x480, 0, REG_EDX, 24 }, /* libvirt 11.3 */
	{ "vmx-apicv-register", "vmx-apicv-register", { NULL }, FEATURE_MSR, 0x48b, 0, REG_EDX, 8 }, /* libvirt 11.3 */
	{ "vmx-apicv-vid", "vmx-apicv-vid", { NULL }, FEATURE_MSR, 0x48b, 0, REG_EDX, 9 }, /* libvirt 11.3 */
	{ "vmx-apicv-x2apic", "vmx-apicv-x2apic", { NULL }, FEATURE_MSR, 0x48b, 0, REG_EDX, 4 }, /* libvirt 11.3 */
	{ "vmx-apicv-xapic", "vmx-apicv-xapic", { NULL }, FEATURE_MSR, 0x48b, 0, REG_EDX, 0 }, /* libvirt 11.3 */
	{ "vmx-cr3-load-noexit", "vmx-cr3-load-noexit", { NULL }, FEATURE_MSR, 0x48e, 0, REG_EDX, 15 }, /* libvirt 11.3 */
	{ "vmx-cr3-store-noexit", "vmx-cr3-store-noexit", { NULL }, FEATURE_MSR, 0x48e, 0, REG_EDX, 16 }, /* libvirt 11.3 */
	{ "vmx-cr8-load-exit", "vmx-cr8-load-exit", { NULL }, FEATURE_MSR, 0x48e, 0, REG_EDX, 19 }, /* libvirt 11.3 */
	{ "vmx-cr8-store-exit", "vmx-cr8-store-exit", { NULL }, FEATURE_MSR, 0x48e, 0, REG_EDX, 20 }, /* libvirt 11.3 */
	{ "vmx-desc-exit", "vmx-desc-exit", { NULL }, FEATURE_MSR, 0x48b, 0, REG_EDX, 2 }, /* libvirt 11.3 */
	{ "vmx-enable-user-wait-pause", "vmx-enable-user-wait-pause", { NULL }, FEATURE_MSR, 0x48b, 0, REG_EDX, 26 }, /* libvirt 11.3 */
	{ "vmx-encls-exit", "vmx-encls-exit", { NULL }, FEATURE_MSR, 0x48b, 0, REG_EDX, 15 }, /* libvirt 11.3 */
	{ "vmx-entry-ia32e-mode", "vmx-entry-ia32e-mode", { NULL }, FEATURE_MSR, 0x490, 0, REG_EDX, 9 }, /* libvirt 11.3 */
	{ "vmx-entry-load-bndcfgs", "vmx-entry-load-bndcfgs", { NULL }, FEATURE_MSR, 0x490, 0, REG_EDX, 16 }, /* libvirt 11.3 */
	{ "vmx-entry-load-cet", "vmx-entry-load-cet", { NULL }, FEATURE_MSR, 0x490, 0, REG_EDX, 20 }, /* libvirt 12.8 */
	{ "vmx-entry-load-efer", "vmx-entry-load-efer", { NULL }, FEATURE_MSR, 0x490, 0, REG_EDX, 15 }, /* libvirt 11.3 */
	{ "vmx-entry-load-fred", "vmx-entry-load-fred", { NULL }, FEATURE_MSR, 0x490, 0, REG_EDX, 23 }, /* libvirt 11.3 */
	{ "vmx-entry-load-pat", "vmx-entry-load-pat", { NULL }, FEATURE_MSR, 0x490, 0, REG_EDX, 14 }, /* libvirt 11.3 */
	{ "vmx-entry-load-perf-global-ctrl", "vmx-entry-load-perf-global-ctrl", { NULL }, FEATURE_MSR, 0x490, 0, REG_EDX, 13 }, /* libvirt 11.3 */
	{ "vmx-entry-load-pkrs", "vmx-entry-load-pkrs", { NULL }, FEATURE_MSR, 0x490, 0, REG_EDX, 22 }, /* libvirt 11.3 */
	{ "vmx-entry-load-rtit-ctl", "vmx-entry-load-rtit-ctl", { NULL }, FEATURE_MSR, 0x490, 0, REG_EDX, 18 }, /* libvirt 11.3 */
	{ "vmx-entry-noload-debugctl", "vmx-entry-noload-debugctl", { NULL }, FEATURE_MSR, 0x490, 0, REG_EDX, 2 }, /* libvirt 11.3 */
	{ "vmx-ept", "vmx-ept", { NULL }, FEATURE_MSR, 0x48b, 0, REG_EDX, 1 }, /* libvirt 11.3 */
	{ "vmx-ept-1gb", "vmx-ept-1gb", { NULL }, FEATURE_MSR, 0x48c, 0, REG_EAX, 17 }, /* libvirt 11.3 */
	{ "vmx-ept-2mb", "vmx-ept-2mb", { NULL }, FEATURE_MSR, 0x48c, 0, REG_EAX, 16 }, /* libvirt 11.3 */
	{ "vmx-ept-advanced-exitinfo", "vmx-ept-advanced-exitinfo", { NULL }, FEATURE_MSR, 0x48c, 0, REG_EAX, 22 }, /* libvirt 11.3 */
	{ "vmx-ept-execonly", "vmx-ept-execonly", { NULL }, FEATURE_MSR, 0x48c, 0, REG_EAX, 0 }, /* libvirt 11.3 */
	{ "vmx-ept-uc", "vmx-ept-uc", { NULL }, FEATURE_MSR, 0x48c, 0, REG_EAX, 8 }, /* libvirt 11.3 */
	{ "vmx-ept-wb", "vmx-ept-wb", { NULL }, FEATURE_MSR, 0x48c, 0, REG_EAX, 14 }, /* libvirt 11.3 */
	{ "vmx-eptad", "vmx-eptad", { NULL }, FEATURE_MSR, 0x48c, 0, REG_EAX, 21 }, /* libvirt 11.3 */
	{ "vmx-eptp-switching", "vmx-eptp-switching", { NULL }, FEATURE_MSR, 0x491, 0, REG_EAX, 0 }, /* libvirt 11.3 */
	{ "vmx-exit-ack-intr", "vmx-exit-ack-intr", { NULL }, FEATURE_MSR, 0x48f, 0, REG_EDX, 15 }, /* libvirt 11.3 */
	{ "vmx-exit-clear-bndcfgs", "vmx-exit-clear-bndcfgs", { NULL }, FEATURE_MSR, 0x48f, 0, REG_EDX, 23 }, /* libvirt 11.3 */
	{ "vmx-exit-clear-rtit-ctl", "vmx-exit-clear-rtit-ctl", { NULL }, FEATURE_MSR, 0x48f, 0, REG_EDX, 25 }, /* libvirt 11.3 */
	{ "vmx-exit-load-efer", "vmx-exit-load-efer", { NULL }, FEATURE_MSR, 0x48f, 0, REG_EDX, 21 }, /* libvirt 11.3 */
	{ "vmx-exit-load-pat", "vmx-exit-load-pat", { NULL }, FEATURE_MSR, 0x48f, 0, REG_EDX, 19 }, /* libvirt 11.3 */
	{ "vmx-exit-load-perf-global-ctrl", "vmx-exit-load-perf-global-ctrl", { NULL }, FEATURE_MSR, 0x48f, 0, REG_EDX, 12 }, /* libvirt 11.3 */
	{ "vmx-exit-load-pkrs", "vmx-exit-load-pkrs", { NULL }, FEATURE_MSR, 0x48f, 0, REG_EDX, 29 }, /* libvirt 11.3 */
	{ "vmx-exit-nosave-debugctl", "vmx-exit-nosave-debugctl", { NULL }, FEATURE_MSR, 0x48f, 0, REG_EDX, 2 }, /* libvirt 11.3 */
	{ "vmx-exit-save-cet", "vmx-exit-save-cet", { NULL }, FEATURE_MSR, 0x48f, 0, REG_EDX, 28 }, /* libvirt 12.8 */
	{ "vmx-exit-save-efer", "vmx-exit-save-efer", { NULL }, FEATURE_MSR, 0x48f, 0, REG_EDX, 20 }, /* libvirt 11.3 */
	{ "vmx-exit-save-pat", "vmx-exit-save-pat", { NULL }, FEATURE_MSR, 0x48f, 0, REG_EDX, 18 }, /* libvirt 11.3 */
	{ "vmx-exit-save-preemption-timer", "vmx-exit-save-preemption-timer", { NULL }, FEATURE_MSR, 0x48f, 0, REG_EDX, 22 }, /* libvirt 11.3 */
	{ "vmx-exit-secondary-ctls", "vmx-exit-secondary-ctls", { NULL }, FEATURE_MSR, 0x48f, 0, REG_EDX, 31 }, /* libvirt 11.3 */
	{ "vmx-flexpriority", "vmx-flexpriority", { NULL }, FEATURE_MSR, 0x48e, 0, REG_EDX, 21 }, /* libvirt 11.3 */
	{ "vmx-hlt-exit", "vmx-hlt-exit", { NULL }, FEATURE_MSR, 0x48e, 0, REG_EDX, 7 }, /* libvirt 11.3 */
	{ "vmx-ins-outs", "vmx-ins-outs", { NULL }, FEATURE_MSR, 0x480, 0, REG_EDX, 22 }, /* libvirt 11.3 */
	{ "vmx-intr-exit", "vmx-intr-exit", { NULL }, FEATURE_MSR, 0x48d, 0, REG_EDX, 0 }, /* libvirt 11.3 */
	{ "vmx-invept", "vmx-invept", { NULL }, FEATURE_MSR, 0x48c, 0, REG_EAX, 20 }, /* libvirt 11.3 */
	{ "vmx-invept-all-context", "vmx-invept-all-context", { NULL }, FEATURE_MSR, 0x48c, 0, REG_EAX, 26 }, /* libvirt 11.3 */
	{ "vmx-invept-single-context", "vmx-invept-single-context", { NULL }, FEATURE_MSR, 0x48c, 0, REG_EAX, 25 }, /* libvirt 11.3 */
	{ "vmx-invlpg-exit", "vmx-invlpg-exit", { NULL }, FEATURE_MSR, 0x48e, 0, REG_EDX, 9 }, /* libvirt 11.3 */
	{ "vmx-invpcid-exit", "vmx-invpcid-exit", { NULL }, FEATURE_MSR, 0x48b, 0, REG_EDX, 12 }, /* libvirt 11.3 */
	{ "vmx-invvpid", "vmx-invvpid", { NULL }, FEATURE_MSR, 0x48c, 0, REG_EDX, 0 }, /* libvirt 11.3 */
	{ "vmx-invvpid-all-context", "vmx-invvpid-all-context", { NULL }, FEATURE_MSR, 0x48c, 0, REG_EDX, 10 }, /* libvirt 11.3 */
	{ "vmx-invvpid-single-addr", "vmx-invvpid-single-addr", { NULL }, FEATURE_MSR, 0x48c, 0, REG_EDX, 8 }, /* libvirt 11.3 */
	{ "vmx-invvpid-single-context", "vmx-invvpid-single-context", { NULL }, FEATURE_MSR, 0x48c, 0, REG_EDX, 9 }, /* libvirt 11.3 */
	{ "vmx-invvpid-single-context-noglobals", "vmx-invvpid-single-context-noglobals", { "vmx-invept-single-context-noglobals" }, FEATURE_MSR, 0x48c, 0, REG_EDX, 11 }, /* libvirt 11.3 */
	{ "vmx-io-bitmap", "vmx-io-bitmap", { NULL }, FEATURE_MSR, 0x48e, 0, REG_EDX, 25 }, /* libvirt 11.3 */
	{ "vmx-io-exit", "vmx-io-exit", { NULL }, FEATURE_MSR, 0x48e, 0, REG_EDX, 24 }, /* libvirt 11.3 */
	{ "vmx-mbec", "vmx-mbec", { NULL }, FEATURE_MSR, 0x48b, 0, REG_EDX, 22 }, /* libvirt 12.8 */
	{ "vmx-monitor-exit", "vmx-monitor-exit", { NULL }, FEATURE_MSR, 0x48e, 0, REG_EDX, 29 }, /* libvirt 11.3 */
	{ "vmx-movdr-exit", "vmx-movdr-exit", { NULL }, FEATURE_MSR, 0x48e, 0, REG_EDX, 23 }, /* libvirt 11.3 */
	{ "vmx-msr-bitmap", "vmx-msr-bitmap", { NULL }, FEATURE_MSR, 0x48e, 0, REG_EDX, 28 }, /* libvirt 11.3 */
	{ "vmx-mtf", "vmx-mtf", { NULL }, FEATURE_MSR, 0x48e, 0, REG_EDX, 27 }, /* libvirt 11.3 */
	{ "vmx-mwait-exit", "vmx-mwait-exit", { NULL }, FEATURE_MSR, 0x48e, 0, REG_EDX, 10 }, /* libvirt 11.3 */
	{ "vmx-nested-exception", "vmx-nested-exception", { NULL }, FEATURE_MSR, 0x480, 0, REG_EDX, 26 }, /* libvirt 11.3 */
	{ "vmx-nmi-exit", "vmx-nmi-exit", { NULL }, FEATURE_MSR, 0x48d, 0, REG_EDX, 3 }, /* libvirt 11.3 */
	{ "vmx-page-walk-4", "vmx-page-walk-4", { NULL }, FEATURE_MSR, 0x48c, 0, REG_EAX, 6 }, /* libvirt 11.3 */
	{ "vmx-page-walk-5", "vmx-page-walk-5", { NULL }, FEATURE_MSR, 0x48c, 0, REG_EAX, 7 }, /* libvirt 11.3 */
	{ "vmx-pause-exit", "vmx-pause-exit", { NULL }, FEATURE_MSR, 0x48e, 0, REG_EDX, 30 }, /* libvirt 11.3 */
	{ "vmx-ple", "vmx-ple", { NULL }, FEATURE_MSR, 0x48b, 0, REG_EDX, 10 }, /* libvirt 11.3 */
	{ "vmx-pml", "vmx-pml", { NULL }, FEATURE_MSR, 0x48b, 0, REG_EDX, 17 }, /* libvirt 11.3 */
	{ "vmx-posted-intr", "vmx-posted-intr", { NULL }, FEATURE_MSR, 0x48d, 0, REG_EDX, 7 }, /* libvirt 11.3 */
	{ "vmx-preemption-timer", "vmx-preemption-timer", { NULL }, FEATURE_MSR, 0x48d, 0, REG_EDX, 6 }, /* libvirt 11.3 */
	{ "vmx-rdpmc-exit", "vmx-rdpmc-exit", { NULL }, FEATURE_MSR, 0x48e, 0, REG_EDX, 11 }, /* libvirt 11.3 */
	{ "vmx-rdrand-exit", "vmx-rdrand-exit", { NULL }, FEATURE_MSR, 0x48b, 0, REG_EDX, 11 }, /* libvirt 11.3 */
	{ "vmx-rdseed-exit", "vmx-rdseed-exit", { NULL }, FEATURE_MSR, 0x48b, 0, REG_EDX, 16 }, /* libvirt 11.3 */
	{ "vmx-rdtsc-exit", "vmx-rdtsc-exit", { NULL }, FEATURE_MSR, 0x48e, 0, REG_EDX, 12 }, /* libvirt 11.3 */
	{ "vmx-rdtscp-exit", "vmx-rdtscp-exit", { NULL }, FEATURE_MSR, 0x48b, 0, REG_EDX, 3 }, /* libvirt 11.3 */
	{ "vmx-secondary-ctls", "vmx-secondary-ctls", { NULL }, FEATURE_MSR, 0x48e, 0, REG_EDX, 31 }, /* libvirt 11.3 */
	{ "vmx-shadow-vmcs", "vmx-shadow-vmcs", { NULL }, FEATURE_MSR, 0x48b, 0, REG_EDX, 14 }, /* libvirt 11.3 */
	{ "vmx-store-lma", "vmx-store-lma", { NULL }, FEATURE_MSR, 0x485, 0, REG_EAX, 5 }, /* libvirt 11.3 */
	{ "vmx-true-ctls", "vmx-true-ctls", { NULL }, FEATURE_MSR, 0x480, 0, REG_EDX, 23 }, /* libvirt 11.3 */
	{ "vmx-tsc-offset", "vmx-tsc-offset", { NULL }, FEATURE_MSR, 0x48e, 0, REG_EDX, 3 }, /* libvirt 11.3 */
	{ "vmx-tsc-scaling", "vmx-tsc-scaling", { NULL }, FEATURE_MSR, 0x48b, 0, REG_EDX, 25 }, /* libvirt 11.3 */
	{ "vmx-unrestricted-guest", "vmx-unrestricted-guest", { NULL }, FEATURE_MSR, 0x48b, 0, REG_EDX, 7 }, /* libvirt 11.3 */
	{ "vmx-vintr-pending", "vmx-vintr-pending", { NULL }, FEATURE_MSR, 0x48e, 0, REG_EDX, 2 }, /* libvirt 11.3 */
	{ "vmx-vmfunc", "vmx-vmfunc", { NULL }, FEATURE_MSR, 0x48b, 0, REG_EDX, 13 }, /* libvirt 11.3 */
	{ "vmx-vmwrite-vmexit-fields", "vmx-vmwrite-vmexit-fields", { NULL }, FEATURE_MSR, 0x485, 0, REG_EAX, 29 }, /* libvirt 11.3 */
	{ "vmx-vnmi", "vmx-vnmi", { NULL }, FEATURE_MSR, 0x48d, 0, REG_EDX, 5 }, /* libvirt 11.3 */
	{ "vmx-vnmi-pending", "vmx-vnmi-pending", { NULL }, FEATURE_MSR, 0x48e, 0, REG_EDX, 22 }, /* libvirt 11.3 */
	{ "vmx-vpid", "vmx-vpid", { NULL }, FEATURE_MSR, 0x48b, 0, REG_EDX, 5 }, /* libvirt 11.3 */
	{ "vmx-wbinvd-exit", "vmx-wbinvd-exit", { NULL }, FEATURE_MSR, 0x48b, 0, REG_EDX, 6 }, /* libvirt 11.3 */
	{ "vmx-xsaves", "vmx-xsaves", { NULL }, FEATURE_MSR, 0x48b, 0, REG_EDX, 20 }, /* libvirt 11.3 */
	{ "vmx-zero-len-inject", "vmx-zero-len-inject", { NULL }, FEATURE_MSR, 0x485, 0, REG_EAX, 30 }, /* libvirt 11.3 */
};
/* clang-format on */

const size_t n_features = sizeof(features) / sizeof(features[0]);
_Static_assert(sizeof(features) / sizeof(features[0]) <= FEATURE_MAX, "FEATURE_MAX is too small");
