/* SPDX-License-Identifier: Apache-2.0 */
/* Paths of libvirt's files, by a domain's name. */
#include <errno.h>

#include "cpumap/core/util.h"
#include "hook/core/domainfile.h"
#include "check.h"

static void check_path(enum domainfile kind, const char *name, unsigned int spelling,
		       const char *wanted)
{
	_cleanup_free_ char *path = NULL;
	int r = domainfile_path(&path, kind, name, spelling);

	if (wanted && CHECK(r == 0))
		CHECK_STR(path, wanted);
	else if (!wanted)
		CHECK(r == -ENOENT && !path);
}

static void test_names(void)
{
	check_path(DOMAINFILE_PID, "vm", 0, "/run/libvirt/qemu/vm.pid");
	check_path(DOMAINFILE_PID, "R&D", 0, "/run/libvirt/qemu/R&amp;D.pid");
	check_path(DOMAINFILE_PID, "R&D", 1, "/run/libvirt/qemu/R&D.pid");
	check_path(DOMAINFILE_PID, "R&D", 2, NULL);
	check_path(DOMAINFILE_PID, "<it's \"a>", 0,
		   "/run/libvirt/qemu/&lt;it&apos;s &quot;a&gt;.pid");
	check_path(DOMAINFILE_PID, "&amp;", 0, "/run/libvirt/qemu/&amp;amp;.pid");
	check_path(DOMAINFILE_PID, "\x01\x19\x1a\t\n\r\x7f", 0,
		   "/run/libvirt/qemu/\x1a\t\n\r\x7f.pid");
	check_path(DOMAINFILE_PID, "\xe6\x97\xa5\xf0\x9f\x98\x80\xff", 0,
		   "/run/libvirt/qemu/\xe6\x97\xa5\xf0\x9f\x98\x80\xff.pid");
	check_path(DOMAINFILE_STATUS, "R&D", 0, "/run/libvirt/qemu/R&D.xml");
	check_path(DOMAINFILE_STATUS, "R&D", 1, NULL);
	check_path(DOMAINFILE_DEFINITION, "-'x'", 0, "/etc/libvirt/qemu/-'x'.xml");
	check_path(DOMAINFILE_LOG, "R&D", 0, "/var/log/libvirt/qemu/R&D.log");
}

/* libvirt takes "." and "..", which stay in the directory with a suffix behind them. */
static void test_hostile_names(void)
{
	static const char *const elsewhere[] = {"", "/", "../x", "a/b", "a/..", "/etc/passwd"};

	check_path(DOMAINFILE_PID, ".", 0, "/run/libvirt/qemu/..pid");
	check_path(DOMAINFILE_DEFINITION, "..", 0, "/etc/libvirt/qemu/...xml");
	check_path(DOMAINFILE_STATUS, ".hidden", 0, "/run/libvirt/qemu/.hidden.xml");
	for (enum domainfile kind = DOMAINFILE_PID; kind <= DOMAINFILE_LOG; kind++)
		for (size_t i = 0; i < ARRAY_SIZE(elsewhere); i++)
			for (unsigned int spelling = 0; spelling < 2; spelling++)
				check_path(kind, elsewhere[i], spelling, NULL);
}

static int run(const char *command, const char *words)
{
	_cleanup_free_ char *line = NULL;

	return asprintf(&line, "%s %s", command, words) < 0 ? -1 : system(line);
}

static void test_long_names(void)
{
	char name[5000];
	_cleanup_free_ char *path = NULL;

	memset(name, '\'', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	CHECK(domainfile_path(&path, DOMAINFILE_PID, name, 0) == 0);
	CHECK(strlen(path) ==
	      strlen("/run/libvirt/qemu/.pid") + (sizeof(name) - 1) * strlen("&apos;"));
}

static void test_root(void)
{
	(void)setenv("CPUSHIM_ROOT", "/root&", 1);
	check_path(DOMAINFILE_PID, "a&b", 0, "/root&/run/libvirt/qemu/a&amp;b.pid");
	(void)unsetenv("CPUSHIM_ROOT");
}

/* Adds to the text at @data; ends the walk at "z". */
static int note(const char *name, void *data)
{
	text_addf(data, "%s;", name);
	return strcmp(name, "z") == 0 ? 7 : 0;
}

static void test_each(void)
{
	static const char *const files[] = {".hidden.xml", "..xml", "R&D.xml", "no.log", ".xml"};
	char root[] = "/tmp/test_domainfile.XXXXXX";
	_cleanup_text_ struct text found = {0}, last = {0};
	_cleanup_free_ char *dir = NULL, *file = NULL;

	CHECK(mkdtemp(root) && asprintf(&dir, "%s/etc/libvirt/qemu", root) > 0);
	(void)setenv("CPUSHIM_ROOT", root, 1);
	CHECK(domainfile_each(DOMAINFILE_DEFINITION, note, &found) == 0 && found.len == 0);
	CHECK(run("mkdir -p", dir) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_free_ char *path = NULL;

		CHECK(asprintf(&path, "'%s/%s'", dir, files[i]) > 0 && run("touch", path) == 0);
	}
	CHECK(domainfile_each(DOMAINFILE_DEFINITION, note, &found) == 0);
	CHECK(strstr(found.data, ".hidden;") && strstr(found.data, "R&D;"));
	/* a domain may be called "."; a suffix alone is no name */
	CHECK(found.len == strlen(".hidden;.;R&D;"));
	CHECK(asprintf(&file, "%s/z.xml", dir) > 0 && run("touch", file) == 0);
	CHECK(domainfile_each(DOMAINFILE_DEFINITION, note, &last) == 7);
	(void)unsetenv("CPUSHIM_ROOT");
	CHECK(run("rm -r", root) == 0);
}

int main(void)
{
	(void)unsetenv("CPUSHIM_ROOT");
	test_names();
	test_hostile_names();
	test_long_names();
	test_root();
	test_each();
	return check_done();
}
