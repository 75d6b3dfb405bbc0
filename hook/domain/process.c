/* SPDX-License-Identifier: Apache-2.0 */
#include "process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#include "cpumap/core/emulator.h"
#include "cpumap/core/paths.h"
#include "cpumap/core/qemuargs.h"
#include "cpumap/core/util.h"

void process_free(struct process *p)
{
	free(p->cmdline);
	free(p->argv);
	*p = (struct process){0};
}

void process_list_free(struct process_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		process_free(&l->item[i]);
	free(l->item);
	*l = (struct process_list){0};
}

int process_take(struct process *p, char *cmdline, size_t len)
{
	char *end = cmdline + len;

	p->cmdline = cmdline;
	for (char *at = cmdline; at < end; at += strlen(at) + 1)
		p->argc++;
	p->argv = calloc(p->argc + 1, sizeof(*p->argv));
	if (!p->argv)
		return -ENOMEM;
	p->argc = 0;
	for (char *at = cmdline; at < end; at += strlen(at) + 1)
		p->argv[p->argc++] = at;
	return 0;
}

/* A process's file under @proc. */
static int read_file(const char *proc, int pid, const char *name, char **text, size_t *len)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;

	if (asprintf(&path, "%s/%d/%s", proc, pid, name) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	return fd < 0 ? -errno : fd_read_all(fd, PROCESS_LIMIT, text, len);
}

/* The user, from "Uid:" in the process's status. The owner of its directory in /proc isn't the user
 * if the process can't be dumped. */
static long long read_uid(const char *proc, int pid)
{
	static const char word[] = "\nUid:\t";
	_cleanup_free_ char *text = NULL;
	const char *at;
	uint64_t uid;
	size_t len;

	if (read_file(proc, pid, "status", &text, &len) < 0)
		return -1;
	at = strstr(text, word);
	at = at ? at + strlen(word) : "";
	return number_parse(at, strcspn(at, "\t"), 10, UINT32_MAX, &uid) < 0 ? -1 : (long long)uid;
}

int process_read(struct process *p, const char *proc, int pid)
{
	char *cmdline = NULL;
	size_t len;
	int r = read_file(proc, pid, "cmdline", &cmdline, &len);

	*p = (struct process){.pid = pid, .uid = -1, .owner = OWNER_UNKNOWN};
	if (r == 0)
		r = process_take(p, cmdline, len);
	if (r == 0)
		p->uid = read_uid(proc, pid);
	else
		process_free(p);
	return r;
}

char *process_program(const char *proc, int pid)
{
	char *path = NULL;

	return asprintf(&path, "%s/%d/exe", proc, pid) < 0 ? NULL : path;
}

/* ---- options ---- */

const char *process_option(const struct process *p, const char *option)
{
	return qemuargs_last(p->argc, p->argv, option + 1);
}

/* A part's value, with each double comma replaced by a single one. */
static char *opt_value(const struct qemuopt *opt)
{
	_cleanup_text_ struct text value = {0};

	text_adds(&value, "");
	for (size_t i = 0; i < opt->value_len; i++) {
		i += opt->value[i] == ',';
		text_add(&value, opt->value + i, 1);
	}
	return value.failed ? NULL : steal_pointer(&value.data);
}

char *process_domain(const struct process *p)
{
	const char *value = process_option(p, "-name");
	struct qemuopt opt = {0}, name = {0};

	while (value && qemuopt_next(&opt, value))
		if (opt.value && qemuopt_is(&opt, "guest", true))
			name = opt;
	return name.value ? opt_value(&name) : NULL;
}

/* QEMU's own default is TCG, unless its program's name ends in kvm (configure_accelerators,
 * softmmu/vl.c, 5.0). */
static const char *default_accel(const struct process *p)
{
	size_t len = p->argc ? strlen(p->argv[0]) : 0;

	return len >= 3 && strcmp(p->argv[0] + len - 3, "kvm") == 0 ? "kvm:tcg" : "tcg";
}

/* The accelerator that one option asks for. */
static bool accel_of(const struct qemuarg *arg, struct qemuopt *accel)
{
	bool own = qemuarg_is(arg, "accel");
	struct qemuopt opt = {0};
	bool found = false;

	if (!arg->value || !(own || qemuarg_is(arg, "machine") || qemuarg_is(arg, "M")))
		return false;
	while (qemuopt_next(&opt, arg->value)) {
		if (!opt.value || !qemuopt_is(&opt, "accel", own))
			continue;
		*accel = opt;
		found = true;
	}
	return found;
}

/* The first -accel is tried first; without any, what -machine says last counts. */
void process_accel(const struct process *p, char *buf, size_t size)
{
	struct qemuopt accel = {0};
	struct qemuarg arg = {0};
	bool enabled = false;

	while (qemuargs_next(&arg, p->argc, p->argv)) {
		enabled |= qemuarg_is(&arg, "enable-kvm");
		if (accel_of(&arg, &accel) && qemuarg_is(&arg, "accel"))
			break;
	}
	if (!accel.value) {
		accel.value = enabled ? "kvm" : default_accel(p);
		accel.value_len = strlen(accel.value);
	}
	(void)text_escape(buf, size, accel.value, accel.value_len);
}

/* ---- which of them ---- */

/* @name ends at @len: "/usr/bin/qemu-system-x86_64.distrib (deleted)" is a QEMU, too. */
static bool is_qemu(const char *path)
{
	static const char *const names[] = {"qemu-kvm", "kvm", "kvm-spice"};
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	size_t len = strcspn(name, " ");

	if (strncmp(name, "qemu-system-", strlen("qemu-system-")) == 0)
		return true;
	if (len > strlen(EMULATOR_REAL) &&
	    memcmp(name + len - strlen(EMULATOR_REAL), EMULATOR_REAL, strlen(EMULATOR_REAL)) == 0)
		len -= strlen(EMULATOR_REAL);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strlen(names[i]) == len && memcmp(name, names[i], len) == 0)
			return true;
	return false;
}

/* Does the process run a QEMU, by the program that the kernel names, or, if we may not read that,
 * by its own argv[0]? */
static bool runs_qemu(const char *proc, const struct process *p)
{
	_cleanup_free_ char *path = process_program(proc, p->pid);
	char exe[PATH_MAX];
	ssize_t n;

	if (!path)
		return false;
	n = readlink(path, exe, sizeof(exe) - 1);
	if (n < 0)
		return is_qemu(p->argv[0]);
	exe[n] = '\0';
	return is_qemu(exe);
}

static int compare_pids(const void *a, const void *b)
{
	const struct process *x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

/* ---- whose they are ---- */

/* The PIDs in libvirt's NAME.pid files, of any name. */
struct noted {
	int *pid;
	size_t n;
	bool known;
};

static int note_pid(struct noted *noted, const char *dir, const char *file)
{
	_cleanup_free_ char *path = NULL, *text = NULL;
	size_t len = strlen(file);
	uint64_t pid;
	int *grown, r;

	if (len <= 4 || strcmp(file + len - 4, ".pid") != 0)
		return 0;
	if (asprintf(&path, "%s/%s", dir, file) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	r = file_read(path, TRUST_ANY, PROCESS_LIMIT, &text, &len, NULL);
	noted->known &= r != -EACCES;
	if (r < 0 || number_parse(text, strcspn(text, "\n"), 10, INT_MAX, &pid) < 0)
		return 0;
	grown = reallocarray(noted->pid, noted->n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	noted->pid = grown;
	grown[noted->n++] = (int)pid;
	return 0;
}

static int read_noted(struct noted *noted)
{
	_cleanup_free_ char *dir = root_path(LIBVIRT_STATE_DIR);
	DIR *d = dir ? opendir(dir) : NULL;
	const struct dirent *entry;
	int r = dir ? 0 : -ENOMEM;

	noted->known = d || errno == ENOENT;
	while (d && r == 0 && (entry = readdir(d)))
		r = note_pid(noted, dir, entry->d_name);
	if (d)
		(void)closedir(d);
	return r;
}

/* Finds out whose each QEMU is. libvirt notes a PID before the process becomes QEMU, so this is
 * done after all processes were found. */
static int find_owners(struct process_list *l)
{
	struct noted noted = {0};
	int r = read_noted(&noted);

	for (size_t i = 0; r == 0 && i < l->n; i++) {
		l->item[i].owner = noted.known ? OWNER_OTHER : OWNER_UNKNOWN;
		for (size_t k = 0; k < noted.n; k++)
			if (noted.pid[k] == l->item[i].pid)
				l->item[i].owner = OWNER_LIBVIRT;
	}
	free(noted.pid);
	return r;
}

/* ---- all of them ---- */

static int add_process(struct process_list *l, const char *proc, int pid)
{
	_cleanup_process_ struct process p = {0};
	struct process *grown;
	int r = process_read(&p, proc, pid);

	if (r == -ENOMEM)
		return r;
	/* it has ended, or is a kernel thread */
	if (r < 0 || p.argc == 0 || !runs_qemu(proc, &p) ||
	    qemuargs_machine_is_none(p.argc, p.argv))
		return 0;
	grown = reallocarray(l->item, l->n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	l->item = grown;
	grown[l->n++] = p;
	p = (struct process){0};
	return 0;
}

int processes_qemu(struct process_list *l, struct error *err)
{
	_cleanup_free_ char *proc = root_path("/proc");
	DIR *dir = proc ? opendir(proc) : NULL;
	const struct dirent *entry;
	int r = 0;

	*l = (struct process_list){0};
	if (!dir)
		return error_set(err, proc ? -errno : -ENOMEM, proc, 0, "%s", strerror(errno));
	while (r == 0 && (entry = readdir(dir))) {
		uint64_t pid;

		if (number_parse(entry->d_name, strlen(entry->d_name), 10, INT_MAX, &pid) == 0)
			r = add_process(l, proc, (int)pid);
	}
	(void)closedir(dir);
	if (r == 0)
		r = find_owners(l);
	if (r < 0)
		return error_set(err, r, proc, 0, "out of memory");
	if (l->n)
		qsort(l->item, l->n, sizeof(*l->item), compare_pids);
	return 0;
}
