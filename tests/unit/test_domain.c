/* SPDX-License-Identifier: Apache-2.0 */
/* A domain's XML: finding <cpu> to the byte, reading what it asks, and deciding on it. */
#include "hook/core/record.h"
#include "hook/domain/domain.h"
#include "hook/domain/mark.h"
#include "hook/domain/splice.h"
#include "hook/worker/decide.h"
#include "check.h"

#define DIGEST "0000000000000000000000000000000000000000000000000000000000000001"

static const struct table_row gate = {
	.model = "gate",
	.emulator = "/usr/bin/qemu-system-x86_64",
	.refused = "",
	.digest = DIGEST,
	.origin = "gate.xml:1",
	.base = "kvm64",
	.vendor = "GenuineIntel",
	.family = "15",
	.cpu_model = "6",
	.stepping = "1",
	.features = "fpu,nx,pni",
	.brings = "pni,vme",
	.tcg_lacks = "",
	.cpu = "kvm64,vendor=GenuineIntel,family=15,model=6,stepping=1,fpu=on,nx=on,pni=on,vme=off,"
	       "enforce",
};

/* The inside of /domain/cpu, or NULL. */
static char *cpu_of(const char *xml)
{
	struct element root, cpu;

	if (!splice_root(xml, strlen(xml), &root) ||
	    !splice_child(xml, &root.inside, root.inside.start, "cpu", &cpu))
		return NULL;
	return strndup(xml + cpu.inside.start, cpu.inside.end - cpu.inside.start);
}

static void test_splice(void)
{
	static const struct {
		const char *xml, *cpu; /* NULL: there is none */
	} cases[] = {
		{"<domain><cpu>x</cpu></domain>", "x"},
		{"<domain><cpu/></domain>", ""},
		{"<domain><cpu a='/>'>x</cpu></domain>", "x"},
		{"<domain><cpu a=\"'>\">x</cpu></domain>", "x"},
		{"<domain><cpu\n\ta='b'\n>x</cpu\n></domain>", "x"},
		{"<domain><a><cpu>no</cpu></a><cpu>x</cpu></domain>", "x"},
		{"<domain><cpu><cpu>in</cpu>x</cpu></domain>", "<cpu>in</cpu>x"},
		{"<domain><cputune>no</cputune><cpu>x</cpu></domain>", "x"},
		{"<domain><n:cpu>no</n:cpu><cpu>x</cpu></domain>", "x"},
		{"<domain><!-- <cpu>no</cpu> --><cpu>x</cpu></domain>", "x"},
		{"<domain><![CDATA[<cpu>no</cpu>]]><cpu>x</cpu></domain>", "x"},
		{"<domain><?p <cpu>no</cpu>?><cpu>x</cpu></domain>", "x"},
		{"<?xml version='1.0'?><!-- <a> --><domain><cpu>x</cpu></domain><!-- > -->", "x"},
		{"<domain><cpu>x<!-- </cpu> --></cpu></domain>", "x<!-- </cpu> -->"},
		{"<domain><a/><b><c/></b></domain>", NULL},
		{"<domain/>", NULL},
		{"", NULL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *cpu = cpu_of(cases[i].xml);

		if (cases[i].cpu)
			CHECK_STR(cpu, cases[i].cpu);
		else
			CHECK(!cpu);
	}
}

/* Never given any, but a text cut anywhere must not be read beyond: without its NUL, so that a
 * sanitizer sees it. */
static void test_splice_cut(void)
{
	static const char xml[] =
		"<?x?><domain a='>'><!-- - --><![CDATA[]]><cpu a=\"/>\"><a/></cpu>"
		"</domain>";

	for (size_t len = 1; len < sizeof(xml); len++) {
		_cleanup_free_ char *cut = malloc(len);
		struct element root, cpu;

		if (!cut)
			continue;
		memcpy(cut, xml, len);
		if (splice_root(cut, len, &root) &&
		    splice_child(cut, &root.inside, root.inside.start, "cpu", &cpu))
			CHECK(cpu.all.end <= len && cpu.inside.end <= cpu.all.end &&
			      cpu.inside.start <= cpu.inside.end);
	}
}

static void test_uuid(void)
{
	static const char good[] = "6b2f0d3e-52cf-4b1f-9a57-3a1e8f1c2d64";
	char bad[sizeof(good)];

	CHECK(uuid_valid(good, UUID_LEN));
	CHECK(!uuid_valid(good, UUID_LEN - 1));
	for (size_t i = 0; i < UUID_LEN; i++) {
		static const char wrong[] = "/.gAG -";

		for (size_t w = 0; w < sizeof(wrong); w++) {
			memcpy(bad, good, sizeof(good));
			if (bad[i] == wrong[w])
				continue;
			bad[i] = wrong[w];
			CHECK(!uuid_valid(bad, UUID_LEN));
		}
	}
	CHECK(record_remove("../../etc/passwd") < 0);
	CHECK(!record_exists("."));
}

/* A domain with that <cpu>. The text must be kept: the domain points into it. */
static char *read_domain(struct domain *d, const char *type, const char *cpu)
{
	char *xml = NULL;

	if (asprintf(&xml, "<domain type='%s'><name>d</name>%s</domain>", type, cpu) < 0)
		return NULL;
	CHECK(domain_read(d, xml, strlen(xml), "d", NULL) == 0);
	return xml;
}

static void test_read(void)
{
	static const struct {
		const char *cpu, *model;
	} cases[] = {
		{"<cpu><model>gate</model></cpu>", "gate"},
		{"<cpu mode='custom'><model>gate</model></cpu>", "gate"},
		{"<cpu mode='host-model'><model>gate</model></cpu>", NULL},
		{"<cpu mode='maximum'><model>gate</model></cpu>", NULL},
		{"<cpu><model>g<!-- x -->a<![CDATA[te]]></model></cpu>", "gate"},
		{"<cpu><model>&#103;ate</model></cpu>", "gate"},
		{"<cpu xmlns='urn:x'><model>gate</model></cpu>", NULL},
		{"<cpu><model xmlns='urn:x'>gate</model></cpu>", NULL},
		{"<cpu><a><model>gate</model></a></cpu>", NULL},
		{"<cpu><topology/></cpu>", NULL},
		{"<metadata><cpu><model>gate</model></cpu></metadata>", NULL},
		{"<cpu><model/></cpu>", ""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_domain_ struct domain d;
		_cleanup_free_ char *xml = read_domain(&d, "kvm", cases[i].cpu);

		CHECK(xml && d.kvm);
		if (cases[i].model)
			CHECK_STR(d.model, cases[i].model);
		else
			CHECK(!d.model);
	}
}

/* The first reason why not, or "". */
static char *why_not(const char *type, const char *cpu, const struct facts *f)
{
	_cleanup_domain_ struct domain d;
	_cleanup_reasons_ struct reasons reasons = {0};
	_cleanup_free_ char *xml = read_domain(&d, type, cpu);

	CHECK(xml);
	decide_request(&d, f, &reasons);
	return strdup(reasons.n ? reasons.item[0].text : "");
}

static bool refused_for(const char *type, const char *cpu, const struct facts *f, const char *words)
{
	_cleanup_free_ char *why = why_not(type, cpu, f);

	return *words ? strstr(why, words) != NULL : !*why;
}

static void test_request(void)
{
	static const char plain[] = "<cpu><model>gate</model></cpu>";
	struct table_row row = gate;
	struct table_qemu qemu = {.emulator = row.emulator};
	struct table table = {.row = &row, .n = 1, .qemu = &qemu, .n_qemus = 1};
	struct facts f = {.table = &table, .row = &row};
	struct featset kvm = {0};

	CHECK(refused_for("qemu", plain, &f, ""));
	CHECK(refused_for("kvm", plain, &f, "")); /* no KVM to ask: in doubt it passes */
	CHECK(refused_for("kvm", "<vcpu>1</vcpu><cpu><model>gate</model></cpu>", &f, ""));
	CHECK(refused_for("kvm", "<vcpu current='1'>2</vcpu><cpu><model>gate</model></cpu>", &f,
			  "shows apic to"));
	CHECK(refused_for("qemu", "<vcpu>2</vcpu><cpu><model>gate</model></cpu>", &f, ""));
	CHECK(refused_for("kvm",
			  "<vcpu>2</vcpu><cpu><model>gate</model><feature name='apic' "
			  "policy='require'/></cpu>",
			  &f, ""));
	f.kvm = &kvm;
	CHECK(refused_for("kvm", plain, &f, "can't provide: fpu nx pni;"));
	CHECK(featset_parse(&kvm, "fpu,pni", 7, ',', NULL) == 0);
	CHECK(refused_for("kvm", plain, &f, "can't provide: nx;"));
	CHECK(refused_for("kvm",
			  "<cpu><model>gate</model><feature name='nx' policy='disable'/></cpu>", &f,
			  ""));
	CHECK(refused_for("kvm",
			  "<cpu><model>gate</model><feature name='xd' policy='optional'/></cpu>",
			  &f, ""));
	CHECK(refused_for("kvm",
			  "<cpu><model>gate</model><feature name='nx' policy='require'/></cpu>", &f,
			  "nx"));
	CHECK(refused_for("qemu", plain, &f, ""));
	row.tcg_lacks = "nx";
	CHECK(refused_for("qemu", plain, &f, "TCG of this QEMU can't provide: nx;"));
	row.refused = "why";
	CHECK(refused_for("qemu", plain, &f, "(gate.xml:1): why"));
	row = gate;
	CHECK(refused_for("qemu", "<cpu match='minimum'><model>gate</model></cpu>", &f,
			  "match='minimum'"));
	f.emulator = "/usr/bin/qemu-system-x86_64";
	CHECK(refused_for("qemu", plain, &f, "isn't cpushim's wrapper"));
	f.wrapper = true;
	CHECK(refused_for("qemu", plain, &f, ""));
	f.emulator = "/staged/root/usr/bin/qemu-system-x86_64";
	CHECK(refused_for("qemu", plain, &f, ""));
	f.emulator = "/usr/bin/another";
	CHECK(refused_for("qemu", plain, &f, "no models for its emulator"));
}

static bool started_with(const char *arg, const struct record *r)
{
	struct table table = {0};
	const struct facts f = {.table = &table, .row = &gate};
	_cleanup_reasons_ struct reasons reasons = {0};

	decide_started(arg, &f, r, &reasons);
	return reasons_none(&reasons);
}

/* With what is inside <domain>: reasons, one a line. */
static void reasons_for(struct text *out, const char *inside, const struct facts *f)
{
	_cleanup_domain_ struct domain d = {0};
	_cleanup_reasons_ struct reasons reasons = {0};
	_cleanup_free_ char *xml = NULL;
	int len = asprintf(&xml, "<domain type='kvm'>%s</domain>", inside);

	text_adds(out, "");
	if (!CHECK(len > 0 && domain_read(&d, xml, (size_t)len, "d", NULL) == 0))
		return;
	decide_request(&d, f, &reasons);
	for (size_t i = 0; i < reasons.n; i++)
		text_addf(out, "%s\n", reasons.item[i].text);
}

/* A KVM that lacks some of what QEMU adds by itself: not the model's, but enforce refuses it. */
static void test_paravirtual(void)
{
	static const struct {
		const char *offers; /* besides the model's features */
		const char *inside;
		const char *lacks; /* all that is refused, in order; "" for none */
		const char *cure;  /* somewhere in the reasons */
	} cases[] = {
		{"kvmclock,kvm-nopiodelay,kvm-asyncpf,kvm-steal-time,kvm-pv-eoi,kvmclock-stable-"
		 "bit",
		 "", "", NULL},
		{"kvmclock,kvm-nopiodelay,kvm-asyncpf,kvm-pv-eoi,kvmclock-stable-bit", "",
		 "kvm-steal-time", "<feature policy='disable' name='kvm-steal-time'/>"},
		{"kvmclock,kvm-nopiodelay,kvm-asyncpf,kvm-pv-eoi,kvmclock-stable-bit", "",
		 "kvm-steal-time", "<kvm><hidden state='on'/></kvm>"},
		{"kvm-nopiodelay,kvm-asyncpf,kvm-steal-time", "",
		 "kvmclock kvm-pv-eoi kvmclock-stable-bit",
		 "<timer name='kvmclock' present='no'/>"},
		{"kvm-nopiodelay,kvm-asyncpf,kvm-steal-time", "",
		 "kvmclock kvm-pv-eoi kvmclock-stable-bit", "<apic eoi='off'/>"},
		/* each cure takes its own away */
		{"kvm-nopiodelay,kvm-asyncpf,kvm-steal-time",
		 "<clock><timer name='rtc' present='no'/><timer name='kvmclock' "
		 "present='no'/></clock>",
		 "kvm-pv-eoi kvmclock-stable-bit", NULL},
		{"kvm-nopiodelay,kvm-asyncpf,kvm-steal-time",
		 "<features><apic eoi='off'/></features>", "kvmclock kvmclock-stable-bit", NULL},
		{"kvm-nopiodelay,kvm-asyncpf,kvm-steal-time",
		 "<features><kvm><hidden state='on'/></kvm></features>", "", NULL},
		/* and what looks like one doesn't */
		{"kvm-nopiodelay,kvm-asyncpf,kvm-steal-time",
		 "<features><kvm><hidden state='off'/></kvm><apic eoi='on'/></features>"
		 "<clock><timer name='kvmclock' present='yes'/></clock>",
		 "kvmclock kvm-pv-eoi kvmclock-stable-bit", NULL},
		/* a KVM that offers none is asked in another way by QEMU */
		{"", "", "", NULL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_text_ struct text inside = {0}, said = {0}, lacks = {0};
		struct table_row row = gate;
		struct table_qemu qemu = {.emulator = row.emulator};
		struct table table = {.row = &row, .n = 1, .qemu = &qemu, .n_qemus = 1};
		struct featset kvm, more;
		struct facts f = {.table = &table, .row = &row, .kvm = &kvm};
		const char *at;

		CHECK(featset_parse(&kvm, row.features, strlen(row.features), ',', NULL) == 0);
		CHECK(featset_parse(&more, cases[i].offers, strlen(cases[i].offers), ',', NULL) ==
		      0);
		featset_union(&kvm, &more);
		text_addf(&inside, "%s<cpu><model>gate</model></cpu>", cases[i].inside);
		reasons_for(&said, inside.data, &f);
		text_adds(&lacks, "");
		for (at = said.data; (at = strstr(at, "KVM lacks ")); at++)
			text_addf(&lacks, "%s%.*s", lacks.len ? " " : "",
				  (int)strcspn(at + 10, ","), at + 10);
		CHECK_STR(lacks.data, cases[i].lacks);
		CHECK(!cases[i].cure || strstr(said.data, cases[i].cure));
		/* nothing of it concerns TCG, or a base that QEMU computes */
		row.base = "max";
		text_free(&said);
		reasons_for(&said, inside.data, &f);
		CHECK_STR(said.data, "");
	}
}

/* The domain's own word counts. */
static void test_paravirtual_own(void)
{
	static const char pv[] =
		"kvmclock,kvm-nopiodelay,kvm-asyncpf,kvm-pv-eoi,kvmclock-stable-bit";
	struct table_row row = gate;
	struct table_qemu qemu = {.emulator = row.emulator};
	struct table table = {.row = &row, .n = 1, .qemu = &qemu, .n_qemus = 1};
	struct featset kvm, more;
	struct facts f = {.table = &table, .row = &row, .kvm = &kvm};

	CHECK(featset_parse(&kvm, row.features, strlen(row.features), ',', NULL) == 0);
	CHECK(featset_parse(&more, pv, strlen(pv), ',', NULL) == 0);
	featset_union(&kvm, &more);
	CHECK(refused_for("kvm", "<cpu><model>gate</model></cpu>", &f, "lacks kvm-steal-time,"));
	CHECK(refused_for("qemu", "<cpu><model>gate</model></cpu>", &f, ""));
	CHECK(refused_for(
		"kvm",
		"<cpu><model>gate</model><feature policy='disable' name='kvm-steal-time'/>"
		"</cpu>",
		&f, ""));
	CHECK(refused_for(
		"kvm",
		"<cpu><model>gate</model><feature policy='require' name='kvm_steal_time'/>"
		"</cpu>",
		&f, "lacks kvm-steal-time,"));
}

static void test_started(void)
{
	struct record r = {.model = "gate", .digest = DIGEST};
	struct featset vme = {0};

	CHECK(started_with(gate.cpu, &r));
	CHECK(!started_with(NULL, &r));
	CHECK(!started_with("gate", &r));
	CHECK(!started_with("kvm64,vendor=GenuineIntel,family=15,model=6,stepping=1,fpu=on,nx=on,"
			    "pni=on,vme=on,enforce",
			    &r));
	CHECK(featset_parse(&vme, "vme", 3, ',', NULL) == 0);
	r.own.on = vme;
	CHECK(!started_with(gate.cpu, &r));
	CHECK(started_with("kvm64,vendor=GenuineIntel,family=15,model=6,stepping=1,fpu=on,nx=on,"
			   "pni=on,enforce,vme=on",
			   &r));
	r.digest[0] = '1';
	CHECK(!started_with(gate.cpu, &r));
}

/* What a <cpu> becomes. */
static void expands_to(const char *cpu, const char *wanted)
{
	_cleanup_domain_ struct domain d;
	_cleanup_text_ struct text out = {0};
	_cleanup_free_ char *xml = read_domain(&d, "qemu", cpu), *is = NULL;

	if (CHECK(xml && domain_print(&out, &d, &gate, NULL, NULL) == 0)) {
		is = strndup(out.data + strlen("<domain type='qemu'><name>d</name>"),
			     out.len - strlen("<domain type='qemu'><name>d</name></domain>"));
		CHECK_STR(is, wanted);
	}
}

static void test_print(void)
{
	expands_to("<cpu><model>gate</model></cpu>",
		   "<cpu><model fallback='forbid' vendor_id='GenuineIntel'>kvm64</model>"
		   "<feature policy='require' name='fpu'/><feature policy='require' name='nx'/>"
		   "<feature policy='require' name='pni'/><feature policy='disable' name='vme'/>"
		   "</cpu>");
	/* aliases are the same feature; force becomes require; what is between stays */
	expands_to("<cpu><feature policy='force' name='sse3'/><!-- a --><model>gate</model><b/>"
		   "<feature policy='disable' name='xd'/> <feature name='vme'/></cpu>",
		   "<cpu><!-- a --><model fallback='forbid' vendor_id='GenuineIntel'>kvm64</model>"
		   "<b/><feature policy='require' name='fpu'/>"
		   "<feature policy='require' name='sse3'/><feature policy='disable' name='xd'/>"
		   "<feature policy='require' name='vme'/></cpu>");
	/* text of others can't become markup */
	expands_to("<cpu><model vendor_id='&apos;/&gt;&lt;x '>gate</model>"
		   "<feature name='&lt;&quot;&amp;' policy='optional'/></cpu>",
		   "<cpu><model fallback='forbid' vendor_id='&#39;/&#62;&#60;x '>kvm64</model>"
		   "<feature policy='require' name='fpu'/><feature policy='require' name='nx'/>"
		   "<feature policy='require' name='pni'/><feature policy='disable' name='vme'/>"
		   "<feature policy='optional' name='&#60;&#34;&#38;'/></cpu>");
}

#define MARK  "<s:cpu xmlns:s='urn:cpushim:1' model='gate' digest='" DIGEST "'/>"
#define OTHER "<s:cpu xmlns:s='urn:x' model='no' digest='no'/>"

static void test_mark(void)
{
	static const struct {
		const char *metadata;
		bool marked;
	} cases[] = {
		{"<metadata>" MARK "</metadata>", true},
		{"<metadata>" OTHER MARK "</metadata>", true},
		{"<metadata>" OTHER "</metadata>", false},
		{"<metadata><a>" MARK "</a></metadata>", false},
		{"<devices>" MARK "</devices>", false},
		{"<metadata><cpu model='gate' digest='" DIGEST "'/></metadata>", false},
		{"", false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_domain_ struct domain d;
		_cleanup_free_ char *xml = NULL;

		CHECK(asprintf(&xml, "<domain>%s</domain>", cases[i].metadata) > 0);
		CHECK(domain_read(&d, xml, strlen(xml), "test", NULL) == 0);
		CHECK(mark_is(&d, "gate", DIGEST) == cases[i].marked);
		CHECK(!mark_is(&d, "gate64", DIGEST));
		CHECK(!mark_is(&d, "gate", "0"));
	}
}

/* The cookie's CPU comes back, where there is a cookie. */
static void test_snapshot(void)
{
	static const struct {
		const char *cookie, *model; /* NULL: it has none */
	} cases[] = {
		{"", "gate"},
		{"<cookie/>", "gate"},
		{"<cookie><cpu mode='custom'><model>kvm64</model></cpu></cookie>", "kvm64"},
		{"<cookie><cpu mode='host-passthrough'/></cookie>", NULL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_domain_ struct domain d;
		_cleanup_free_ char *xml = NULL;

		CHECK(asprintf(&xml,
			       "<domainsnapshot><domain><cpu><model>gate</model>"
			       "<feature name='nx'/></cpu></domain>%s</domainsnapshot>",
			       cases[i].cookie) > 0);
		CHECK(domain_read_snapshot(&d, xml, strlen(xml), true, "test", NULL) == 0);
		CHECK(!d.model == !cases[i].model);
		CHECK(!d.model || strcmp(d.model, cases[i].model) == 0);
		CHECK((d.own.n > 0) == (d.model && strcmp(d.model, "gate") == 0));
	}
}

/* What a guest asks of a host beside features. */
static void test_host(void)
{
	static const struct {
		const char *cpu, *clock;
		unsigned int physbits;
		uint64_t tsc_hz;
		const char *mode;
		bool host, bad_address;
		unsigned int limit;
	} cases[] = {
		{"<cpu/>", "", 0, 0, ""},
		{"<cpu mode='custom'><maxphysaddr mode='emulate' bits='42'/></cpu>", "", 42, 0,
		 "custom"},
		{"<cpu mode='host-model'><maxphysaddr mode='passthrough'/></cpu>", "", 0, 0,
		 "host-model", .host = true},
		{"<cpu><maxphysaddr mode='passthrough' limit='39'/></cpu>", "", 0, 0, "",
		 .host = true, .limit = 39},
		{"<cpu><maxphysaddr mode='passthrough' bits='42'/></cpu>", "", 0, 0, "",
		 .host = true, .bad_address = true},
		{"<cpu><maxphysaddr bits='42'/></cpu>", "", 0, 0, "", .bad_address = true},
		{"<cpu><maxphysaddr mode='bogus' bits='42'/></cpu>", "", 0, 0, "",
		 .bad_address = true},
		{"<cpu><maxphysaddr mode='emulate' bits='42'/><maxphysaddr/></cpu>", "", 42, 0, ""},
		{"<cpu><maxphysaddr mode='emulate' bits='-1'/></cpu>", "", 0, 0, ""},
		{"",
		 "<clock><timer name='hpet' frequency='1'/><timer name='tsc'/>"
		 "<timer name='tsc' frequency='2500000000'/><timer name='tsc' "
		 "frequency='3'/></clock>",
		 0, 2500000000, ""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *xml = NULL;
		_cleanup_domain_ struct domain d = {0};

		CHECK(asprintf(&xml, "<domain type='kvm'>%s%s</domain>", cases[i].cpu,
			       cases[i].clock) >= 0);
		CHECK(domain_read(&d, xml, strlen(xml), "d", NULL) == 0);
		CHECK(d.physbits == cases[i].physbits);
		CHECK(d.physbits_host == cases[i].host && d.physbits_limit == cases[i].limit);
		CHECK(!!d.bad_address == cases[i].bad_address);
		CHECK(d.tsc_hz == cases[i].tsc_hz);
		CHECK_STR(d.mode ? d.mode : "", cases[i].mode);
	}
}

int main(void)
{
	test_splice();
	test_splice_cut();
	test_uuid();
	test_read();
	test_request();
	test_paravirtual();
	test_paravirtual_own();
	test_started();
	test_print();
	test_mark();
	test_snapshot();
	test_host();
	return check_done();
}
