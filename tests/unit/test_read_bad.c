/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile and broken text: an error with file and line, in bounded time and memory; and never a host that
 * lacks what its whole text says it has. */
#include <dirent.h>
#include <errno.h>
#include <sys/resource.h>

#include "reading.h"

#define LEAF0 "leaf 00000000 00000000 0000000d 756e6547 6c65746e 49656e69\n"
#define LEAF1 "leaf 00000001 00000000 00000f61 00000800 00000001 00080271\n"
#define BEGIN "cpushim-host 1\ncpus 0\n"

/* ---- each format's lines ---- */

static void dumps(void)
{
	CHECK(fails("", 1, "no CPU up to here"));
	CHECK(fails("one\ntwo\n", 2, "no CPU up to here"));
	CHECK(fails("cpushim-host 2\n", 1, "a dump of another release of cpushim"));
	CHECK(fails("cpushim-host 1\nend\n", 1, "a dump that tells nothing"));
	CHECK(fails(BEGIN LEAF0 LEAF1, 4, "the dump has no 'end'"));
	CHECK(fails(BEGIN LEAF0 LEAF1 "cpushim-host 1\nend\n", 5, "the dump has no 'end'"));
	CHECK(fails(BEGIN LEAF0 "leaf 00000001 0000", 4, "the dump was cut off in this line"));
	CHECK(fails(BEGIN LEAF0 "end\n", 4, "a CPU without leaf 1"));
	CHECK(fails(BEGIN LEAF1 "end\n", 4, "a CPU without leaf 0"));
	CHECK(fails(BEGIN "end\n", 3, "a CPU without leaf 0"));
	CHECK(fails("cpushim-host 1\n" LEAF0 "end\n", 2, "a leaf in front of the first 'cpus'"));
	CHECK(fails(BEGIN LEAF0 LEAF1 "leaf 00000001 00000000 0 0 0 0\nend\n", 5,
		    "'leaf' has a value"));
	CHECK(fails(BEGIN "leaf 1ffffffff 00000000 00000000 00000000 00000000 00000000\n", 3,
		    "'leaf' has a value"));
	CHECK(fails(BEGIN "leaf 0x000001 00000000 00000000 00000000 00000000 00000000\n", 3,
		    "'leaf' has a value"));
	CHECK(fails(BEGIN LEAF0 LEAF1
		    "leaf 00000001 00000000 00000f62 00000800 00000001 00080271\nend\n",
		    6, "a CPU has a leaf or MSR twice"));
	CHECK(fails("cpushim-host 1\ncpus 3-1\n", 2, "'cpus' has a value"));
	CHECK(fails("cpushim-host 1\ncpus 0-99999999999999999999\n", 2, "'cpus' has a value"));
	CHECK(fails("cpushim-host 1\ncpus\n", 2, "'cpus' has a value"));
	CHECK(fails("cpushim-host 1\ntsc 99999999999999999999\n", 2, "'tsc' has a value"));
	CHECK(fails("cpushim-host 1\ntsc -1\n", 2, "'tsc' has a value"));
	CHECK(fails("cpushim-host 1\ntsc-scaling perhaps\n", 2, "'tsc-scaling' has a value"));
	CHECK(fails("cpushim-host 1\nname\n", 2, "'name' has a value"));
	CHECK(fails(BEGIN "msr 10a 1\n", 3, "'msr' has a value"));
	CHECK(fails("cpushim-host 1\nkvm gives aes\n", 2, "'kvm' has a value"));
	CHECK(fails("cpushim-host 1\nkvm has aes\nkvm lacks aes\n", 3,
		    "kvm is said to have and to lack aes"));
	CHECK(fails("cpushim-host 1\n\033[2J\033]0;x\007\n", 2, "the dump has no 'end'"));
}

static void vendors(void)
{
	CHECK(fails(BEGIN "leaf 00000000 00000000 0000000d 1b5b334a 6c65746e 49656e69\n" LEAF1
			  "end\n",
		    5, "leaf 0 has a vendor that no x86 CPU has"));
}

static void raws(void)
{
	CHECK(fails("basic_cpuid[0]=0000000d 68747541 444d4163\n", 1,
		    "not as libcpuid writes raw data"));
	CHECK(fails("basic_cpuid[0]=0000000d 68747541 444d4163 69746e65\nbasic_cpuid[32]=0 0 0 0\n",
		    2, "not as libcpuid writes raw data"));
	CHECK(fails("basic_cpuid[0]=0000000d 68747541 444d4163 69746e65\n"
		    "basic_cpuid[99999999999999999999]=00000000 00000000 00000000 00000000\n",
		    2, "not as libcpuid writes raw data"));
	CHECK(fails("basic_cpuid[0]=0000000d 68747541 444d4163 69746e65\n", 1,
		    "libcpuid's raw data of CPU 0 isn't complete"));
	CHECK(fails(
		"_________________ Logical CPU #0 _________________\narm_midr=00000000411fd070\n",
		2, "libcpuid's raw data without a leaf of an x86 CPU"));
	CHECK(fails("_________________ Logical CPU #99999 _________________\n", 1,
		    "not as libcpuid writes raw data"));
	CHECK(fails("_________________ Logical CPU #0 _________________\n"
		    "basic_cpuid[1]=0000000d 68747541 444d4163 69746e65\n"
		    "basic_cpuid[1]=0000000d 68747541 444d4163 69746e65\n",
		    3, "that leaf is there twice"));
}

/* A leaf that was lost from the middle */
static void lost_leaf(void)
{
	_cleanup_free_ char *data = NULL;
	_cleanup_reading_ struct reading r = {0};
	size_t len;
	char *line, *next;

	if (!CHECK(file_read(SAMPLES "libcpuid.txt", TRUST_ANY, 1 << 20, &data, &len, NULL) == 0))
		return;
	line = strstr(data, "basic_cpuid[7]=");
	next = line ? strchr(line, '\n') + 1 : data;
	memmove(line ? line : data, next, strlen(next) + 1);
	reading_text(&r, data);
	CHECK(r.result == -EINVAL && strstr(r.err.what, "raw data of CPU 0 isn't complete"));
}

#define AIDA0 "CPUID 00000000: 00000001-756E6547-6C65746E-49656E69\n"

static void reports(void)
{
	CHECK(fails("CPUID 00000000: 00000001-756E6547-6C65746E-49656E6\n", 1,
		    "not as AIDA64 writes"));
	CHECK(fails("CPUID 00000000: 00000001-756E6547-6C65746E-49656E699\n", 1,
		    "not as AIDA64 writes"));
	CHECK(fails(AIDA0 "CPUID 00000007: 00000000-00000000-00000000-00000000 [SL 1FFFFFFFF]\n", 2,
		    "not as AIDA64 writes"));
	CHECK(fails(AIDA0 "CPUID 00000007: 00000000-00000000-00000000-00000000 [SL", 2,
		    "not as AIDA64 writes"));
	CHECK(fails(AIDA0 "CPUID 000", 2, "not as AIDA64 writes"));
	CHECK(fails("------[ Logical CPU #0 ]------\n------[ Logical CPU #1 ]------\n", 1,
		    "a CPU without leaf 0"));
	CHECK(fails("------[ Logical CPU #0 ]------\n" AIDA0 "------[ Logical CPU #1 ]------\n", 2,
		    "a CPU without leaf 1"));
	/* the extended leaves go on to 80000008H */
	CHECK(fails(AIDA0 "CPUID 00000001: 00000F61-00000800-00000001-00080271\n"
			  "CPUID 80000000: 80000008-00000000-00000000-00000000\n"
			  "CPUID 80000001: 00000000-00000000-00000000-20100800\n",
		    4, "the CPU lacks its leaves from 80000002 on"));
	/* all CPUs with SSE2 have them */
	CHECK(fails(AIDA0 "CPUID 00000001: 00000F61-00000800-00000001-04080271\n", 2,
		    "a CPU without its extended leaves"));
}

static void listings(void)
{
	CHECK(fails("CPU 0:\n   0x00000000 0x00: eax=0x1 ebx=0x0\n", 2,
		    "not as cpuid -r writes a leaf"));
	CHECK(fails("CPU 0:\n   0x00000000 0x00: eax=0x00000001 ebx=0x756e6547 ecx=0x6c65746e "
		    "edx=0x49656e\n",
		    2, "not as cpuid -r writes a leaf"));
	CHECK(fails("CPU 0:\nCPU 1:\n", 1, "a CPU without leaf 0"));
	CHECK(fails("cpushim-guest 1\ncpu 1\n", 2, "neither a vCPU nor a leaf"));
	CHECK(fails("cpushim-guest 1\n00000000 00000000 0 0 0 0\n", 2,
		    "neither a vCPU nor a leaf"));
	CHECK(fails("cpushim-guest 1\ncpu 0\n", 2, "the guest's dump has no 'end'"));
}

/* ---- sizes ---- */

/* The hosts of @head, @n times @line with eight digits for its '@', and @tail. */
static void many(struct reading *r, const char *head, const char *line, size_t n, const char *tail)
{
	_cleanup_text_ struct text t = {0};
	size_t before = strcspn(line, "@");

	text_adds(&t, head);
	for (size_t i = 0; i < n; i++) {
		text_add(&t, line, before);
		if (line[before])
			text_addf(&t, "%08zx%s", i, line + before + 1);
	}
	text_adds(&t, tail);
	if (CHECK(!t.failed))
		reading_bytes(r, t.data, t.len);
}

static void sizes(void)
{
	static const struct {
		const char *head, *line, *what;
		size_t n;
	} cases[] = {
		{BEGIN LEAF0, "leaf 00000004 @ 00000000 00000000 00000000 00000000\n",
		 "more leaves than any CPU has", 1000000},
		{BEGIN LEAF0, "msr @ 0000000000000000\n", "more MSRs than a dump has", 100000},
		{"", "x", "a line of more than 65536 bytes", 1000000},
		{"<cpu>\n", "<feature name='f@'/>\n", "an XML element of more than 4 MB", 400000},
		{"<cpu ", "a@='' ", "an XML element of more than 4 MB", 1000000},
		{"<cpu>", "<a>", "an XML element", 2000000},
		{"", "nothing @\n", "no CPU in the 64 MB in front", 4200000},
		{"cpushim-host 1\n", "cpus 0-8191\n" LEAF0 LEAF1 "@\n",
		 "a host of more than 8192 CPUs", 3},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_reading_ struct reading r = {0};

		many(&r, cases[i].head, cases[i].line, cases[i].n, "end\n");
		if (!CHECK(r.result == -EINVAL && r.n == 0) ||
		    !CHECK(strncmp(r.err.what, cases[i].what, strlen(cases[i].what)) == 0))
			printf("  %zu: %zu hosts, %s: %s\n", i, r.n, r.err.where, r.err.what);
	}
}

/* Very many hosts: none is retained. */
static void hosts(void)
{
	_cleanup_reading_ struct reading r = {0};
	struct rusage before, after;

	(void)getrusage(RUSAGE_SELF, &before);
	many(&r, "", "cpushim-host 1\nname n@\ntcg has aes\nend\n", 100000, "");
	(void)getrusage(RUSAGE_SELF, &after);
	CHECK(r.result == 0 && r.n == 100000);
	/* the text alone has 4.3 MB */
	CHECK(after.ru_maxrss - before.ru_maxrss < 16 << 10);
}

static void bytes(void)
{
	static const struct {
		const char *text, *what;
		size_t len;
		unsigned int line;
	} cases[] = {
		{"cpushim-host 1\nname a\0b\nend\n", "a NUL byte", 27, 2},
		{"\0\0\0\0", "a NUL byte", 4, 1},
		{"<cpu>\n\0</cpu>\n", "a NUL byte in the XML", 14, 1},
		{"\x1f\x8b\x08\x00", "is compressed by gzip", 4, 1},
		{"\xff\xfe"
		 "C\0P\0U\0",
		 "is UTF-16", 8, 1},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_reading_ struct reading r = {0};
		char where[16];

		(void)snprintf(where, sizeof(where), "text:%u", cases[i].line);
		reading_bytes(&r, cases[i].text, cases[i].len);
		CHECK(r.result == -EINVAL &&
		      strncmp(r.err.what, cases[i].what, strlen(cases[i].what)) == 0);
		CHECK_STR(r.err.where, where);
	}
}

/* ---- cut off anywhere ---- */

/* A host of a part of the text has no feature as absent that the whole has. */
static bool part_is_right(const struct host *part, const struct host *whole)
{
	for (int accel = 0; accel < HOST_ACCELS; accel++) {
		struct featset absent = part->view[accel].known;

		featset_subtract(&absent, &part->view[accel].has);
		featset_intersect(&absent, &whole->view[accel].has);
		if (featset_count(&absent)) {
			printf("  lacks %s\n", names_of(&absent));
			return false;
		}
	}
	return true;
}

/* Each @step bytes. Returns how many of the parts were read as hosts, and not as an error. */
static size_t cut(const char *name, const char *data, size_t len, size_t step)
{
	_cleanup_reading_ struct reading whole = {0};
	size_t taken = 0, wrong = 0;

	reading_bytes(&whole, data, len);
	CHECK(whole.result == 0);
	for (size_t end = 0; end < len; end += step) {
		_cleanup_reading_ struct reading part = {0};

		reading_bytes(&part, data, end);
		taken += part.result == 0;
		for (size_t i = 0; i < part.n; i++)
			wrong += i >= whole.n || !part_is_right(&part.host[i], &whole.host[i]);
	}
	if (!CHECK(wrong == 0))
		printf("  %s: %zu parts\n", name, wrong);
	return taken;
}

/* Where a text may end without being cut off: behind its last line's end, or between two CPUs, by which
 * nobody can tell that there were more. */
static void cuts(void)
{
	static const struct {
		const char *file;
		size_t ends; /* bytes at which a part is a text of itself */
	} ends[] = {
		{"dump.txt", 1}, /* its last line's end may be missing */
		{"guest.txt", 1}, {"cpudata.xml", 1}, {"domain.xml", 1}, {"cpuid-1r.txt", 1},
	};

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		_cleanup_free_ char *path = NULL, *data = NULL;
		size_t len, taken;

		if (asprintf(&path, SAMPLES "%s", ends[i].file) < 0 ||
		    !CHECK(file_read(path, TRUST_ANY, 1 << 20, &data, &len, NULL) == 0))
			return;
		taken = cut(path, data, len, 1);
		if (!CHECK(taken == ends[i].ends))
			printf("  %s: %zu parts were read\n", path, taken);
	}
}

static void cut_all(void)
{
	DIR *dir = opendir(SAMPLES);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		_cleanup_free_ char *path = NULL, *data = NULL;
		size_t len;

		if (entry->d_name[0] == '.' || asprintf(&path, SAMPLES "%s", entry->d_name) < 0)
			continue;
		if (CHECK(file_read(path, TRUST_ANY, 1 << 20, &data, &len, NULL) == 0))
			(void)cut(path, data, len, 1 + len / 250);
	}
	CHECK(dir && closedir(dir) == 0);
}

int main(void)
{
	CHECK(setenv("CPUSHIM_ROOT", "/nonexistent", 1) == 0);
	dumps();
	vendors();
	raws();
	lost_leaf();
	reports();
	listings();
	sizes();
	hosts();
	bytes();
	cuts();
	cut_all();
	return check_done();
}
