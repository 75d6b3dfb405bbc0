/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvirt's CPU map: a small one of our own, and this machine's.
 * test_libvirtmap DIR...: those maps, too (other releases of libvirt, by hand).
 */
#include <errno.h>
#include <sys/stat.h>

#include "cpumap/core/paths.h"
#include "cpumap/libvirt/libvirtmap.h"
#include "cpumap/libvirt/mapinclude.h"
#include "cpumap/libvirt/mapsingle.h"
#include "check.h"

#define SMALL_MAP "tests/data/cpu_map"

static const char *names(const struct featset *set)
{
	static char buf[4096];
	_cleanup_text_ struct text t = {0};

	featset_print(&t, set, " ");
	(void)snprintf(buf, sizeof(buf), "%s", t.data ? t.data : "");
	return buf;
}

static void check_model(const struct libvirtmap *map, const char *name, const char *features_)
{
	const struct model *m = model_named(&map->models, name);

	if (CHECK(m))
		CHECK_STR(names(&m->features), features_);
}

static void check_identity(const struct libvirtmap *map, const char *name)
{
	const struct model *m = model_named(&map->models, name);

	if (!CHECK(m))
		return;
	CHECK_STR(m->id.vendor, "GenuineIntel");
	CHECK(m->id.family == 6);
	CHECK(m->id.model == 15);
}

static void test_models(void)
{
	_cleanup_libvirtmap_ struct libvirtmap map = {0};
	struct error err = {0};

	if (!CHECK(libvirtmap_load(&map, SMALL_MAP, LIBVIRTMAP_OURS, &err) == 0)) {
		printf("%s: %s\n", err.where, err.what);
		return;
	}
	/* neither topology's ht, the MSR's rdctl-no, nor what is marked added= or removed= */
	check_model(&map, "small", "fpu lm");
	check_model(&map, "smaller", "fpu pni");
	check_model(&map, "taken", "cx16 fpu");
	check_model(&map, "grouped", "fpu nx");
	check_identity(&map, "small");
	check_identity(&map, "smaller");
	CHECK_STR(model_named(&map.models, "small")->origin, SMALL_MAP "/x86_models.xml:3");
	CHECK(!model_named(&map.models, "ours"));
	CHECK(!model_named(&map.models, "POWER9"));
	CHECK(map.models.n == 4);
	CHECK(map.has_decode);
	CHECK(strv_has(&map.odd, "odd") && strv_has(&map.odd, "odd-by-bit"));
	CHECK(strv_has(&map.odd, "child-of-odd") && strv_has(&map.odd, "orphan"));
	CHECK(map.odd.n == 4);
}

static void test_feature_names(void)
{
	_cleanup_libvirtmap_ struct libvirtmap map = {0};

	CHECK(libvirtmap_load(&map, SMALL_MAP, LIBVIRTMAP_OURS, NULL) == 0);
	/* nx has another name there: known, but not by the name that we would write */
	CHECK_STR(names(&map.features), "cx16 fpu ht lm pni rdctl-no xsaveopt");
	CHECK(map.unknown.n == 3);
	CHECK(strv_has(&map.unknown, "warpdrive"));
	CHECK(strv_has(&map.unknown, "fma"));
	CHECK(strv_has(&map.unknown, "movbe"));
}

static void test_vendors(void)
{
	_cleanup_libvirtmap_ struct libvirtmap map = {0};

	CHECK(libvirtmap_load(&map, SMALL_MAP, LIBVIRTMAP_OURS, NULL) == 0);
	CHECK_STR(libvirtmap_vendor(&map, "Test"), "TestTestTest");
	CHECK_STR(libvirtmap_vendor(&map, "TestTestTest"), "TestTestTest");
	CHECK_STR(libvirtmap_vendor(&map, "Hygon"), "HygonGenuine");
	CHECK_STR(libvirtmap_vendor(NULL, "AMD"), "AuthenticAMD");
	CHECK(!libvirtmap_vendor(&map, "Short"));
	CHECK(!libvirtmap_vendor(&map, "intel"));
}

static void test_ours_is_read_if_not_skipped(void)
{
	_cleanup_libvirtmap_ struct libvirtmap map = {0};

	CHECK(libvirtmap_load(&map, SMALL_MAP, NULL, NULL) == 0);
	check_model(&map, "ours", "fpu");
}

static void write_index(const char *dir, const char *xml)
{
	_cleanup_free_ char *path = NULL;

	CHECK(asprintf(&path, "%s/index.xml", dir) >= 0 &&
	      file_write(path, 0644, xml, strlen(xml), NULL, NULL) == 0);
}

/* What libvirt itself can't load isn't loaded: half a map would make models look smaller. */
static void test_broken_maps(void)
{
	static const struct {
		const char *xml, *file, *what;
	} broken[] = {
		{"<cpus><arch name='x86'><include filename='gone.xml'/></arch></cpus>", "/gone.xml",
		 "No such file or directory"},
		{"<cpus><arch name='arm'/></cpus>", "/index.xml", "has no <arch name='x86'>"},
		{"<cpus>", "/index.xml:1", "isn't well-formed XML"},
		{"", "/index.xml", "isn't well-formed XML"},
		{"<!DOCTYPE cpus [<!ENTITY a 'a'>]><cpus>&a;</cpus>", "/index.xml",
		 "has a DOCTYPE"},
		{"<domain/>", "/index.xml:1", "its root element is <domain> and not <cpus>"},
	};
	char dir[] = "/tmp/cpushim-test.XXXXXX";
	_cleanup_free_ char *path = NULL;

	if (!CHECK(mkdtemp(dir)))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
		struct libvirtmap map = {0};
		struct error err = {0};

		write_index(dir, broken[i].xml);
		CHECK(libvirtmap_load(&map, dir, NULL, &err) < 0);
		if (!CHECK(strstr(err.where, broken[i].file) && strstr(err.what, broken[i].what)))
			printf("  %s: %s\n", err.where, err.what);
		CHECK(map.models.n == 0);
	}
	CHECK(asprintf(&path, "%s/index.xml", dir) >= 0 && unlink(path) == 0 && rmdir(dir) == 0);
}

/* A release's own map: all that it says is in features[], bit by bit. */
static void test_map_of(const char *dir)
{
	_cleanup_libvirtmap_ struct libvirtmap map = {0};
	struct error err = {0};

	if (!CHECK(libvirtmap_load(&map, dir, LIBVIRTMAP_OURS, &err) == 0)) {
		printf("  %s: %s\n", err.where, err.what);
		return;
	}
	for (size_t i = 0; i < map.unknown.n; i++)
		if (!CHECK(feature_find(map.unknown.item[i], strlen(map.unknown.item[i])) < 0))
			printf("  %s: %s is another bit there than in features[]\n", dir,
			       map.unknown.item[i]);
	if (!CHECK(map.unknown.n == 0))
		printf("  %s: not in features[]: %s ...\n", dir, map.unknown.item[0]);
	if (!CHECK(map.odd.n == 0))
		printf("  %s: can't be understood: %s ...\n", dir, map.odd.item[0]);
	CHECK(map.has_decode);
	CHECK(map.models.n >= 50);
	check_model(&map, "kvm64",
		    "apic clflush cmov cx16 cx8 de fpu fxsr lm mca mce mmx msr mtrr nx pae pat pge "
		    "pni pse pse36 sep sse sse2 syscall tsc");
}

static void add_model(struct model *m, const char *name, const char *features_)
{
	*m = (struct model){.name = (char *)name, .origin = (char *)"x.xml:1", .id = IDENTITY_NONE};
	CHECK(featset_parse(&m->features, features_, strlen(features_), ' ', NULL) == 0);
}

static void test_include(void)
{
	_cleanup_libvirtmap_ struct libvirtmap map = {0};
	_cleanup_text_ struct text out = {0};
	_cleanup_strv_ struct strv notes = {0};
	const bool included[] = {true, true, false, true, true};
	struct model models[5];

	add_model(&models[0], "a--b-", "fpu cx16");
	add_model(&models[1], "lacking", "fpu nx");
	add_model(&models[2], "refused", "");
	add_model(&models[3], "small", "fpu lm");
	add_model(&models[4], "z", "pni");
	CHECK(libvirtmap_load(&map, SMALL_MAP, LIBVIRTMAP_OURS, NULL) == 0);
	CHECK(mapinclude_print(&out, models, included, 5, &map, &notes, NULL) == 0);
	CHECK_STR(out.data,
		  "<!-- Written by cpushim compile from its definitions; changes are lost. -->\n"
		  "<!-- cpushim-names: a-%-b- lacking refused small z -->\n"
		  "<!-- not here: lacking: this map lacks nx. -->\n"
		  "<!-- not here: refused: cpushim compile says why. -->\n"
		  "<!-- not here: small: x86_models.xml:3 has it, with the same features; when it "
		  "goes there, run cpushim compile and restart libvirt. -->\n"
		  "<cpus>\n"
		  "  <model name='a--b-'>\n"
		  "    <decode host='off' guest='off'/>\n"
		  "    <feature name='cx16'/>\n"
		  "    <feature name='fpu'/>\n"
		  "  </model>\n"
		  "  <model name='z'>\n"
		  "    <decode host='off' guest='off'/>\n"
		  "    <feature name='pni'/>\n"
		  "  </model>\n"
		  "</cpus>\n");
	CHECK(notes.n == 2);
	CHECK_STR(notes.item[0], "x.xml:1: model 'lacking' isn't made known to libvirt, whose map "
				 "lacks nx: nova won't find it");
	CHECK_STR(notes.item[1],
		  SMALL_MAP "/x86_models.xml:3: model 'small' has the same features "
			    "there and stays theirs; when it goes, run "
			    "`cpushim compile` and restart libvirt, which knows none then");
}

static void test_include_without_decode(void)
{
	_cleanup_libvirtmap_ struct libvirtmap map = {0};
	_cleanup_text_ struct text out = {0};
	const bool included[] = {true};
	struct model m;

	add_model(&m, "z", "pni");
	CHECK(libvirtmap_load(&map, SMALL_MAP, LIBVIRTMAP_OURS, NULL) == 0);
	map.has_decode = false;
	CHECK(mapinclude_print(&out, &m, included, 1, &map, NULL, NULL) == 0);
	CHECK(out.data && !strstr(out.data, "<decode"));
}

/* One name twice breaks every CPU call of libvirt. */
static void test_include_never_says_a_name_of_the_map(void)
{
	static const char *const taken[] = {"small", "odd"};
	_cleanup_libvirtmap_ struct libvirtmap map = {0};
	const bool included[] = {true};

	CHECK(libvirtmap_load(&map, SMALL_MAP, LIBVIRTMAP_OURS, NULL) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(taken); i++) {
		_cleanup_text_ struct text out = {0};
		struct error err = {0};
		struct model m;

		add_model(&m, taken[i], "pni");
		CHECK(mapinclude_print(&out, &m, included, 1, &map, NULL, &err) == -EEXIST);
		CHECK(strstr(err.what, "other features"));
	}
}

/* libvirt before 4.7 has it all in one file. */
static void test_single(void)
{
	_cleanup_libvirtmap_ struct libvirtmap old = {0}, later = {0};

	CHECK(libvirtmap_load(&old, "tests/data/cpu_map-1.2", LIBVIRTMAP_OURS, NULL) == 0);
	CHECK(old.single && !old.has_decode);
	CHECK_STR(names(&old.features), "cx16 fpu lm pni smep");
	check_model(&old, "small", "fpu");
	check_model(&old, "larger", "fpu lm pni");
	CHECK_STR(model_named(&old.models, "larger")->id.vendor, "AuthenticAMD");
	CHECK(old.models.n == 2 && strv_has(&old.odd, "odd") && !old.ours.n);
	CHECK(libvirtmap_load(&later, "tests/data/cpu_map-4.6", LIBVIRTMAP_OURS, NULL) == 0);
	CHECK(later.single && !later.has_decode);
	CHECK_STR(names(&later.features), "fpu invtsc xsaveopt");
	check_identity(&later, "small");
}

static char *text_of(const char *path)
{
	char *text = NULL;
	size_t len;

	CHECK(file_read(path, TRUST_ANY, 1 << 20, &text, &len, NULL) == 0);
	return text;
}

/* Our models in it, changed, and out again: the file is what it was, to the byte. */
static void test_block(void)
{
	static const char *const files[] = {"tests/data/cpu_map-1.2.xml",
					    "tests/data/cpu_map-4.6.xml"};
	static const char first[] = "<!-- " MAPINCLUDE_FIRST " -->\n<!-- cpushim-names: a -->\n"
				    "<cpus>\n  <model name='a'>\n    <feature name='fpu'/>\n"
				    "  </model>\n</cpus>\n";
	static const char second[] = "<!-- " MAPINCLUDE_FIRST " -->\n<!-- cpushim-names: b -->\n"
				     "<cpus>\n  <model name='b'>\n    <feature name='fpu'/>\n"
				     "  </model>\n</cpus>\n";

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_free_ char *map = text_of(files[i]);
		_cleanup_text_ struct text one = {0}, two = {0}, gone = {0}, same = {0};

		if (!map)
			continue;
		CHECK(!mapsingle_has_block(map));
		CHECK(mapsingle_merge(&one, map, files[i], first, NULL) == 0);
		CHECK(mapsingle_has_block(one.data));
		CHECK(strstr(one.data, "    <!-- cpushim-names: a -->\n      <model name='a'>\n"));
		CHECK(strstr(one.data, "    <!-- cpushim: end -->\n  </arch>\n"));
		CHECK(mapsingle_merge(&two, one.data, files[i], second, NULL) == 0);
		CHECK(strstr(two.data, "'b'") && !strstr(two.data, "'a'"));
		CHECK(mapsingle_merge(&same, two.data, files[i], second, NULL) == 0);
		CHECK_STR(same.data, two.data);
		CHECK(mapsingle_merge(&gone, two.data, files[i], NULL, NULL) == 0);
		CHECK_STR(gone.data, map);
	}
}

static void test_block_is_known(void)
{
	_cleanup_libvirtmap_ struct libvirtmap with = {0}, without = {0};
	_cleanup_free_ char *map = text_of("tests/data/cpu_map-1.2.xml"), *dir = NULL, *file = NULL;
	_cleanup_text_ struct text merged = {0};
	char tmp[] = "/tmp/cpushim-test.XXXXXX";

	CHECK(mkdtemp(tmp) && asprintf(&dir, "%s/cpu_map", tmp) > 0 &&
	      asprintf(&file, "%s.xml", dir) > 0);
	CHECK(mapsingle_merge(&merged, map, "map",
			      "<!-- " MAPINCLUDE_FIRST " -->\n<cpus>\n<model name='ours'>\n"
			      "<feature name='fpu'/>\n</model>\n</cpus>\n",
			      NULL) == 0);
	CHECK(file_write(file, 0644, merged.data, merged.len, NULL, NULL) == 0);
	CHECK(libvirtmap_load(&without, dir, LIBVIRTMAP_OURS, NULL) == 0);
	CHECK(without.models.n == 2 && !model_named(&without.models, "ours"));
	CHECK(libvirtmap_load(&with, dir, NULL, NULL) == 0);
	check_model(&with, "ours", "fpu");
	CHECK(with.ours.n == 1 && strv_has(&with.ours, "ours"));
	CHECK(unlink(file) == 0 && rmdir(tmp) == 0);
}

static void test_no_place_for_a_block(void)
{
	static const char *const maps[] = {"",
					   "<cpus/>",
					   "<cpus><arch name='x86'></arch></cpus>",
					   "<cpus>\n<arch name='x86'>",
					   "<cpus>\n<arch name='ppc64'>\n</arch>\n</cpus>\n",
					   "<cpus>\n<arch name='x86'>\n<!-- </arch>\n",
					   "<cpus>\n<arch name='x86'>\n<!-- " MAPINCLUDE_FIRST
					   " -->\n</arch>\n</cpus>\n"};

	for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
		_cleanup_text_ struct text out = {0};
		struct error err = {0};

		CHECK(mapsingle_merge(&out, maps[i], "map", "<cpus>\n</cpus>\n", &err) == -EINVAL);
		CHECK(*err.what);
	}
}

int main(int argc, char **argv)
{
	test_single();
	test_block();
	test_block_is_known();
	test_no_place_for_a_block();
	test_models();
	test_feature_names();
	test_vendors();
	test_ours_is_read_if_not_skipped();
	test_broken_maps();
	test_include();
	test_include_without_decode();
	test_include_never_says_a_name_of_the_map();
	if (access(LIBVIRTMAP_DIR, F_OK) == 0)
		test_map_of(LIBVIRTMAP_DIR);
	for (int i = 1; i < argc; i++)
		test_map_of(argv[i]);
	return check_done();
}
