/* SPDX-License-Identifier: Apache-2.0 */
/* What tells flags alone: /proc/cpuinfo, lscpu, and Proxmox's cpu-models.conf. */
#include "cpumap/fleet/kernelflags.h"
#include "cpumap/fleet/stockmodels.h"
#include "reading.h"

static struct host_view view_of(const char *vendor, const char *flags)
{
	struct host_view view;

	kernelflags_tell(vendor, (struct line){.s = flags, .len = strlen(flags)}, &view);
	return view;
}

/* Some are called otherwise, and some mean another bit on another vendor's CPU, or none. */
static void meanings(void)
{
	struct host_view intel =
		view_of("GenuineIntel", "dts ds_cpl ibrs ibpb stibp ssbd vnmi arat "
					"split_lock_detect nonstop_tsc sgx_lc");
	struct host_view amd =
		view_of("AuthenticAMD", "ibrs ibpb stibp ssbd vnmi arat cqm_mbm_total "
					"3dnowprefetch");

	CHECK_STR(names_of(&intel.has), "arat ds ds_cpl invtsc sgxlc spec-ctrl ssbd stibp");
	CHECK_STR(names_of(&amd.has), "amd-stibp ibpb ibrs mbm_total vnmi");
	CHECK(unknown(&amd, "3dnowprefetch arat ssbd amd-ssbd virt-ssbd stibp"));
	CHECK(lacks(&intel, "3dnowprefetch"));
	CHECK(unknown(&intel, "ibpb ibrs amd-stibp split-lock-detect vnmi"));
}

/* How old the kernel was is known by what it shows. */
static void ages(void)
{
	struct host_view old = view_of("GenuineIntel", "fpu"),
			 middle = view_of("GenuineIntel", "fpu cpuid"),
			 fixed = view_of("GenuineIntel", "fpu md_clear"),
			 newer = view_of("GenuineIntel", "fpu avx_vnni");

	CHECK(lacks(&old, "avx2 aes svm-lock") && unknown(&old, "avx512f smap gfni vmx"));
	CHECK(lacks(&middle, "avx512f smap") && unknown(&middle, "gfni avx-vnni"));
	CHECK(unknown(&fixed, "avx512f smap"));
	CHECK(lacks(&newer, "avx512f gfni") && unknown(&newer, "amx-tile lam"));
	/* the kernel may hide them, doesn't show them, or dropped the name */
	CHECK(unknown(&newer, "xsaves la57 x2apic vmx svm mpx amx-fp16 fsrs null-sel-clr-base"));
}

#define BLOCK(n, flags)                                                                            \
	"processor\t: " n "\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 85\n"          \
	"model name\t: A CPU\nstepping\t: 4\nflags\t\t: " flags                                    \
	"\naddress sizes\t: 46 bits physical, 48 bits virtual\npower management:\n\n"

static void cpuinfo(void)
{
	_cleanup_reading_ struct reading r = {0};

	reading_text(&r, BLOCK("0", "fpu aes") BLOCK("1", "fpu") BLOCK("0", "fpu aes")
				 BLOCK("2", "fpu aes"));
	if (!CHECK(r.result == 0 && r.n == 2))
		return;
	CHECK(r.host[0].uneven && lacks(&r.host[0].view[HOST_CPU], "aes"));
	CHECK(!r.host[1].uneven && has(&r.host[1].view[HOST_CPU], "fpu aes"));
	CHECK_STR(r.host[1].origin, "text:21");
	CHECK(r.host[1].cpus == 2 && r.host[1].physbits == 46 && r.host[1].id.model == 85);
}

static void bad_cpuinfo(void)
{
	_cleanup_reading_ struct reading r = {0};

	reading_text(&r, "Architecture: x86_64\nVendor ID: Genuine\033[31m\nStepping: "
			 "99999999999\nFlags: fpu\n");
	CHECK(r.n == 1 && *r.host[0].id.vendor == '\0' && r.host[0].id.stepping == -1);
	CHECK(fails("processor\t: 0\nBogoMIPS\t: 50.00\nFeatures\t: fp asimd\n\n", 4,
		    "CPU 0 has no 'flags'"));
	CHECK(fails("processor\t: 0\nflags\t\t: fpu aes\nbogomips\t: 5\n", 3,
		    "CPU 0 has no 'power management'"));
	CHECK(fails("processor\t: 0\nflags\t\t: fpu ae", 2, "CPU 0 has no 'flags'"));
	CHECK(fails(BLOCK("0", "fpu") "processor\t: 1\n", 11, "CPU 1 has no 'flags'"));
	CHECK(fails("processor\t: 0\nflags\t: fpu\nflags\t: aes\n", 3, "a CPU has 'flags' twice"));
}

static void lscpu(void)
{
	_cleanup_reading_ struct reading r = {0};

	/* util-linux 2.38 indents */
	reading_text(&r, "Architecture:            x86_64\n"
			 "  Address sizes:         46 bits physical, 48 bits virtual\n"
			 "CPU(s):                  4\n"
			 "Vendor ID:               GenuineIntel\n"
			 "  BIOS Vendor ID:        QEMU\n"
			 "  Model name:            A CPU\n"
			 "    CPU family:          6\n"
			 "    Model:               85\n"
			 "    Stepping:            4\n"
			 "    Flags:               fpu aes ibrs\n");
	if (CHECK(r.result == 0 && r.n == 1)) {
		CHECK_STR(names_of(&r.host[0].view[HOST_CPU].has), "aes fpu spec-ctrl");
		CHECK_STR(r.host[0].brand, "A CPU");
		CHECK_STR(r.host[0].id.vendor, "GenuineIntel");
		CHECK(r.host[0].cpus == 4 && r.host[0].physbits == 46 &&
		      r.host[0].id.stepping == 4);
	}
	CHECK(fails("Architecture: aarch64\n", 1, "a CPU of 'aarch64'"));
	CHECK(fails("Architecture: x86_64\nVendor ID: GenuineIntel\n", 2,
		    "lscpu's 'Flags' aren't there"));
	CHECK(fails("Architecture: x86_64\nFlags: fpu ae", 2,
		    "lscpu's 'Flags' aren't there, or not all"));
}

/* Without libvirt's map the flags alone are known. */
static void proxmox(void)
{
	_cleanup_reading_ struct reading r = {0};

	reading_path(&r, SAMPLES "cpu-models.conf", false);
	if (CHECK(r.result == 0 && r.n == 2)) {
		CHECK_STR(r.host[0].name, "gate");
		CHECK(has(&r.host[0].view[HOST_CPU], "aes") &&
		      lacks(&r.host[0].view[HOST_CPU], "svm"));
		CHECK(featset_count(&r.host[0].view[HOST_CPU].known) == 2 &&
		      r.host[0].physbits == 40);
		CHECK_STR(r.host[1].name, "newer");
		CHECK_STR(names_of(&r.host[1].view[HOST_CPU].known), "avx avx2");
	}
	CHECK(fails("cpu-model: x\n    flags aes\n", 2, "a flag without + or -"));
	CHECK(fails("cpu-model: x\n    flags +aes;-aes\n", 2, "a flag that is on and off"));
	CHECK(fails("cpu-model: x\n    flags +aes;+av", 2, "the text was cut off in this line"));
	CHECK(fails("cpu-model:\n", 1, "a cpu-model without a name"));
	CHECK(fails("cpu-model: x\n    reported-model nobody\n", 1, "a cpu-model without flags"));
}

int main(void)
{
	CHECK(setenv("CPUSHIM_ROOT", "/nonexistent", 1) == 0);
	meanings();
	ages();
	cpuinfo();
	bad_cpuinfo();
	lscpu();
	proxmox();
	return check_done();
}
