/* SPDX-License-Identifier: Apache-2.0 */
/* One CPU in every format, each format by itself, and what stands behind each other. */
#include "reading.h"

/* All that are known of the sample by its leaves. */
static struct reading sample;

static struct host_view *cpu_of(struct reading *r)
{
	return &r->host[0].view[HOST_CPU];
}

static void check_sample(struct reading *r, const char *file, const char *format, unsigned int cpus)
{
	_cleanup_free_ char *path = NULL;
	struct host *h = &r->host[0];

	if (asprintf(&path, SAMPLES "%s", file) < 0)
		return;
	reading_path(r, path, false);
	if (!CHECK(r->result == 0 && r->n == 1)) {
		printf("  %s: %s: %s\n", path, r->err.where, r->err.what);
		return;
	}
	CHECK_STR(h->format, format);
	CHECK_STR(h->id.vendor, "AuthenticAMD");
	CHECK(h->id.family == 23 && h->id.model == 1 && h->id.stepping == 2);
	CHECK_STR(h->brand, "Sample Processor 64");
	CHECK(h->cpus == cpus && h->physbits == 48 && !h->uneven);
	CHECK(!contradicts(&h->view[HOST_CPU], cpu_of(&sample)));
}

/* Those that list all leaves tell the same. */
static void all_leaves(void)
{
	static const struct {
		const char *file, *format;
		unsigned int cpus;
	} files[] = {
		{"aida-registers.txt", "AIDA64", 2}, {"aida-affmask.txt", "AIDA64", 2},
		{"cpuid-r.txt", "cpuid -r", 2},      {"cpuid-1r.txt", "cpuid -r", 1},
		{"guest.txt", "guest", 2},
	};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_reading_ struct reading r = {0};

		check_sample(&r, files[i].file, files[i].format, files[i].cpus);
		CHECK(featset_equal(&cpu_of(&r)->has, &cpu_of(&sample)->has));
		CHECK(featset_equal(&cpu_of(&r)->known, &cpu_of(&sample)->known));
	}
}

/* What a format doesn't write is unknown. */
static void some_leaves(void)
{
	static const struct {
		const char *file, *format, *unknown;
		unsigned int cpus;
	} files[] = {
		{"libcpuid.txt", "libcpuid raw", "avx-vnni xsavec no-nested-data-bp", 1},
		{"libcpuid-all.txt", "libcpuid raw", "avx-vnni xsavec no-nested-data-bp", 2},
		/* without SL a line can be any subleaf */
		{"aida-logical.txt", "AIDA64", "avx-vnni xsavec", 2},
		{"aida-cpu.txt", "AIDA64", "avx-vnni xsavec", 2},
		{"cpuinfo.txt", "/proc/cpuinfo", "amd-ssbd xsaves la57 null-sel-clr-base", 2},
		{"lscpu.txt", "lscpu", "amd-ssbd xsaves la57 null-sel-clr-base", 2},
	};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_reading_ struct reading r = {0};

		check_sample(&r, files[i].file, files[i].format, files[i].cpus);
		CHECK(unknown(cpu_of(&r), files[i].unknown));
		CHECK(has(cpu_of(&r), "avx2 lm svm npt"));
		CHECK(lacks(cpu_of(&r), "avx512f xop"));
	}
}

static void dump(void)
{
	struct host *h = &sample.host[0];

	CHECK_STR(h->name, "node7.example.org");
	CHECK_STR(h->origin, SAMPLES "dump.txt:1");
	CHECK_STR(h->format, "cpushim dump");
	CHECK_STR(h->kernel, "6.1.0-28-amd64");
	CHECK_STR(h->microcode, "0x0800126e");
	CHECK_STR(h->qemu_version, "7.2.22");
	CHECK_STR(h->libvirt_version, "9.0.0");
	CHECK(h->tsc_hz == 2195000000 && h->tsc_scaling == 1);
	CHECK(has(&h->view[HOST_CPU], "avx-vnni xsavec xsaves no-nested-data-bp svm arat"));
	CHECK(lacks(&h->view[HOST_CPU], "avx512f la57 sgx1 amx-tile"));
	CHECK(has(&h->view[HOST_KVM], "aes sse2") && lacks(&h->view[HOST_KVM], "avx512f svm"));
	CHECK(unknown(&h->view[HOST_KVM], "avx2"));
	CHECK(has(&h->view[HOST_TCG], "aes pni") && lacks(&h->view[HOST_TCG], "avx512f"));
}

/* Something else than the CPU decides those. */
static void not_the_cpus(void)
{
	for (int accel = 0; accel < HOST_ACCELS; accel++)
		CHECK(unknown(&sample.host[0].view[accel],
			      "osxsave ospke hypervisor ht cmp_legacy"));
}

static void names(void)
{
	_cleanup_reading_ struct reading r = {0};

	reading_text(&r, "cpushim-host 1\n"
			 "name a\\x1b[31m\\x00 b\n"
			 "tcg has aes no-such-feature-yet\n"
			 "end\n"
			 "cpushim-host 1\ntcg has aes\nend\n"
			 "cpushim-host 1\nname twice\ntcg has aes\nend\n"
			 "cpushim-host 1\nname twice\ntcg has aes\nend\n");
	if (!CHECK(r.result == 0 && r.n == 4))
		return;
	CHECK_STR(r.host[0].name, "a\033[31m\\x00 b");
	CHECK_STR(r.host[1].name, "text:2");
	CHECK_STR(r.host[2].name, "twice");
	CHECK_STR(r.host[3].name, "twice");
	CHECK_STR(r.host[2].origin, "text:8");
	CHECK_STR(r.host[3].origin, "text:12");
	CHECK(!host_tells(&r.host[0], HOST_CPU) && host_tells(&r.host[0], HOST_TCG));
}

/* All samples one behind the other, with something else between them: each format ends where the next
 * begins. */
static void behind_each_other(void)
{
	static const char *const files[] = {
		"aida-logical.txt", "aida-cpu.txt",     "cpuid-1r.txt",     "cpuid-1r.txt",
		"cpuid-r.txt",      "cpuid-r.txt",      "libcpuid.txt",     "libcpuid.txt",
		"libcpuid-all.txt", "libcpuid-all.txt", "aida-affmask.txt", "aida-affmask.txt",
		"cpudata.xml",      "cpuinfo.txt",      "cpuinfo.txt",      "lscpu.txt",
		"lscpu.txt",        "guest.txt",        "guest.txt",        "aida-cpu.txt",
		"dump.txt",         "dump.txt"};

	for (int noise = 0; noise < 2; noise++) {
		_cleanup_text_ struct text all = {0};
		_cleanup_reading_ struct reading r = {0};

		for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
			_cleanup_free_ char *path = NULL, *data = NULL;
			size_t len;

			if (asprintf(&path, SAMPLES "%s", files[i]) < 0 ||
			    file_read(path, TRUST_ANY, 1 << 20, &data, &len, NULL) < 0)
				return;
			text_add(&all, data, len);
			text_adds(&all, noise ? "\n--- 8< --- what a person pastes between\n" : "");
		}
		reading_bytes(&r, all.data, all.len);
		if (!CHECK(r.result == 0 && r.n == ARRAY_SIZE(files)))
			printf("  %zu hosts of %zu, %s: %s\n", r.n, ARRAY_SIZE(files), r.err.where,
			       r.err.what);
		for (size_t i = 0; i < r.n; i++)
			CHECK(!contradicts(&r.host[i].view[HOST_CPU], cpu_of(&sample)));
	}
}

/* ---- CPUs that differ ---- */

#define LEAF0 "leaf 00000000 00000000 0000000d 756e6547 6c65746e 49656e69\n"
#define LEAF1 "leaf 00000001 00000000 00000f61 00000800 80000001 00080271\n"
#define MORE  "leaf 00000001 00000000 00000f61 03000800 82000001 10080271\n" /* and aes */
#define EXT                                                                                        \
	"leaf 80000000 00000000 80000008 00000000 00000000 00000000\n"                             \
	"leaf 80000001 00000000 00000000 00000000 00000000 20100800\n"
#define BITS(n) "leaf 80000008 00000000 000000" n " 00000000 00000000 00000000\n"
#define SEVEN   "leaf 00000007 00000000 00000000 00000020 00000000 00000000\n" /* avx2 */

static void uneven(void)
{
	_cleanup_reading_ struct reading r = {0};

	reading_text(&r, "cpushim-host 1\n"
			 "cpus 0-3\n" LEAF0 MORE SEVEN EXT BITS(
				 "28") "cpus 4-7,9\n" LEAF0 LEAF1 SEVEN EXT BITS("24") "end\n");
	if (!CHECK(r.result == 0 && r.n == 1))
		return;
	CHECK(r.host[0].uneven && r.host[0].cpus == 9 && r.host[0].physbits == 36);
	CHECK(has(cpu_of(&r), "avx2 pni") && lacks(cpu_of(&r), "aes"));
}

/* Address bits alone make no host uneven, and the fewest count: a guest may run on any of its CPUs. */
static void fewest_bits(void)
{
	_cleanup_reading_ struct reading r = {0};

	reading_text(&r, "cpushim-host 1\n"
			 "cpus 0\n" LEAF0 LEAF1 SEVEN EXT BITS(
				 "28") "cpus 1\n" LEAF0 LEAF1 SEVEN EXT BITS("24") "end\n");
	CHECK(r.result == 0 && r.n == 1 && !r.host[0].uneven && r.host[0].physbits == 36);
}

/* The APIC ID and the number of CPUs (leaf 1, EBX) and ht don't make a host uneven; ht is FEATURE_OTHER. */
static void topology(void)
{
	_cleanup_reading_ struct reading r = {0};

	reading_text(
		&r, "cpushim-host 1\n"
		    "cpus 0\n" LEAF0 LEAF1 EXT BITS(
			    "28") "cpus 1\n" LEAF0
				  "leaf 00000001 00000000 00000f61 01020800 80000001 10080271\n" EXT
					  BITS("28") "end\n");
	CHECK(r.result == 0 && r.n == 1 && !r.host[0].uneven && r.host[0].cpus == 2);
}

/* A CPU that lacks a leaf which the first one has was cut off, unless the leaf says nothing. */
static void fewer_leaves(void)
{
	_cleanup_reading_ struct reading r = {0};

	CHECK(fails("cpushim-host 1\n"
		    "cpus 0\n" LEAF0 LEAF1 SEVEN EXT BITS("28") "cpus 1\n" LEAF0 LEAF1 EXT BITS(
			    "28") "end\n",
		    15, "CPU 1 lacks leaf 00000007, subleaf 0"));
	reading_text(&r, "cpushim-host 1\n"
			 "cpus 0\n" LEAF0 LEAF1 EXT BITS("28") "cpus 1\n" LEAF0 LEAF1 EXT "end\n");
	CHECK(r.result == 0 && r.n == 1 && !r.host[0].uneven);
	CHECK(lacks(cpu_of(&r), "clzero wbnoinvd")); /* the first one does */
}

int main(void)
{
	reading_path(&sample, SAMPLES "dump.txt", false);
	if (CHECK(sample.result == 0 && sample.n == 1)) {
		dump();
		not_the_cpus();
		all_leaves();
		some_leaves();
		names();
		behind_each_other();
		uneven();
		fewest_bits();
		topology();
		fewer_leaves();
	}
	reading_free(&sample);
	return check_done();
}
