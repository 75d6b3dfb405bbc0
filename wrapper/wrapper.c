/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wrapper, which is installed in the place of qemu-system-x86_64. It expands the table's models
 * in -cpu, puts qmp-proxy between libvirt's probe and QEMU, and becomes the real QEMU. It finds its
 * files by its own path, as the kernel names it, and trusts no environment variable (<qemu:env>
 * reaches it), no argv[0] and no PATH. Every guest starts through it, so it is static and needs
 * libc alone.
 */
#include <errno.h>
#include <limits.h>
#include <sys/auxv.h>
#include <sys/stat.h>

#include "cpumap/core/cpuarg.h"
#include "cpumap/core/emulator.h"
#include "cpumap/core/model.h"
#include "cpumap/core/table.h"
#include "cpumap/core/util.h"
#include "plan.h"
#include "probe.h"

#define LIBDIR "/../lib/cpushim/"

/* Where everything is: NAME.distrib beside the wrapper's own file, the rest in ../lib/cpushim. */
struct places {
	char self[PATH_MAX];
	char real[PATH_MAX + sizeof(EMULATOR_REAL)];
	char table[PATH_MAX + 64];
	char proxy[PATH_MAX + 64];
};

static void say(const struct error *err)
{
	char line[sizeof(err->where) + 2 * sizeof(err->what)];

	error_line(err, line, sizeof(line));
	(void)!write(STDERR_FILENO, line, strlen(line));
}

/* Without /proc the kernel still tells which file was executed (AT_EXECFN, execve(2)), but as the
 * caller wrote it: links have to be resolved, and the path must be absolute. */
static int find_self_without_proc(char self[PATH_MAX], struct error *err)
{
	/* the kernel passes an address */
	const char *executed = (const char *)getauxval(AT_EXECFN);
	char resolved[PATH_MAX];

	if (!executed || *executed != '/' || !realpath(executed, resolved))
		return error_set(err, -ENOENT, "/proc/self/exe", 0,
				 "can't be read, so the real QEMU can't be found; mount /proc, or "
				 "call this by its absolute path");
	memcpy(self, resolved, sizeof(resolved));
	return 0;
}

static int find_self(char self[PATH_MAX], struct error *err)
{
	static const char deleted[] = " (deleted)";
	ssize_t n = readlink("/proc/self/exe", self, PATH_MAX - 1);

	if (n < 0)
		return find_self_without_proc(self, err);
	self[n] = '\0';
	/* the wrapper's file was replaced by a newer one while this one was starting */
	if ((size_t)n > strlen(deleted) && strcmp(self + n - strlen(deleted), deleted) == 0)
		self[(size_t)n - strlen(deleted)] = '\0';
	return 0;
}

static int find_places(struct places *p, struct error *err)
{
	char *slash;
	int dir, r = find_self(p->self, err);

	if (r < 0)
		return r;
	slash = strrchr(p->self, '/');
	dir = slash ? (int)(slash - p->self) : 0;
	(void)snprintf(p->real, sizeof(p->real), "%s%s", p->self, EMULATOR_REAL);
	(void)snprintf(p->table, sizeof(p->table), "%.*s%smodels.table", dir, p->self, LIBDIR);
	(void)snprintf(p->proxy, sizeof(p->proxy), "%.*s%sqmp-proxy", dir, p->self, LIBDIR);
	return 0;
}

/* Is @path the file that runs now? */
static bool is_myself(const struct places *p, const char *path)
{
	struct stat it, me;
	const char *self = access("/proc/self/exe", F_OK) == 0 ? "/proc/self/exe" : p->self;

	return stat(path, &it) == 0 && stat(self, &me) == 0 && it.st_dev == me.st_dev &&
	       it.st_ino == me.st_ino;
}

/* What helps where @path couldn't be executed. */
static const char *cure_of(int code, const char *path)
{
	struct stat st;

	/* not the file's fault */
	if (code == E2BIG || code == ENOMEM || code == EAGAIN || code == ETXTBSY)
		return "";
	if (code == EACCES && stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_mode & 0111)
		return "; look for what confines it (AppArmor, SELinux), or a noexec mount";
	return "; " EMULATOR_REINSTALL;
}

/* Becomes the real QEMU. It returns only with an error, and never executes itself again. */
static int become_qemu(const struct places *p, char **argv, struct error *err)
{
	/* p->self: uninstalling may just have moved QEMU back there */
	const char *const candidates[] = {p->real, p->self};

	for (size_t i = 0; i < ARRAY_SIZE(candidates); i++) {
		int code;

		if (is_myself(p, candidates[i]))
			continue;
		(void)execv(candidates[i], argv);
		code = errno;
		if (code != ENOENT)
			return error_set(err, -code, candidates[i], 0, "can't be run: %s%s",
					 strerror(code), cure_of(code, candidates[i]));
	}
	return error_set(err, -ENOENT, p->real, 0,
			 "the real QEMU isn't there; " EMULATOR_REINSTALL);
}

/* Is the QEMU that is going to run the table's? become_qemu chooses likewise. */
static enum emulator_now compare_qemu(const struct places *p, const struct table_qemu *noted)
{
	enum emulator_now now = emulator_compare(noted, p->real);

	return now == EMULATOR_GONE && !is_myself(p, p->self) ? emulator_compare(noted, p->self)
							      : now;
}

/*
 * May this QEMU have the model? If QEMU computes the model's base it must be the one that the table was
 * made from: another one's base may have features that the expansion doesn't name. If there is none,
 * executing it tells why.
 */
static bool check_base(const struct table_row *row, const struct places *p, const struct table *t,
		       struct error *err)
{
	const struct table_qemu *noted = table_qemu_of(t, p->self);
	enum emulator_now now;

	if (*row->refused || !model_is_computed(row->base))
		return true;
	now = noted ? compare_qemu(p, noted) : EMULATOR_OTHER;
	if (now == EMULATOR_HIDDEN)
		error_set(
			err, -EACCES, p->real, 0,
			"can't be looked at, so nobody knows what model '%s' would be on its base "
			"'%s'; let QEMU's user read it",
			row->model, row->base);
	else if (now == EMULATOR_OTHER)
		error_set(err, -ESTALE, p->real, 0,
			  "isn't the QEMU that the table was made from (%s), so model '%s' on its "
			  "base '%s' can't be had; " EMULATOR_COMPILE,
			  noted ? noted->version : "none", row->model, row->base);
	return now == EMULATOR_SAME || now == EMULATOR_GONE;
}

/* The arguments with our models expanded; @argv itself if there is nothing to expand. NULL and @err: it
 * mustn't be started, nor QEMU be asked to refuse the name, as it may have a model of that name. */
static char **expand(int argc, char **argv, const struct request *r, const struct places *p,
		     const struct table *t, struct error *err)
{
	const char *cpu = argv[r->cpu];
	const struct table_row *refused, *row = table_find(t, cpu, cpuarg_model_len(cpu), p->self);
	char **plan;

	if (row && !check_base(row, p, t, err))
		return NULL;
	plan = plan_cpu(argc, argv, r, t, p->self, &refused);
	if (!plan)
		error_set(err, -ENOMEM, p->self, 0, "out of memory");
	if (refused) {
		struct error why = {0};

		error_set(&why, -ENOTSUP, refused->origin, 0, "model '%s' can't be had: %s",
			  refused->model, refused->refused);
		say(&why);
	}
	return plan;
}

/* The arguments with monitors for qmp-proxy; @argv itself if qmp-proxy can't be started: then QEMU
 * answers alone. */
static char **answer_probe(int argc, char **argv, const struct request *r, const struct places *p)
{
	struct error err = {0};
	int relay, questions;
	int rc = probe_begin(r, p->proxy, p->table, p->self, &relay, &questions);
	char **plan = rc == 0 ? plan_probe(argc, argv, r, relay, questions) : NULL;

	if (plan)
		return plan;
	error_set(&err, rc, p->proxy, 0, "libvirt isn't told of the site's models: %s",
		  strerror(rc ? -rc : ENOMEM));
	say(&err);
	return argv;
}

int main(int argc, char **argv)
{
	struct table t = {0};
	struct places p;
	struct request r;
	struct error err = {0};
	char **plan = argv;

	if (find_places(&p, &err) < 0) {
		say(&err);
		return 1;
	}
	request_read(&r, argc, argv);
	if (r.cpu || r.qmp) {
		const char *cpu = r.cpu ? argv[r.cpu] : NULL;

		/* without a table QEMU gets every argument as it is, and refuses models it doesn't
		 * know */
		if (table_load_model(&t, p.table, cpu, cpu ? cpuarg_model_len(cpu) : 0, &err) < 0)
			say(&err);
		else if (r.cpu)
			plan = expand(argc, argv, &r, &p, &t, &err);
		else if (table_has_emulator(&t, p.self))
			plan = answer_probe(argc, argv, &r, &p);
	}
	if (plan)
		become_qemu(&p, plan, &err);
	say(&err);
	return 1;
}
