/* SPDX-License-Identifier: Apache-2.0 */
/* Site definitions: what they mean, and each bad thing with its line. */
#include <errno.h>
#include <sys/stat.h>

#include "cpumap/core/paths.h"
#include "cpumap/define/definition.h"
#include "cpumap/define/definition_print.h"
#include "cpumap/libvirt/xml.h"
#include "check.h"

/* On its first line, so that the rest of a test's text begins on line 2. */
#define HEAD "<cpus xmlns:shim='urn:cpushim:1'>\n"
#define TAIL "</cpus>\n"
#define BASE "<shim:qemu base='kvm64'/>"
#define FPU  "<feature name='fpu'/>"
/* a whole definition of one line */
#define MODEL(name, parts) "<model name='" name "'>" BASE FPU parts "</model>\n"

static char dir[] = "/tmp/cpushim-test.XXXXXX";
static struct libvirtmap map;
static struct strv qemu_models;
static const struct definition_world world = {.map = &map, .qemu_models = &qemu_models};

static char *in_dir(const char *file)
{
	char *path = NULL;

	return asprintf(&path, "%s/%s", dir, file) < 0 ? NULL : path;
}

static void put(const char *file, const char *xml)
{
	_cleanup_free_ char *path = in_dir(file);

	CHECK(path && file_write(path, 0644, xml, strlen(xml), NULL, NULL) == 0);
}

static void drop(const char *file)
{
	_cleanup_free_ char *path = in_dir(file);

	CHECK(path && unlink(path) == 0);
}

static int load(struct definitions *d)
{
	const char *dirs[] = {dir};

	return definitions_load(d, dirs, 1, &world, NULL);
}

/* Definitions of a file with @parts between HEAD and TAIL. */
static void load_parts(struct definitions *d, const char *parts)
{
	_cleanup_free_ char *xml = NULL;

	CHECK(asprintf(&xml, HEAD "%s" TAIL, parts) >= 0);
	put("a.xml", xml);
	CHECK(load(d) == 0);
	drop("a.xml");
}

static void print_problems(const struct definitions *d)
{
	for (size_t i = 0; i < d->n_problems; i++)
		printf("  %s: %s\n", d->problem[i].error.where, d->problem[i].error.what);
}

/* Does problem @i stand at @line, and say @what? */
static void check_problem(const struct definitions *d, size_t i, int line, const char *what)
{
	char where[300];

	if (!CHECK(i < d->n_problems))
		return;
	(void)snprintf(where, sizeof(where), line ? "%s/a.xml:%d" : "%s/a.xml", dir, line);
	CHECK_STR(d->problem[i].error.where, where);
	if (!CHECK(strstr(d->problem[i].error.what, what)))
		printf("  is: %s\n  not: %s\n", d->problem[i].error.what, what);
}

static const char *names(const struct featset *set)
{
	static char buf[4096];
	_cleanup_text_ struct text t = {0};

	featset_print(&t, set, " ");
	(void)snprintf(buf, sizeof(buf), "%s", t.data ? t.data : "");
	return buf;
}

static const struct model *good(const struct definitions *d, const char *name)
{
	const struct model *m = model_named(&d->models, name);

	if (!CHECK(m))
		print_problems(d);
	return m;
}

static void check_features(const struct definitions *d, const char *name, const char *features_)
{
	const struct model *m = good(d, name);

	if (m)
		CHECK_STR(names(&m->features), features_);
}

static void test_a_definition(void)
{
	_cleanup_definitions_ struct definitions d = {0};
	const struct model *m;

	load_parts(&d,
		   "<model name='m'>\n<shim:qemu base='EPYC'/><vendor name='AMD'/>\n"
		   "<signature family='0x17' model='49' stepping='3'/><!-- Rome -->\n"
		   "<feature name='fpu'/><feature name='sse3' policy='require'/>\n"
		   "<feature name='lahf-lm'/><feature name='pse36' policy='disable'/>\n</model>\n");
	CHECK(d.models.n == 1 && d.n_problems == 0 && d.warnings.n == 0);
	check_features(&d, "m", "fpu lahf_lm pni");
	m = good(&d, "m");
	if (!m)
		return;
	CHECK_STR(m->base, "EPYC");
	CHECK_STR(m->id.vendor, "AuthenticAMD");
	CHECK(m->id.family == 0x17 && m->id.model == 49 && m->id.stepping == 3);
	CHECK(strstr(m->origin, "/a.xml:2"));
}

static void test_what_is_not_said_is_the_bases(void)
{
	_cleanup_definitions_ struct definitions d = {0};
	const struct model *m;

	load_parts(&d, MODEL("m", ""));
	m = good(&d, "m");
	CHECK(m && !*m->id.vendor && m->id.family == -1 && m->id.model == -1 &&
	      m->id.stepping == -1);
}

static void check_vendor(const char *parts, const char *vendor)
{
	_cleanup_definitions_ struct definitions d = {0};
	const struct model *m;

	load_parts(&d, parts);
	m = good(&d, "m");
	if (m)
		CHECK_STR(m->id.vendor, vendor);
}

static void test_vendors(void)
{
	check_vendor(MODEL("m", "<vendor name='Intel'/>"), "GenuineIntel");
	check_vendor(MODEL("m", "<vendor name='Test'/>"), "TestTestTest");
	check_vendor(MODEL("m", "<vendor name='HygonGenuine'/>"), "HygonGenuine");
	check_vendor(MODEL("m", "<vendor name='VIA VIA VIA '/>"), "VIA VIA VIA ");
	check_vendor("<model name='m'><shim:qemu base='kvm64' vendor='host'/>" FPU "</model>",
		     "host");
}

/* The ancestor first, whatever the order of elements; identity from our own alone. */
static void test_ancestors(void)
{
	_cleanup_definitions_ struct definitions d = {0};
	const struct model *m;

	load_parts(&d, "<model name='c'><feature name='pni' policy='disable'/><feature name='lm'/>"
		       "<model name='b'/></model>\n"
		       "<model name='b'><model name='a'/><feature name='pni'/></model>\n"
		       "<model name='a'>" BASE FPU
		       "<vendor name='AMD'/><signature family='6' model='1'/></model>\n"
		       "<model name='l'><model name='small'/>" BASE "</model>\n"
		       "<model name='q'><model name='grouped'/></model>\n");
	CHECK(d.n_problems == 0);
	check_features(&d, "c", "fpu lm");
	check_features(&d, "b", "fpu pni");
	check_features(&d, "l", "fpu lm");
	m = good(&d, "c");
	CHECK(m && strcmp(m->id.vendor, "AuthenticAMD") == 0 && m->id.family == 6);
	CHECK(m && strcmp(m->base, "kvm64") == 0);
	m = good(&d, "l");
	CHECK(m && !*m->id.vendor && m->id.family == -1);
	/* libvirt's model that QEMU has, too, is the base */
	m = good(&d, "q");
	CHECK(m && strcmp(m->base, "grouped") == 0);
}

/* People copy models from libvirt's map. */
static void test_libvirts_own_elements_are_passed_over(void)
{
	_cleanup_definitions_ struct definitions d = {0};

	load_parts(&d, MODEL("m", "<decode host='on' guest='off'/><check partial='compat'/>"));
	CHECK(d.n_problems == 0 && d.warnings.n == 0);
	check_features(&d, "m", "fpu");
}

static void test_what_is_not_part_of_a_definition_is_ignored(void)
{
	_cleanup_definitions_ struct definitions d = {0};

	load_parts(&d, "<model name='m'>" BASE FPU "\n<feature name='ht'/></model>\n");
	CHECK(d.n_problems == 0 && d.warnings.n == 1);
	CHECK(d.warnings.n && strstr(d.warnings.item[0], "/a.xml:3: model 'm': feature 'ht' is no "
							 "part of a definition"));
	check_features(&d, "m", "fpu");
}

static const struct {
	const char *parts;
	int line;
	const char *what;
} bad[] = {
	{MODEL("kvm64", ""), 2, "is a model of QEMU's own"},
	{MODEL("taken", ""), 2,
	 "libvirt's map has a model of this name with other features "
	 "(tests/data/cpu_map/x86_models.xml:21): only here: none; only there: cx16;"},
	{"<model name='taken'>" BASE "<feature name='lm'/><feature name='cx16'/></model>\n", 2,
	 "only here: lm; only there: fpu;"},
	{MODEL("odd", ""), 2, "libvirt's map has a model of this name with other features"},
	{"\n" MODEL("m", "\n<feature name='lahflm'/>"), 4,
	 "model 'm': unknown feature 'lahflm'; is 'lahf_lm' meant?"},
	{MODEL("m", "<feature name='warpdrive'/>"), 2, "unknown feature 'warpdrive'; libvirt's"},
	{MODEL("m", "<feature name='rdctl-no'/>"), 2, "feature 'rdctl-no' lives in an MSR"},
	{MODEL("m", "<feature/>"), 2, "a <feature> without a name"},
	{MODEL("m", "\n<feature name='fpu' policy='disable'/>"), 3,
	 "feature 'fpu' is both on and off"},
	{MODEL("m", "<feature name='sse3'/><feature name='pni' policy='disable'/>"), 2,
	 "feature 'pni' is both on and off"},
	{MODEL("m", "<feature name='lm' policy='forced'/>"), 2, "has policy 'forced'"},
	{MODEL("m", "<feature name='lm' policy='optional'/>"), 2, "has policy 'optional'"},
	{MODEL("m", "<feature name='lm' policy=''/>"), 2, "has policy ''"},
	{MODEL("m", "<feature name='lm' added='on'/>"), 2, "added='on' is neither yes nor no"},
	{MODEL("m", "<feature name='lm' removed=''/>"), 2, "removed='' is neither yes nor no"},
	{MODEL("m", "\n<feature name='rsba'/>\n<feature name='rdctl-no'/>"), 3,
	 "features 'rdctl-no rsba' live in MSRs: no guest can prove them by CPUID, so a definition "
	 "can't have them; leave them out"},
	{MODEL("m", "<feature name='lm' polcy='disable'/>"), 2,
	 "attribute polcy= of <feature> isn't understood"},
	{MODEL("m", "<feature name='lm'>off</feature>"), 2,
	 "nothing may stand inside of <feature>"},
	{"<model name='m' base='kvm64'>" BASE FPU "</model>\n", 2,
	 "attribute base= of <model> isn't understood"},
	{MODEL("m", "\n<model name='nobody'/>"), 3,
	 "starts from 'nobody', which neither a definition nor libvirt's map has"},
	{MODEL("m", "<model name='odd'/>"), 2,
	 "starts from 'odd' of libvirt's map, which has features unknown here"},
	{MODEL("m", "\n<model name='m'/>"), 3,
	 "starts from 'm', which starts from this one in the end: a circle"},
	{MODEL("m", "<model/>"), 2, "a <model> to start from without a name"},
	{MODEL("m", "<model name='small'/><model name='taken'/>"), 2,
	 "a second model to start from"},
	{"<model name='m'>" BASE "</model>\n", 2, "has no features"},
	{"<model name='m'>" BASE "<model name='small'/><feature name='fpu' policy='disable'/>"
	 "<feature name='lm' policy='disable'/></model>\n",
	 2, "has no features"},
	{"<model name='m'>" FPU "</model>\n", 2,
	 "names no QEMU model to start from; add <shim:qemu base='kvm64'/>"},
	{"<model name='m'><model name='small'/></model>\n", 2, "names no QEMU model to start from"},
	{MODEL("m", BASE), 2, "a second base"},
	{"<model name='m'><shim:qemu base='kvm64,+lm'/>" FPU "</model>\n", 2,
	 "base 'kvm64,+lm' isn't a model's name"},
	{"<model name='m'><qemu base='kvm64'/>" FPU "</model>\n", 2,
	 "<qemu> isn't understood here; is xmlns:shim='urn:cpushim:1' declared?"},
	{MODEL("m", "<cpuid/>"), 2, "<cpuid> isn't understood here"},
	{MODEL("m", "lm"), 2, "text isn't understood here"},
	{MODEL("m", "<vendor name='Intle'/>"), 2, "unknown vendor 'Intle'"},
	{MODEL("m", "<vendor/>"), 2, "unknown vendor ''"},
	{MODEL("m", "<vendor name='Twelve,chars'/>"), 2, "unknown vendor 'Twelve,chars'"},
	{MODEL("m", "<vendor name='AMD'/><vendor name='AMD'/>"), 2, "a second vendor"},
	{MODEL("m", "<vendor name='AMD'/><shim:qemu vendor='host'/>"), 2, "a second vendor"},
	{MODEL("m", "<shim:qemu vendor='host'/><vendor name='AMD'/>"), 2, "a second vendor"},
	{MODEL("m", "<shim:qemu vendor='AMD'/>"), 2, "vendor='AMD' of <shim:qemu>: only 'host'"},
	{MODEL("m", "<signature family='271' model='0'/>"), 2,
	 "family='271' of <signature> isn't a number from 0 to 270"},
	{MODEL("m", "<signature family='6' model='256'/>"), 2, "model='256' of <signature>"},
	{MODEL("m", "<signature family='6' model='1' stepping='16'/>"), 2,
	 "stepping='16' of <signature>"},
	{MODEL("m", "<signature family='6' model='1' stepping='0-x'/>"), 2,
	 "stepping='0-x' of <signature>"},
	{MODEL("m", "<signature family='6' model='1-2'/>"), 2, "model='1-2' of <signature>"},
	{MODEL("m", "<signature family='-1' model='1'/>"), 2, "family='-1' of <signature>"},
	{MODEL("m", "<signature family='6'/>"), 2, "a <signature> needs family= and model="},
	{MODEL("help", ""), 2, "is a command to QEMU (-cpu help) and no name"},
	{"<model name='m'>" BASE "<cpu mode='host-model'/></model>\n", 2,
	 "its <cpu> names no model (mode='host-model')"},
	{"<model name='m'>" BASE "<cpu><model>small</model>\n<feature name='lm' "
	 "policy='optional'/></cpu></model>\n",
	 3, "has policy 'optional'"},
	{"<model name='m'>" BASE "<cpu><arch>ppc64</arch><model>small</model></cpu></model>\n", 2,
	 "is of a machine 'ppc64'"},
	{"<model name='m'>" BASE "<cpu><model>sm<b/>all</model></cpu></model>\n", 2,
	 "only text may stand inside of <model>"},
	{"<model name='m'>" BASE "<cpu polcy='x'><model>small</model></cpu></model>\n", 2,
	 "attribute polcy= of <cpu>"},
	{MODEL("a b", ""), 2, "model 'a b': isn't a name"},
	{MODEL("-a", ""), 2, "isn't a name"},
	{MODEL("", ""), 2, "isn't a name"},
	{"<model>" BASE FPU "</model>\n", 2, "isn't a name"},
	{MODEL("m&#10;cpushim: forged", ""), 2, "model 'm\\x0acpushim: forged': isn't a name"},
};

/* @n: how many warnings; @what: in one of them. */
static void check_warned(const struct definitions *d, size_t n, const char *what)
{
	bool found = false;

	for (size_t i = 0; i < d->warnings.n; i++)
		found |= strstr(d->warnings.item[i], what) != NULL;
	CHECK(found && d->warnings.n == n && d->n_problems == 0);
}

/* What stands in libvirt's own map. */
static void test_what_the_map_says(void)
{
	_cleanup_definitions_ struct definitions d = {0};
	const struct model *m;

	load_parts(&d,
		   MODEL("m", "<decode host='on' guest='off'/><check partial='compat'/>"
			      "<signature family='6' model='85' stepping='5-7,9'/>\n"
			      "<signature family='6' model='1'/>\n<signature family='6' model='2'/>"
			      "<feature name='lm' added='yes'/><feature name='nx' removed='yes'/>"
			      "<feature name='cx16' removed='no'/>"
			      "<feature name='rsba' policy='disable'/>"));
	m = model_named(&d.models, "m");
	check_features(&d, "m", "cx16 fpu");
	CHECK(m && m->id.family == 6 && m->id.model == 85 && m->id.stepping == 5);
	check_warned(&d, 3,
		     "/a.xml:2: model 'm': stepping='5-7,9' of <signature> are several; the "
		     "first counts, 5");
	check_warned(&d, 3, "/a.xml:3: model 'm': has several <signature>s; the first counts");
	check_warned(&d, 3, "/a.xml:2: model 'm': 2 of its features are marked added= or removed=");
}

/* A <cpu> of libvirt's. */
static void test_a_cpu_is_a_definition(void)
{
	_cleanup_definitions_ struct definitions d = {0};
	const struct model *m;

	load_parts(&d,
		   "<model name='m'>" BASE "<cpu mode='custom' match='exact'><arch>x86_64</arch>"
		   "<model fallback='forbid'>small</model><vendor>AMD</vendor>"
		   "<microcode version='1'/><counter name='tsc' frequency='1'/>"
		   "<signature family='23' model='1' stepping='2'/>"
		   "<topology sockets='1' dies='1' cores='2' threads='1'/>"
		   "<maxphysaddr mode='emulate' bits='40'/><pages unit='KiB' size='4'/>"
		   "<cache mode='passthrough'/><numa><cell id='0' cpus='0' memory='1'/></numa>"
		   "<feature name='nx'/><feature policy='force' name='pni'/>"
		   "<feature policy='forbid' name='lm'/></cpu></model>\n");
	m = model_named(&d.models, "m");
	check_features(&d, "m", "fpu nx pni");
	CHECK(m && m->id.family == 23 && m->id.model == 1 && m->id.stepping == 2);
	CHECK(m && strcmp(m->id.vendor, "AuthenticAMD") == 0);
	CHECK(d.n_problems == 0 && d.warnings.n == 0);
}

static void test_files_that_are_not_read_are_named(void)
{
	static const char *const silent[] = {".m.xml.swp", "m.xml~", "#m.xml#", "m.xml.dpkg-old",
					     "m.xml.rpmnew"};
	static const char *const named[] = {"README", "m.conf", "m.xml.bak"};
	_cleanup_definitions_ struct definitions d = {0};

	for (size_t i = 0; i < ARRAY_SIZE(silent); i++)
		put(silent[i], "");
	for (size_t i = 0; i < ARRAY_SIZE(named); i++)
		put(named[i], "");
	load_parts(&d, MODEL("m", ""));
	for (size_t i = 0; i < ARRAY_SIZE(named); i++) {
		_cleanup_text_ struct text line = {0};

		text_addf(&line, "/%s: isn't read, as its name doesn't end in .xml", named[i]);
		check_warned(&d, ARRAY_SIZE(named), line.data);
		drop(named[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(silent); i++)
		drop(silent[i]);
}

/* Every one is refused at its line, and doesn't take the good one beside it down. */
static void test_bad_definitions(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_definitions_ struct definitions d = {0};
		_cleanup_free_ char *parts = NULL;

		CHECK(asprintf(&parts, "%s%s", bad[i].parts, MODEL("good", "")) >= 0);
		load_parts(&d, parts);
		check_problem(&d, 0, bad[i].line, bad[i].what);
		CHECK(d.models.n == 1 && good(&d, "good"));
	}
}

static void test_every_bad_thing_is_told(void)
{
	_cleanup_definitions_ struct definitions d = {0};

	load_parts(&d, "<model name='m'>" BASE "\n<feature name='fpux'/>\n<feature name='rsba'/>\n"
		       "<vendor name='X'/></model>\n");
	CHECK(d.models.n == 0 && d.n_problems == 3);
	check_problem(&d, 0, 3, "is 'fpu' meant?");
	check_problem(&d, 1, 5, "unknown vendor 'X'");
	check_problem(&d, 2, 4, "lives in an MSR");
	for (size_t i = 0; i < d.n_problems; i++)
		CHECK_STR(d.problem[i].model, "m");
}

static void test_circles_and_what_builds_on_a_bad_one(void)
{
	_cleanup_definitions_ struct definitions d = {0};

	load_parts(&d, "<model name='a'>" BASE "<model name='b'/></model>\n"
		       "<model name='b'><model name='a'/></model>\n"
		       "<model name='c'><model name='b'/></model>\n" MODEL("good", ""));
	CHECK(d.models.n == 1 && d.n_problems == 3);
	check_problem(&d, 0, 3, "model 'b': starts from 'a', which starts from this one");
	check_problem(&d, 1, 2, "model 'a': starts from 'b', which is refused itself");
	check_problem(&d, 2, 4, "model 'c': starts from 'b', which is refused itself");
}

/* However long the chain: no deep recursion, and the end of it is told. */
static void test_endless_ancestors(void)
{
	_cleanup_definitions_ struct definitions d = {0};
	_cleanup_text_ struct text t = {0};

	for (int i = 0; i < 100; i++)
		text_addf(&t, "<model name='m%d'><model name='m%d'/></model>\n", i, i + 1);
	text_adds(&t, MODEL("m100", ""));
	load_parts(&d, t.data);
	CHECK(d.n_problems > 0 && strstr(d.problem[0].error.what, "too many models before it"));
	CHECK(good(&d, "m100"));
}

/* In two files: both places are named, and the first holds. */
static void test_a_name_twice(void)
{
	_cleanup_definitions_ struct definitions d = {0};

	put("0.xml", HEAD "\n" MODEL("m", "<feature name='lm'/>") TAIL);
	load_parts(&d, MODEL("m", "") MODEL("good", ""));
	drop("0.xml");
	CHECK(d.models.n == 2 && d.n_problems == 1);
	check_problem(&d, 0, 2, "model 'm': is defined already at ");
	CHECK(d.n_problems && strstr(d.problem[0].error.what, "/0.xml:3, and that one holds"));
	check_features(&d, "m", "fpu lm");
}

static void test_a_name_twice_of_which_the_first_is_bad(void)
{
	_cleanup_definitions_ struct definitions d = {0};

	load_parts(&d, MODEL("m", "<feature name='rsba'/>") MODEL("m", ""));
	CHECK(d.models.n == 0 && d.n_problems == 2);
	check_problem(&d, 1, 3, "/a.xml:2, which is refused, too");
}

static void test_a_name_of_libvirts_with_equal_features(void)
{
	_cleanup_definitions_ struct definitions d = {0};

	load_parts(&d, MODEL("taken", "<feature name='cx16'/>"));
	CHECK(d.n_problems == 0);
	check_features(&d, "taken", "cx16 fpu");
}

static void test_without_libvirt_and_qemu(void)
{
	_cleanup_definitions_ struct definitions d = {0};
	const struct definition_world empty = {0};
	const char *dirs[] = {dir, "/nonexistent"};

	put("a.xml", HEAD MODEL("kvm64", "<vendor name='Intel'/>") TAIL);
	CHECK(definitions_load(&d, dirs, 2, &empty, NULL) == 0);
	drop("a.xml");
	CHECK(d.n_problems == 0);
	check_features(&d, "kvm64", "fpu");
}

static const struct {
	const char *xml;
	int line;
	const char *what;
} bad_file[] = {
	{"", 1, "isn't well-formed XML: Document is empty"},
	{"<cpus>\n<model name='m'>\n</cpus>\n", 3,
	 "isn't well-formed XML: Opening and ending tag mismatch"},
	{HEAD MODEL("m", "&who;") TAIL, 2, "isn't well-formed XML"},
	{HEAD "<model name='m' name='n'>" BASE FPU "</model>\n" TAIL, 2, "isn't well-formed XML"},
	{"<!DOCTYPE cpus [<!ENTITY who SYSTEM 'file:///etc/passwd'>]>\n" HEAD MODEL("m", "") TAIL,
	 0, "has a DOCTYPE"},
	{"<domain>" MODEL("m", "") "</domain>", 1, "its root element is <domain> and not <cpus>"},
	{HEAD "<feature name='m'/>\n" TAIL, 2, "<feature> isn't understood here"},
	{HEAD "<include filename='/etc/passwd'/>\n" TAIL, 2, "<include> isn't understood here"},
};

static void test_bad_files(void)
{
	put("good.xml", HEAD MODEL("good", "") TAIL);
	for (size_t i = 0; i < ARRAY_SIZE(bad_file); i++) {
		_cleanup_definitions_ struct definitions d = {0};

		/* xmlns:shim of HEAD isn't everywhere: a MODEL without it is broken anyway */
		put("a.xml", bad_file[i].xml);
		CHECK(load(&d) == 0);
		drop("a.xml");
		check_problem(&d, 0, bad_file[i].line, bad_file[i].what);
		CHECK(d.n_problems && !d.problem[0].model);
		CHECK(d.models.n == 1 && good(&d, "good"));
	}
	drop("good.xml");
}

static void check_unbelieved(const char *file, const char *what)
{
	_cleanup_definitions_ struct definitions d = {0};

	CHECK(load(&d) == 0);
	CHECK(d.models.n == 0 && d.n_problems == 1);
	if (d.n_problems &&
	    !CHECK(strstr(d.problem[0].error.where, file) && strstr(d.problem[0].error.what, what)))
		print_problems(&d);
}

/* Whoever may write a definition may change what guests get. */
static void test_files_of_others(void)
{
	_cleanup_free_ char *path = in_dir("a.xml"), *other = in_dir("elsewhere"),
			    *link = in_dir("l.xml");

	put("a.xml", HEAD MODEL("m", "") TAIL);
	CHECK(chmod(path, 0664) == 0);
	check_unbelieved("/a.xml", "others may write it");
	CHECK(rename(path, other) == 0 && symlink(other, link) == 0);
	check_unbelieved("/l.xml", "others may write it");
	if (geteuid() == 0) {
		CHECK(chmod(other, 0644) == 0 && chown(other, 1, 0) == 0);
		check_unbelieved("/l.xml", "belongs to uid 1");
	}
	drop("l.xml");
	drop("elsewhere");
	CHECK(mkfifo(path, 0644) == 0);
	check_unbelieved("/a.xml", "not a regular file");
	drop("a.xml");
}

static void test_other_files_are_passed_over(void)
{
	_cleanup_definitions_ struct definitions d = {0};

	put("a.xml~", "x");
	put(".b.xml", "x");
	put("README", "x");
	CHECK(load(&d) == 0);
	CHECK(d.n_problems == 0 && d.models.n == 0);
	drop("a.xml~");
	drop(".b.xml");
	drop("README");
}

static void load_one(struct definitions *d, const char *path)
{
	const char *dirs[] = {dir};
	_cleanup_doc_ xmlDoc *doc = NULL;

	CHECK(xml_read(&doc, path, TRUST_NAMED, "cpus", NULL) == 0);
	CHECK(definitions_load_doc(d, doc, path, dirs, 1, &world, NULL) == 0);
}

/* One file, which others build on nothing of. */
static void test_one_file(void)
{
	_cleanup_free_ char *path = in_dir("new.xml");
	_cleanup_definitions_ struct definitions d = {0};

	put("a.xml", HEAD MODEL("a", "") MODEL("bad", "<feature name='nonesuch'/>") TAIL);
	/* it has a name of the directory's, and builds on another one */
	put("new.xml", HEAD MODEL("b", "") "<model name='c'><model name='a'/></model>\n" TAIL);
	put("b.xml", HEAD MODEL("b", "<feature name='aes'/>") TAIL);
	load_one(&d, path);
	CHECK(d.models.n == 2 && d.n_problems == 0 && d.warnings.n == 0);
	CHECK_STR(d.models.item[0].name, "b");
	CHECK(featset_count(&d.models.item[0].features) == 1);
	CHECK_STR(d.models.item[1].name, "c");
	definitions_free(&d);
	put("new.xml", HEAD MODEL("b", "<feature name='nonesuch'/>") TAIL);
	load_one(&d, path);
	CHECK(d.models.n == 0 && d.n_problems == 1);
	drop("a.xml");
	drop("b.xml");
	drop("new.xml");
}

/* What is printed is read as the same model, whatever its notes are. */
static void test_printed(void)
{
	_cleanup_strv_ struct strv notes = {0};
	_cleanup_text_ struct text out = {0};
	_cleanup_definitions_ struct definitions d = {0};
	struct model m = {
		.name = (char *)"a", .base = (char *)"kvm64", .id = {"AMDisbetter!", 15, 107, 1}};

	featset_add(&m.features, (size_t)feature_find("fpu", 3));
	featset_add(&m.features, (size_t)feature_find("aes", 3));
	CHECK(strv_addf(&notes, "of --> a host <b>-- \033[31m, \xff and -") == 0);
	definition_print(&out, &m, &notes);
	put("a.xml", out.data);
	CHECK(load(&d) == 0);
	drop("a.xml");
	if (!CHECK(d.models.n == 1 && d.n_problems == 0))
		return;
	CHECK(featset_equal(&d.models.item[0].features, &m.features));
	CHECK(memcmp(&d.models.item[0].id, &m.id, sizeof(m.id)) == 0);
	CHECK_STR(d.models.item[0].base, "kvm64");
}

int main(void)
{
	static const char *const known[] = {"kvm64", "EPYC", "grouped"};

	CHECK(libvirtmap_load(&map, "tests/data/cpu_map", LIBVIRTMAP_OURS, NULL) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		CHECK(strv_add(&qemu_models, known[i], strlen(known[i])) == 0);
	if (!CHECK(mkdtemp(dir)))
		return check_done();
	test_a_definition();
	test_what_is_not_said_is_the_bases();
	test_vendors();
	test_ancestors();
	test_libvirts_own_elements_are_passed_over();
	test_what_is_not_part_of_a_definition_is_ignored();
	test_what_the_map_says();
	test_a_cpu_is_a_definition();
	test_files_that_are_not_read_are_named();
	test_bad_definitions();
	test_every_bad_thing_is_told();
	test_circles_and_what_builds_on_a_bad_one();
	test_endless_ancestors();
	test_a_name_twice();
	test_a_name_twice_of_which_the_first_is_bad();
	test_a_name_of_libvirts_with_equal_features();
	test_without_libvirt_and_qemu();
	test_bad_files();
	test_files_of_others();
	test_other_files_are_passed_over();
	test_one_file();
	test_printed();
	CHECK(rmdir(dir) == 0);
	libvirtmap_free(&map);
	strv_free(&qemu_models);
	return check_done();
}
