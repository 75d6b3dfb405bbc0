/* SPDX-License-Identifier: Apache-2.0 */
/* AppArmor and SELinux: what the wrapper and the real QEMU need of them, and what they have denied. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "cpumap/core/paths.h"
#include "condition.h"
#include "run.h"

#define APPARMOR_STATE  "/sys/module/apparmor/parameters/enabled"
#define SELINUX_STATE   "/sys/fs/selinux/enforce"
#define JOURNAL         "/run/systemd/journal"
#define JOURNAL_SECONDS 20
#define LOG_TAIL        ((off_t)4 << 20)
#define DAY             (24 * 60 * 60)

/* ---- AppArmor ---- */

static bool apparmor_is_on(void)
{
	_cleanup_free_ char *state = checkup_text(APPARMOR_STATE);

	return state && *state == 'Y';
}

/* Has the text a rule that lets the program be read, mapped and executed under this profile? */
static bool has_rule(const char *text, const char *program)
{
	size_t len = strlen(program);

	for (const char *at = text; at && (at = strstr(at, program)); at += len) {
		const char *line = at, *rights = at + len + strspn(at + len, " \t");

		while (line > text && line[-1] != '\n')
			line--;
		line += strspn(line, " \t");
		if (line == at && strcspn(rights, ",\n") >= 3 &&
		    memchr(rights, 'r', strcspn(rights, ",\n")) &&
		    memchr(rights, 'm', strcspn(rights, ",\n")) &&
		    memmem(rights, strcspn(rights, ",\n"), "ix", 2))
			return true;
	}
	return false;
}

/* In the profile itself, or in an override that it includes. */
static bool is_allowed(const char *program)
{
	static const char *const files[] = {APPARMOR_QEMU, APPARMOR_LOCAL};
	_cleanup_free_ char *dir_path = root_path(APPARMOR_QEMU ".d");
	DIR *dir = dir_path ? opendir(dir_path) : NULL;
	const struct dirent *entry;
	bool found = false;

	for (size_t i = 0; i < ARRAY_SIZE(files) && !found; i++) {
		_cleanup_free_ char *text = checkup_text(files[i]);

		found = text && has_rule(text, program);
	}
	while (dir && !found && (entry = readdir(dir))) {
		_cleanup_free_ char *path = NULL, *text = NULL;

		if (asprintf(&path, APPARMOR_QEMU ".d/%s", entry->d_name) < 0)
			path = NULL;
		text = path && *entry->d_name != '.' ? checkup_text(path) : NULL;
		found = text && has_rule(text, program);
	}
	if (dir)
		(void)closedir(dir);
	return found;
}

void look_apparmor(struct checkup *c, const struct condition *it, struct faults *f)
{
	if (!checkup_has(APPARMOR_QEMU) || c->state.native) {
		fault_add(f, it->id, WEIGHT_SKIPPED,
			  c->state.native ? "there is no wrapper here, so no rule is needed"
					  : "libvirt has no AppArmor profile here");
		return;
	}
	for (size_t i = 0; i < c->state.n_emulators; i++) {
		_cleanup_free_ char *real = NULL;

		if (asprintf(&real, "%s" EMULATOR_REAL, c->state.emulator[i].path) < 0)
			real = NULL;
		if (!real || is_allowed(real))
			continue;
		fault_add(f, it->id, apparmor_is_on() ? WEIGHT_BLOCKS : WEIGHT_WARNS,
			  "%s: libvirt's AppArmor profile doesn't let guests run it, so %s", real,
			  apparmor_is_on() ? "none starts" : "none starts once AppArmor is on");
		fault_cure(f, CURE_READY);
	}
}

/* ---- SELinux ---- */

static void judge_label(const char *path, const struct condition *it, struct faults *f)
{
	_cleanup_free_ char *here = root_path(path);
	char label[256] = "";
	ssize_t n = here ? getxattr(here, "security.selinux", label, sizeof(label) - 1) : -1;

	if (n > 0 && strstr(label, ":qemu_exec_t"))
		return;
	fault_add(f, it->id, WEIGHT_FAILS,
		  "%s: isn't labelled qemu_exec_t, so SELinux doesn't let guests run it", path);
	fault_cure(f, "`restorecon -v %s`", path);
}

void look_selinux(struct checkup *c, const struct condition *it, struct faults *f)
{
	if (!checkup_has(SELINUX_STATE)) {
		fault_add(f, it->id, WEIGHT_SKIPPED, "SELinux isn't on here");
		return;
	}
	for (size_t i = 0; i < c->state.n_emulators && !c->state.native; i++) {
		const struct emulator_state *e = &c->state.emulator[i];
		_cleanup_free_ char *real = NULL;

		judge_label(e->path, it, f);
		if (e->there && asprintf(&real, "%s" EMULATOR_REAL, e->path) >= 0)
			judge_label(real, it, f);
	}
}

/* ---- denials ---- */

/* The last one that concerns us, and how many there are. */
struct denials {
	struct checkup *checkup;
	size_t n;
	char *last; /* a line */
};

/* Does a line tell of a denial that concerns a file of ours? */
static bool concerns_us(const struct checkup *c, const char *line)
{
	if (!strstr(line, "apparmor=\"DENIED\"") && !strstr(line, "avc:  denied"))
		return false;
	if (strstr(line, "cpushim") || strstr(line, HOOK_PATH))
		return true;
	for (size_t i = 0; i < c->state.n_emulators; i++)
		if (strstr(line, c->state.emulator[i].path))
			return true;
	return false;
}

/* "audit(1700000000.123:45)": was it written since yesterday? One without a time counts. */
static bool is_fresh(const char *line)
{
	const char *at = strstr(line, "audit(");
	uint64_t when;

	if (!at || number_parse(at + strlen("audit("), strcspn(at + strlen("audit("), "."), 10,
				UINT32_MAX, &when) < 0)
		return true;
	return time(NULL) - (time_t)when < DAY;
}

static void read_lines(struct denials *d, char *text)
{
	char *rest = text, *line;

	while (rest && (line = strsep(&rest, "\n"))) {
		if (!concerns_us(d->checkup, line) || !is_fresh(line))
			continue;
		free(d->last);
		d->last = strdup(line);
		d->n++;
	}
}

/* The end of a log. False: it can't be read. */
static bool read_log(struct denials *d, const char *path)
{
	_cleanup_free_ char *here = root_path(path), *text = NULL;
	_cleanup_close_ int fd = -1;
	struct stat st;
	size_t len;

	if (!here || file_open(here, TRUST_ANY, &fd, NULL) < 0 || fstat(fd, &st) < 0)
		return false;
	if (st.st_size > LOG_TAIL)
		(void)lseek(fd, st.st_size - LOG_TAIL, SEEK_SET);
	if (fd_read_all(fd, (size_t)LOG_TAIL + (1 << 20), &text, &len) < 0)
		return false;
	read_lines(d, text);
	return true;
}

static bool read_journal(struct denials *d)
{
	static const char *const argv[] = {"journalctl",    "-q",      "--no-pager", "-o",
					   "cat",           "--since", "-1day",      "-g",
					   "DENIED|denied", "-k",      NULL};
	_cleanup_text_ struct text out = {0};

	if (!d->checkup->live || !checkup_has(JOURNAL) ||
	    run_program(argv, JOURNAL_SECONDS, &out, NULL) < 0)
		return false;
	if (out.data && !out.failed)
		read_lines(d, out.data);
	return true;
}

void look_denials(struct checkup *c, const struct condition *it, struct faults *f)
{
	static const char *const logs[] = {"/var/log/audit/audit.log", "/var/log/kern.log",
					   "/var/log/syslog", "/var/log/messages"};
	struct denials d = {.checkup = c};
	bool any = false;
	char shown[400];

	if (!checkup_has(SELINUX_STATE) && !apparmor_is_on()) {
		fault_add(f, it->id, WEIGHT_SKIPPED, "neither AppArmor nor SELinux is on here");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(logs) && !any; i++)
		any = read_log(&d, logs[i]);
	if (!any)
		any = read_journal(&d);
	if (!any)
		fault_add(f, it->id, WEIGHT_UNKNOWN,
			  "no log of the kernel's can be read here; run this as root");
	if (d.n) {
		fault_add(f, it->id, WEIGHT_WARNS, "%zu denied since yesterday, the last one: %s",
			  d.n, text_escape(shown, sizeof(shown), d.last, strlen(d.last)));
		fault_cure(f, CURE_READY ", which puts the rules there that are needed");
	}
	free(d.last);
}
