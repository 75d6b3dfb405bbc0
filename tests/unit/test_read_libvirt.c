/* SPDX-License-Identifier: Apache-2.0 */
/* What libvirt writes of hosts and guests, with a small map of our own. */
#include <sys/stat.h>

#include "cpumap/fleet/stockmodels.h"
#include "reading.h"

/* A map with a model that has these, in a root that CPUSHIM_ROOT names. */
#define SMALL "fpu tsc msr cx8 cmov mmx fxsr sse sse2 pni nx lm syscall monitor"

static void add_feature(struct text *map, const struct feature *f)
{
	static const char *const reg[] = {"eax", "ebx", "ecx", "edx"};

	if (f->kind == FEATURE_CPUID)
		text_addf(map,
			  "<feature name='%s'><cpuid eax_in='0x%x' ecx_in='0x%x' "
			  "%s='0x%x'/></feature>\n",
			  f->name, f->leaf, f->subleaf, reg[f->reg], 1u << f->bit);
}

static bool make_map(const char *root)
{
	_cleanup_text_ struct text map = {0};
	_cleanup_free_ char *path = NULL;
	struct featset small = set_of(SMALL);

	text_adds(&map, "<cpus><arch name='x86'>\n"
			"<vendor name='Intel' string='GenuineIntel'/>\n"
			"<vendor name='AMD' string='AuthenticAMD'/>\n");
	for (size_t i = 0; i < n_features; i++)
		add_feature(&map, &features[i]);
	text_adds(&map, "<model name='small'>\n");
	for (size_t i = 0; i < n_features; i++)
		if (featset_has(&small, i))
			text_addf(&map, "<feature name='%s'/>\n", features[i].name);
	text_adds(&map, "</model>\n</arch></cpus>\n");
	if (asprintf(&path, "%s/usr/share/libvirt/cpu_map/index.xml", root) < 0)
		return false;
	for (char *slash = path + strlen(root); (slash = strchr(slash + 1, '/'));) {
		*slash = '\0';
		(void)mkdir(path, 0755);
		*slash = '/';
	}
	return file_write(path, 0644, map.data, map.len, NULL, NULL) == 0;
}

static void capabilities(void)
{
	_cleanup_reading_ struct reading r = {0};
	struct host *h = &r.host[0];
	const struct host_view *view = &h->view[HOST_CPU];

	reading_path(&r, SAMPLES "capabilities.xml", false);
	if (!CHECK(r.result == 0 && r.n == 1))
		return;
	CHECK_STR(h->id.vendor, "AuthenticAMD");
	CHECK(h->id.family == 23 && h->id.model == 1 && h->id.stepping == 2);
	CHECK_STR(h->microcode, "0x0800126e");
	CHECK(h->physbits == 48 && h->tsc_hz == 2195000000 && h->tsc_scaling == 1);
	CHECK(has(view, "fpu sse2 pni lm aes avx2"));
	/* libvirt from 8.7 on knows these, and would have named them */
	CHECK(lacks(view, "avx svm avx512f la57 arat"));
	/* what later ones know; what maps have added to models and taken away; what isn't the CPU's */
	CHECK(unknown(view, "avx-vnni fred monitor mpx intel-pt ht"));
	CHECK(!host_tells(h, HOST_KVM) && !host_tells(h, HOST_TCG));
}

static void offers(void)
{
	_cleanup_reading_ struct reading r = {0};
	const struct host_view *view = &r.host[0].view[HOST_KVM];

	reading_path(&r, SAMPLES "domcapabilities.xml", false);
	if (!CHECK(r.result == 0 && r.n == 1))
		return;
	CHECK(!host_tells(&r.host[0], HOST_CPU) && !host_tells(&r.host[0], HOST_TCG));
	CHECK(has(view, "fpu sse2 lm x2apic") && lacks(view, "pni avx svm avx512f"));
	/* QEMU would give what can't be migrated */
	CHECK(unknown(view, "invtsc xsaves monitor hypervisor"));
	CHECK(r.host[0].physbits == 48);
}

/* virsh capabilities; virsh domcapabilities: one host */
static void one_host(void)
{
	_cleanup_reading_ struct reading r = {0};
	struct host *h = &r.host[0];

	reading_path(&r, SAMPLES "virsh.xml", false);
	if (!CHECK(r.result == 0 && r.n == 1))
		return;
	CHECK_STR(h->name, "virsh");
	CHECK(has(&h->view[HOST_CPU], "aes pni") && has(&h->view[HOST_KVM], "x2apic"));
	CHECK(lacks(&h->view[HOST_KVM], "pni") && lacks(&h->view[HOST_TCG], "pni"));
}

#define CAPS(vendor)                                                                               \
	"<capabilities><host><cpu><arch>x86_64</arch><model>small</model><vendor>" vendor          \
	"</vendor></cpu></host></capabilities>\n"
#define OFFER(type, vendor)                                                                        \
	"<domainCapabilities><domain>" type "</domain><arch>x86_64</arch><cpu>"                    \
	"<mode name='host-model' supported='yes'><model>small</model><vendor>" vendor              \
	"</vendor></mode></cpu></domainCapabilities>\n"

static size_t hosts_in(const char *text)
{
	_cleanup_reading_ struct reading r = {0};

	reading_text(&r, text);
	CHECK(r.result == 0);
	return r.n;
}

/* An answer goes with the host in front of it only if it must be that host's. */
static void whose_offer(void)
{
	CHECK(hosts_in(CAPS("AMD") OFFER("kvm", "AMD") OFFER("qemu", "AMD")) == 1);
	CHECK(hosts_in(CAPS("AMD") OFFER("kvm", "AMD") CAPS("AMD") OFFER("kvm", "AMD")) == 2);
	CHECK(hosts_in(CAPS("AMD") OFFER("kvm", "AMD") OFFER("kvm", "AMD")) == 2);
	CHECK(hosts_in(CAPS("AMD") OFFER("kvm", "Intel")) == 2);
	CHECK(hosts_in(OFFER("kvm", "AMD") OFFER("qemu", "AMD")) == 2);
	CHECK(hosts_in(CAPS("AMD") CAPS("AMD") OFFER("kvm", "AMD") OFFER("kvm", "AMD")) == 4);
	CHECK(hosts_in(CAPS("AMD") "between\n" OFFER("kvm", "AMD")) == 2);
}

static void guests(void)
{
	_cleanup_reading_ struct reading r = {0};
	const struct host_view *view = &r.host[0].view[HOST_CPU];

	reading_path(&r, SAMPLES "domain.xml", false);
	if (!CHECK(r.result == 0 && r.n == 1))
		return;
	CHECK_STR(r.host[0].name, "guest & more");
	CHECK(has(view, "aes lm") && lacks(view, "pni svm") && unknown(view, "avx avx512f"));
	CHECK(fails("<domain><cpu mode='host-model'/></domain>\n", 1,
		    "mode='host-model' doesn't say"));
	CHECK(fails("\n<domain>\n<name>x</name>\n</domain>\n", 2, "a <domain> without a <cpu>"));
	CHECK(fails("<cpu><model>nobody</model></cpu>\n", 1,
		    "libvirt's map here lacks the model 'nobody'"));
	CHECK(fails("<cpu><arch>ppc64</arch><model>small</model></cpu>\n", 1, "a CPU of 'ppc64'"));
	CHECK(fails(
		"<cpu>\n<model>small</model>\n<feature name='aes'/>\n<feature name='aes'/></cpu>\n",
		4, "feature 'aes' is there twice"));
	CHECK(fails("<cpu><model>small</model>\n<feature name='aes' policy='maybe'/></cpu>\n", 2,
		    "a <feature> without a name"));
}

/* Without the model nothing that isn't named is known; match='minimum' leaves the rest open. */
static void open_ends(void)
{
	_cleanup_reading_ struct reading r = {0};

	reading_text(
		&r,
		"<cpu><model>nobody</model><feature name='aes'/><feature name='new-one'/></cpu>\n"
		"<cpu match='minimum'><model>small</model><feature policy='forbid' "
		"name='avx'/></cpu>\n");
	if (!CHECK(r.result == 0 && r.n == 2))
		return;
	CHECK(has(&r.host[0].view[HOST_CPU], "aes"));
	CHECK(featset_count(&r.host[0].view[HOST_CPU].known) == 1);
	CHECK(lacks(&r.host[1].view[HOST_CPU], "avx") && unknown(&r.host[1].view[HOST_CPU], "svm"));
}

/* How old the libvirt was is known by what it names. */
static void ages(void)
{
	_cleanup_reading_ struct reading r = {0};

	reading_text(&r, "<cpu><model>small</model></cpu>\n"
			 "<cpu><model>small</model><feature name='spec-ctrl'/></cpu>\n"
			 "<cpu><model>small</model><feature name='gfni'/></cpu>\n"
			 "<cpu><model>small</model><feature name='sm3'/></cpu>\n");
	if (!CHECK(r.result == 0 && r.n == 4))
		return;
	CHECK(lacks(&r.host[0].view[HOST_CPU], "svm smap") &&
	      unknown(&r.host[0].view[HOST_CPU], "avx512f"));
	CHECK(unknown(&r.host[1].view[HOST_CPU], "avx512f")); /* it is in old ones by a fix */
	CHECK(lacks(&r.host[2].view[HOST_CPU], "avx512f la57") &&
	      unknown(&r.host[2].view[HOST_CPU], "vaes"));
	CHECK(lacks(&r.host[3].view[HOST_CPU], "vaes avx-vnni") &&
	      unknown(&r.host[3].view[HOST_CPU], "fred"));
}

#define CPUID(leaf, sub, a, b, c, d)                                                               \
	"<cpuid eax_in='" leaf "' ecx_in='" sub "' eax='" a "' ebx='" b "' ecx='" c "' edx='" d    \
	"'/>\n"

static void cpudata(void)
{
	_cleanup_reading_ struct reading r = {0};
	const struct host_view *view = &r.host[0].view[HOST_CPU];

	/* function= is of libvirt 1.3; numbers may be decimal */
	reading_text(&r,
		     "<cpudata arch='x86'>\n"
		     "<cpuid function='0x0' eax='7' ebx='0x756e6547' ecx='0x6c65746e' "
		     "edx='0x49656e69'/>\n" CPUID("0x1", "0x0", "0xf61", "0", "1", "1") CPUID(
			     "0x7", "0x0", "0", "0", "0",
			     "0x20000000") CPUID("0x80000000", "0x0", "0x80000001", "0", "0", "0")
			     CPUID("0x80000001", "0x0", "0", "0", "0",
				   "0") "<msr index='0x10a' eax='0x1' edx='0x0'/>\n</cpudata>\n");
	if (CHECK(r.result == 0 && r.n == 1)) {
		CHECK(has(view, "fpu pni arch-capabilities rdctl-no") &&
		      lacks(view, "ibrs-all lm"));
		CHECK(unknown(view, "arat"));
	}
	CHECK(fails("<cpudata arch='ppc64'/>\n", 1, "<cpudata> of another architecture"));
	CHECK(fails("<cpudata arch='x86'>\n<cpuid eax='1'/></cpudata>\n", 2,
		    "<cpuid> without a leaf"));
	CHECK(fails("<cpudata arch='x86'>\n" CPUID("0x1", "0x0", "0x1ffffffff", "0", "0",
						   "0") "</cpudata>\n",
		    2, "<cpuid> without a number in eax="));
	CHECK(fails("<cpudata arch='x86'>\n" CPUID("0x1", "-1", "0", "0", "0", "0") "</cpudata>\n",
		    2, "<cpuid> with an ecx_in= that isn't a number"));
	CHECK(fails("<cpudata arch='x86'></cpudata>\n", 1, "a CPU without leaf 0"));
}

/* Elements in others, in comments, and what isn't XML. */
static void around(void)
{
	_cleanup_reading_ struct reading r = {0};

	reading_text(&r, "<?xml version='1.0' encoding='UTF-8'?>\n"
			 "<!-- two\n<cpu><model>small</model></cpu>\n-->\n"
			 "<hosts>\n  " CAPS("AMD") "  " CAPS(
				 "Intel") "</hosts>\n"
					  "<cpus>\n<model name='x'/>\n</cpus>\n");
	CHECK(r.result == 0 && r.n == 2);
	CHECK(hosts_in("<cpu a='/>' b=\"'/>\"><!-- </cpu> --><![CDATA[</cpu>]]><?x </cpu> ?>"
		       "<model>small</model></cpu><cpu><model>small</model></cpu >\n") == 2);
	CHECK(fails("\n<cpu>\n<model x=y>small</model></cpu>\n", 3, "isn't well-formed XML"));
	CHECK(fails("\n<cpu>\n<model>small\n", 2, "an XML element begins here and doesn't end"));
	CHECK(fails("<!DOCTYPE cpu [<!ENTITY a 'b'>]>\n<cpu/>\n", 1, "a DOCTYPE"));
	CHECK(fails("<cpu><!DOCTYPE cpu>\n</cpu>\n", 1, "a DOCTYPE"));
	CHECK(fails("<cpu><model>&small;</model></cpu>\n", 1, "isn't well-formed XML"));
	CHECK(fails("<domainCapabilities><domain>xen</domain><arch>x86_64</arch></"
		    "domainCapabilities>\n",
		    1, "<domainCapabilities> of neither kvm nor qemu"));
	CHECK(fails("<domainCapabilities><domain>kvm</domain><arch>x86_64</arch>\n<cpu>\n"
		    "<mode name='host-model' supported='no'/></cpu></domainCapabilities>\n",
		    3, "<domainCapabilities> without a host-model"));
	CHECK(fails("<capabilities>\n<host/></capabilities>\n", 1,
		    "<capabilities> without the host's <cpu>"));
}

/* Much in one line */
static void one_line(void)
{
	_cleanup_text_ struct text t = {0};
	_cleanup_reading_ struct reading r = {0};

	text_adds(&t, "<capabilities><host><!--");
	for (int i = 0; i < 20000; i++)
		text_adds(&t, " <cpu> ");
	text_adds(
		&t,
		"--><cpu><arch>x86_64</arch><model>small</model></cpu></host></capabilities>" CAPS(
			"AMD"));
	reading_bytes(&r, t.data, t.len);
	CHECK(r.result == 0 && r.n == 2);
}

/* No map here: only what is named is known. */
static void without_map(const char *root)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_reading_ struct reading r = {0};

	if (asprintf(&path, "%s/usr/share/libvirt/cpu_map/index.xml", root) < 0)
		return;
	CHECK(unlink(path) == 0);
	stockmodels_free();
	reading_path(&r, SAMPLES "capabilities.xml", false);
	if (CHECK(r.result == 0 && r.n == 1)) {
		CHECK_STR(names_of(&r.host[0].view[HOST_CPU].known), "aes avx2");
		CHECK_STR(r.host[0].id.vendor, "AuthenticAMD");
	}
}

int main(void)
{
	char root[] = "/tmp/test_read.XXXXXX";
	_cleanup_free_ char *remove = NULL;

	if (!CHECK(mkdtemp(root) && setenv("CPUSHIM_ROOT", root, 1) == 0 && make_map(root)))
		return check_done();
	capabilities();
	offers();
	one_host();
	whose_offer();
	guests();
	open_ends();
	ages();
	cpudata();
	around();
	one_line();
	without_map(root);
	if (asprintf(&remove, "rm -rf %s", root) > 0)
		CHECK(system(remove) == 0);
	return check_done();
}
