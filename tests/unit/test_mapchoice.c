/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What libvirt takes a CPU for, by libvirt itself: a model that it may choose (<decode> on, as if
 * the map had no <decode>) is seen to change it, and one that it may not choose isn't. As root and
 * with libvirt; else only the CPUs' text is checked.
 */
#include <limits.h>

#include "cpumap/core/paths.h"
#include "cpumap/libvirt/mapchoice.h"
#include "cpumap/libvirt/libvirtask.h"
#include "check.h"

#define INDEX LIBVIRTMAP_DIR "/index.xml"

static const char site_features[] = "fpu de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat "
				    "clflush mmx fxsr sse sse2 pni nx syscall lm";
static char dir[] = "/tmp/cpushim-test.XXXXXX";

static struct featset set_of(const char *names)
{
	struct featset set = {0};

	CHECK(featset_parse(&set, names, strlen(names), ' ', NULL) == 0);
	return set;
}

static void test_cpus(void)
{
	_cleanup_strv_ struct strv cpus = {0}, none = {0};
	const struct featset set = set_of("fpu lm");

	if (!CHECK(mapchoice_cpus(&cpus, &set, "Intel") == 0 && cpus.n == 2) ||
	    !CHECK(mapchoice_cpus(&none, &set, NULL) == 0 && none.n == 2))
		return;
	CHECK_STR(cpus.item[0], "<cpu><arch>x86_64</arch><model>486</model><vendor>Intel</vendor>"
				"<feature name='fpu'/><feature name='lm'/></cpu>");
	CHECK_STR(cpus.item[1],
		  "<cpu><arch>x86_64</arch><model>pentium</model><vendor>Intel</vendor>"
		  "<feature name='fpu'/><feature name='lm'/></cpu>");
	CHECK(!strstr(none.item[0], "vendor"));
}

static char *in_dir(const char *name)
{
	char *path = NULL;

	CHECK(asprintf(&path, "%s/%s", dir, name) > 0);
	return path;
}

static void write_text(const char *path, const struct text *t)
{
	CHECK(file_write(path, 0644, t->data, t->len, NULL, NULL) == 0);
}

/* The site's model with @decode, or none, in the machine's own map: what is the CPU taken for? */
static char *taken_for(const struct mapchoice *c, const char *index, const char *decode)
{
	_cleanup_text_ struct text model = {0}, map = {0}, names = {0};
	_cleanup_free_ char *file = in_dir("site.xml");
	const struct featset set = set_of(site_features);
	const char *features_line = strstr(index, "x86_features.xml");
	char *answer = NULL;
	struct error err = {0};
	size_t len;

	if (!CHECK(features_line))
		return strdup("");
	len = (size_t)(features_line - index) + strcspn(features_line, "\n") + 1;
	text_add(&map, index, len);
	if (decode) {
		featset_print(&names, &set, "'/><feature name='");
		text_addf(&model,
			  "<cpus><model name='site'><decode host='%s' guest='%s'/>"
			  "<feature name='%s'/></model></cpus>\n",
			  decode, decode, names.data);
		write_text(file, &model);
		/* the directories' names are libvirt's: from its map's to the root */
		text_addf(&map, "<include filename='../../../..%s'/>\n", file);
	}
	text_adds(&map, index + len);
	if (!CHECK(mapchoice_model(c, &map, &answer, &err) == 0))
		printf("%s: %s\n", err.where, err.what);
	return answer ? answer : strdup("");
}

static void test_a_choice_is_seen(const char *index)
{
	_cleanup_free_ char *staged = in_dir("index.xml");
	_cleanup_strv_ struct strv cpus = {0};
	const struct mapchoice c = {.target = INDEX, .staged = staged, .cpus = &cpus};
	const struct featset set = set_of(site_features);

	if (CHECK(mapchoice_cpus(&cpus, &set, "Intel") == 0)) {
		_cleanup_free_ char *before = taken_for(&c, index, NULL);
		_cleanup_free_ char *off = taken_for(&c, index, "off");
		_cleanup_free_ char *on = taken_for(&c, index, "on");

		CHECK(strstr(before, "<model ") && !strstr(before, ">site<"));
		CHECK_STR(off, before);
		CHECK(strstr(on, ">site</model>"));
	}
}

static bool libvirt_there(void)
{
	const struct libvirt_at at = {.seconds = 60};
	struct libvirt_versions versions;

	return libvirt_ask_versions(&at, &versions, NULL) == 0;
}

int main(int argc, char **argv)
{
	_cleanup_free_ char *index = NULL;
	size_t len;

	if (argc == 2 && strcmp(argv[1], LIBVIRT_ASK) == 0)
		return libvirt_answer() < 0;
	test_cpus();
	if (geteuid() != 0 || !libvirt_there() ||
	    file_read(INDEX, TRUST_ANY, 1 << 20, &index, &len, NULL) < 0)
		return check_done();
	if (CHECK(mkdtemp(dir))) {
		test_a_choice_is_seen(index);
		static const char *const names[] = {"index.xml", "site.xml"};

		for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
			_cleanup_free_ char *path = in_dir(names[i]);

			(void)unlink(path);
		}
		CHECK(rmdir(dir) == 0);
	}
	return check_done();
}
