/* SPDX-License-Identifier: Apache-2.0 */
/* The -cpu argument: stepping through it, merging a caller's properties, comparing by value. */
#include "cpumap/core/cpuarg.h"
#include "cpumap/core/feature.h"
#include "cpumap/core/util.h"
#include "check.h"

#define IDENTITY  "kvm64,vendor=GenuineIntel,family=15,model=6,stepping=1"
#define EXPANSION IDENTITY ",pni=on,nx=on,sse4.1=off,lahf-lm=off,vme=off,enforce"

static void check_merge(const char *props, const char *wanted)
{
	_cleanup_text_ struct text out = {0};

	cpuarg_merge(&out, EXPANSION, props);
	CHECK(!out.failed && out.len == strlen(out.data));
	CHECK_STR(out.data, wanted);
}

static void test_nothing_added_is_the_expansion(void)
{
	check_merge("", EXPANSION);
	check_merge(",", EXPANSION ",");
	check_merge(",,,", EXPANSION ",,,");
}

/* However a feature is named, ours makes room for it, and the caller's words stay as they are. */
static void test_a_feature_in_every_spelling(void)
{
	static const char *const spelling[] = {
		"+nx",        "-nx",  "nx",     "nx=on",   "nx=off",   "nx=yes",
		"nx=no",      "nx=y", "nx=n",   "nx=true", "nx=false", "nx=ON",
		"nx=perhaps", "nx=",  "xd=off", "-xd",     "+xd",      "xd",
	};

	for (size_t i = 0; i < ARRAY_SIZE(spelling); i++) {
		char props[64], wanted[256];

		(void)snprintf(props, sizeof(props), ",%s", spelling[i]);
		(void)snprintf(wanted, sizeof(wanted), "%s",
			       IDENTITY ",pni=on,sse4.1=off,lahf-lm=off,vme=off,enforce");
		(void)strcat(wanted, props);
		check_merge(props, wanted);
	}
}

static void test_aliases_underscores_and_dashes(void)
{
	check_merge(",sse3=off", IDENTITY ",nx=on,sse4.1=off,lahf-lm=off,vme=off,enforce,sse3=off");
	check_merge(",sse4_1", IDENTITY ",pni=on,nx=on,lahf-lm=off,vme=off,enforce,sse4_1");
	check_merge(",+sse4-1", IDENTITY ",pni=on,nx=on,lahf-lm=off,vme=off,enforce,+sse4-1");
	check_merge(",lahf_lm=on", IDENTITY ",pni=on,nx=on,sse4.1=off,vme=off,enforce,lahf_lm=on");
	check_merge(",-lahf_lm", IDENTITY ",pni=on,nx=on,sse4.1=off,vme=off,enforce,-lahf_lm");
	/* near misses are other names; case matters */
	check_merge(",n=on,nxx=on,NX=on,lahf.lm=on", EXPANSION ",n=on,nxx=on,NX=on,lahf.lm=on");
	/* a sign belongs to a name alone: QEMU knows no feature "nx=on" */
	check_merge(",+nx=on", EXPANSION ",+nx=on");
	check_merge(",++nx", EXPANSION ",++nx");
}

static void test_many_and_duplicates(void)
{
	check_merge(",nx=off,-nx,+xd,nx",
		    IDENTITY ",pni=on,sse4.1=off,lahf-lm=off,vme=off,enforce,nx=off,-nx,+xd,nx");
	check_merge(",+avx,vme=on,-sse3",
		    IDENTITY ",nx=on,sse4.1=off,lahf-lm=off,enforce,+avx,vme=on,-sse3");
	check_merge(",pni=on,nx=on,sse4.1=off,lahf-lm=off,vme=off",
		    IDENTITY ",enforce,pni=on,nx=on,sse4.1=off,lahf-lm=off,vme=off");
}

static void test_empty_properties_stay(void)
{
	check_merge(",a,,b", EXPANSION ",a,,b");
	check_merge(",,+nx,,", IDENTITY ",pni=on,sse4.1=off,lahf-lm=off,vme=off,enforce,,+nx,,");
	check_merge(",=on,+,-,=", EXPANSION ",=on,+,-,=");
}

static void test_what_is_no_feature_is_passed(void)
{
	check_merge(",vendor=AuthenticAMD,family=6", EXPANSION ",vendor=AuthenticAMD,family=6");
	check_merge(",hypervisor=on,l3-cache=off,model-id=Some CPU, at 2=GHz",
		    EXPANSION ",hypervisor=on,l3-cache=off,model-id=Some CPU, at 2=GHz");
	check_merge(",\xff\x01=\n,+\xc3\xa4", EXPANSION ",\xff\x01=\n,+\xc3\xa4");
}

/* Guarantee G1 (docs/design.md): no spelling switches enforce off; switching it on is harmless. */
static void test_enforce_and_check_stay(void)
{
	static const char *const off[] = {"off", "no", "false", "n", "OFF", "Off", "No", "FALSE"};
	static const char *const name[] = {"enforce", "check"};

	for (size_t n = 0; n < ARRAY_SIZE(name); n++) {
		char props[64];

		for (size_t i = 0; i < ARRAY_SIZE(off); i++) {
			(void)snprintf(props, sizeof(props), ",%s=%s", name[n], off[i]);
			check_merge(props, EXPANSION);
			(void)snprintf(props, sizeof(props), ",a=1,%s=%s,,b=2", name[n], off[i]);
			check_merge(props, EXPANSION ",a=1,,b=2");
		}
		(void)snprintf(props, sizeof(props), ",-%s", name[n]);
		check_merge(props, EXPANSION);
		(void)snprintf(props, sizeof(props), ",-%s,-%s,%s=off", name[n], name[n], name[n]);
		check_merge(props, EXPANSION);
	}
	check_merge(",enforce", EXPANSION ",enforce");
	check_merge(",enforce=on,check,+enforce,check=yes",
		    EXPANSION ",enforce=on,check,+enforce,check=yes");
	check_merge(",enforcement=off,x-enforce=off,checked=no",
		    EXPANSION ",enforcement=off,x-enforce=off,checked=no");
	/* what is no boolean is for QEMU to refuse */
	check_merge(",enforce=0,enforce=offf,enforce=",
		    EXPANSION ",enforce=0,enforce=offf,enforce=");
}

/* Topology decides them, and QEMU refuses them on: libvirt sends them on restore. */
static void test_ht_and_cmp_legacy_on_are_dropped(void)
{
	static const char *const dropped[] = {
		",ht=on",       ",ht",         ",+ht",           ",ht=yes",
		",ht=true",     ",ht=y",       ",cmp_legacy=on", ",cmp-legacy=on",
		",+cmp_legacy", ",cmp-legacy", ",ht=ON",         ",ht=on,cmp_legacy=on",
	};

	for (size_t i = 0; i < ARRAY_SIZE(dropped); i++)
		check_merge(dropped[i], EXPANSION);
	check_merge(",hypervisor=on,ht=on,+x", EXPANSION ",hypervisor=on,+x");
	check_merge(",a,ht=on", EXPANSION ",a");
	check_merge(",ht=off,-cmp_legacy", EXPANSION ",ht=off,-cmp_legacy");
}

static void test_an_expansion_that_names_its_base_only(void)
{
	_cleanup_text_ struct text a = {0}, b = {0};

	cpuarg_merge(&a, "max", ",+nx");
	CHECK_STR(a.data, "max,+nx");
	cpuarg_merge(&b, "kvm64,vme=off,,nx=on,", ",+nx");
	CHECK_STR(b.data, "kvm64,vme=off,+nx");
}

/* An argument may have 128 KiB, and much more where nobody limits it. */
static void test_a_long_argument(void)
{
	static const size_t length[] = {4096, 131072, (size_t)8 << 20};

	for (size_t i = 0; i < ARRAY_SIZE(length); i++) {
		_cleanup_text_ struct text out = {0}, many = {0}, merged = {0};
		_cleanup_free_ char *props = malloc(length[i] + 1);

		if (!CHECK(props))
			return;
		memset(props, 'x', length[i]);
		props[0] = ',';
		props[length[i]] = '\0';
		cpuarg_merge(&out, EXPANSION, props);
		CHECK(!out.failed && out.len == strlen(EXPANSION) + length[i]);
		CHECK_STR(out.data + strlen(EXPANSION), props);
		/* thousands of properties, each of which is dropped */
		for (size_t n = 0; n < length[i] / 1024; n++)
			text_adds(&many, ",enforce=off");
		cpuarg_merge(&merged, EXPANSION, many.data);
		CHECK_STR(merged.data, EXPANSION);
	}
}

static void check_prop(const char **pos, char sign, const char *name, const char *value)
{
	struct cpu_prop p;

	if (!CHECK(cpuarg_next(pos, &p)))
		return;
	CHECK(p.sign == sign);
	CHECK(p.name_len == strlen(name) && memcmp(p.name, name, p.name_len) == 0);
	CHECK((value != NULL) == (p.value != NULL));
	if (value && p.value)
		CHECK(p.value_len == strlen(value) && memcmp(p.value, value, p.value_len) == 0);
}

static void test_stepping(void)
{
	const char *arg = "m,,a=1,+b,-c=2,d,=e,f==,,", *pos = arg + cpuarg_model_len(arg);
	struct cpu_prop p;

	CHECK(cpuarg_model_len(arg) == 1);
	check_prop(&pos, 0, "a", "1");
	check_prop(&pos, '+', "b", NULL);
	check_prop(&pos, '-', "c=2", NULL);
	check_prop(&pos, 0, "d", NULL);
	check_prop(&pos, 0, "", "e");
	check_prop(&pos, 0, "f", "=");
	CHECK(!cpuarg_next(&pos, &p));
	CHECK(!cpuarg_next(&pos, &p));
	CHECK(cpuarg_model_len("") == 0 && cpuarg_model_len(",a") == 0 &&
	      cpuarg_model_len("gate64") == 6);
	/* another property's value is no value of this one */
	pos = ",nx,pni=on";
	check_prop(&pos, 0, "nx", NULL);
	check_prop(&pos, 0, "pni", "on");
}

static void matches(const char *arg, const struct featset *own)
{
	_cleanup_text_ struct text why = {0};

	if (!CHECK(cpuarg_matches(EXPANSION, arg, own, &why)))
		printf("  %s: %s\n", arg, why.data ? why.data : "");
	CHECK(why.len == 0);
	CHECK(cpuarg_matches(EXPANSION, arg, own, NULL));
}

static void differs(const char *arg, const char *wanted)
{
	_cleanup_text_ struct text why = {0};

	CHECK(!cpuarg_matches(EXPANSION, arg, NULL, &why));
	CHECK_STR(why.data, wanted);
	CHECK(!cpuarg_matches(EXPANSION, arg, NULL, NULL));
}

static void test_what_matches(void)
{
	matches(EXPANSION, NULL);
	matches(EXPANSION ",hypervisor=on,host-cache-info=off,+avx", NULL);
	matches("kvm64,enforce,+nx,sse3,-vme,sse4_1=no,lahf_lm=false,stepping=1,model=6,family=15,"
		"vendor=GenuineIntel",
		NULL);
	/* the last of = wins, a sign beats it wherever it stands */
	matches(EXPANSION ",nx=off,nx=on", NULL);
	matches("kvm64,+nx,nx=off,pni=on,-vme,vme=on,sse4.1=off,lahf-lm=off,vendor=X,enforce,"
		"vendor=GenuineIntel,family=15,model=6,stepping=1",
		NULL);
}

static void test_what_differs(void)
{
	differs("qemu64,enforce", "its model is 'qemu64' and not 'kvm64'");
	differs("kvm64-v1,enforce", "its model is 'kvm64-v1' and not 'kvm64'");
	differs("", "its model is '' and not 'kvm64'");
	differs("kvm64", "vendor is '' and not 'GenuineIntel'");
	differs(IDENTITY, "it has no 'enforce'");
	differs(EXPANSION ",enforce=off", "it has no 'enforce'");
	differs(EXPANSION ",enforce=OFF", "it has no 'enforce'");
	differs(EXPANSION ",-enforce", "it has no 'enforce'");
	differs(EXPANSION ",stepping=2", "stepping is '2' and not '1'");
	differs(EXPANSION ",vendor=GenuineIntelX",
		"vendor is 'GenuineIntelX' and not 'GenuineIntel'");
	differs(EXPANSION ",-nx", "nx is off and not on");
	differs(EXPANSION ",-nx,+nx", "nx is off and not on");
	differs(EXPANSION ",nx=off", "nx is off and not on");
	differs(EXPANSION ",xd=OFF", "nx is off and not on");
	differs(EXPANSION ",+sse4-1", "sse4.1 is on and not off");
	differs(IDENTITY ",pni=on,nx=on,sse4.1=off,lahf-lm=off,enforce",
		"vme is left open and not off");
}

/* Levels hide features that are on, and enforce doesn't mind. */
static void test_limits(void)
{
	static const char ours[] = EXPANSION
		",level=0xffffffff,xlevel=0xffffffff,full-cpuid-auto-level=on,min-level=0xd,pmu=on";
	static const char *const same[] = {"",
					   ",level=0xffffffff",
					   ",full_cpuid_auto_level=yes",
					   ",+full-cpuid-auto-level",
					   ",pmu",
					   ",level=1,level=0xffffffff",
					   ",min_level=0xd"};
	static const char *const other[] = {"level=1",
					    "xlevel=0x80000000",
					    "min_xlevel=0",
					    "min-level=0",
					    "full_cpuid_auto_level=off",
					    "-full-cpuid-auto-level,+full-cpuid-auto-level",
					    "level-func7=0",
					    "level_func7=0",
					    "pmu=off",
					    "-pmu,pmu=on",
					    "level=0xffffffff,level=5"};

	for (size_t i = 0; i < ARRAY_SIZE(same); i++) {
		_cleanup_text_ struct text arg = {0};

		text_addf(&arg, "%s%s", ours, same[i]);
		CHECK(cpuarg_matches(ours, arg.data, NULL, NULL));
	}
	for (size_t i = 0; i < ARRAY_SIZE(other); i++) {
		_cleanup_text_ struct text arg = {0}, why = {0};

		text_addf(&arg, "%s,%s", ours, other[i]);
		if (!CHECK(!cpuarg_matches(ours, arg.data, NULL, &why)))
			printf("  %s\n", other[i]);
		CHECK(why.data && strstr(why.data, " may hide features of the model"));
	}
	/* an older expansion, and what belongs to the domain where ours says nothing */
	CHECK(cpuarg_matches(ours, EXPANSION, NULL, NULL));
	CHECK(cpuarg_matches(EXPANSION, EXPANSION ",pmu=off", NULL, NULL));
	CHECK(!cpuarg_matches(EXPANSION, EXPANSION ",xlevel=0x80000008", NULL, NULL));
}

static void test_own_features_may_differ(void)
{
	struct featset own = {0};

	featset_add(&own, (size_t)feature_find("nx", 2));
	featset_add(&own, (size_t)feature_find("vme", 3));
	matches(EXPANSION ",nx=off,+vme", &own);
	CHECK(!cpuarg_matches(EXPANSION, EXPANSION ",nx=off,pni=off", &own, NULL));
}

int main(void)
{
	test_nothing_added_is_the_expansion();
	test_a_feature_in_every_spelling();
	test_aliases_underscores_and_dashes();
	test_many_and_duplicates();
	test_empty_properties_stay();
	test_what_is_no_feature_is_passed();
	test_enforce_and_check_stay();
	test_ht_and_cmp_legacy_on_are_dropped();
	test_an_expansion_that_names_its_base_only();
	test_a_long_argument();
	test_stepping();
	test_what_matches();
	test_limits();
	test_what_differs();
	test_own_features_may_differ();
	return check_done();
}
