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

int main(void)
{
	(void)unsetenv("CPUSHIM_ROOT");
	test_names();
	test_hostile_names();
	test_long_names();
	test_root();
	return check_done();
}
