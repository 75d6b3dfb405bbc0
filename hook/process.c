/* SPDX-License-Identifier: Apache-2.0 */
#include "process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#include "cpumap/emulator.h"
#include "cpumap/util.h"

void process_free(struct process *p)
{
	free(p->cmdline);
	*p = (struct process){0};
}

void process_list_free(struct process_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		process_free(&l->item[i]);
	free(l->item);
	*l = (struct process_list){0};
}

int process_read(struct process *p, const char *proc, int pid)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;
	int r;

	*p = (struct process){.pid = pid};
	if (asprintf(&path, "%s/%d/cmdline", proc, pid) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	r = fd_read_all(fd, PROCESS_LIMIT, &p->cmdline, &p->len);
	if (r < 0)
		process_free(p);
	return r;
}

/* ---- options ---- */

/* Steps to the value of the next @option behind *@at; NULL at the end. */
static const char *next_option(const struct process *p, const char **at, const char *option)
{
	const char *end = p->cmdline + p->len;

	while (*at < end) {
		const char *word = *at, *value = word + strlen(word) + 1;

		*at = value;
		/* QEMU takes both spellings */
		if (value < end && *word == '-' &&
		    (strcmp(word, option) == 0 || strcmp(word + 1, option) == 0))
			return value;
	}
	return NULL;
}

const char *process_option(const struct process *p, const char *option)
{
	const char *at = p->cmdline, *value = NULL, *next;

	while ((next = next_option(p, &at, option)))
		value = next;
	return value;
}

/* The value of KEY= in "a,key=value,..."; *@len: up to its comma. */
static const char *sub_option(const char *value, const char *key, size_t *len)
{
	size_t key_len = strlen(key);

	for (const char *at = value; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (strncmp(at, key, key_len) == 0 && at[key_len] == '=') {
			*len = strcspn(at + key_len + 1, ",");
			return at + key_len + 1;
		}
	}
	return NULL;
}

char *process_domain(const struct process *p)
{
	const char *value = process_option(p, "-name");
	_cleanup_text_ struct text name = {0};

	if (!value)
		return NULL;
	if (strncmp(value, "guest=", 6) == 0)
		value += 6;
	text_adds(&name, "");
	for (; *value && (*value != ',' || value[1] == ','); value++) {
		value += *value == ',';
		text_add(&name, value, 1);
	}
	return name.failed ? NULL : steal_pointer(&name.data);
}

static bool has_flag(const struct process *p, const char *flag)
{
	const char *end = p->cmdline + p->len;

	for (const char *at = p->cmdline; at < end; at += strlen(at) + 1)
		if (*at == '-' && (strcmp(at, flag) == 0 || strcmp(at + 1, flag) == 0))
			return true;
	return false;
}

/* QEMU's own default is TCG, where its name doesn't end in kvm (configure_accelerators,
 * softmmu/vl.c, 5.0). */
static const char *default_accel(const struct process *p)
{
	size_t len = strlen(p->cmdline);

	return len >= 3 && strcmp(p->cmdline + len - 3, "kvm") == 0 ? "kvm:tcg" : "tcg";
}

void process_accel(const struct process *p, char *buf, size_t size)
{
	const char *at = p->cmdline, *value = next_option(p, &at, "-accel"), *machine;
	size_t len = 0;

	if (value && strncmp(value, "accel=", 6) == 0)
		value += 6;
	if (value) {
		len = strcspn(value, ",");
	} else {
		machine = process_option(p, "-machine");
		if (!machine)
			machine = process_option(p, "-M");
		value = machine ? sub_option(machine, "accel", &len) : NULL;
	}
	if (!value) {
		value = has_flag(p, "-enable-kvm") ? "kvm" : default_accel(p);
		len = strlen(value);
	}
	(void)text_escape(buf, size, value, len);
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

/* By the program that the kernel says it runs; where we may not know that, by its own word. */
static bool runs_qemu(const char *proc, const struct process *p)
{
	_cleanup_free_ char *path = NULL;
	char exe[PATH_MAX];
	ssize_t n;

	if (asprintf(&path, "%s/%d/exe", proc, p->pid) < 0) {
		path = NULL;
		return false;
	}
	n = readlink(path, exe, sizeof(exe) - 1);
	if (n < 0)
		return is_qemu(p->cmdline);
	exe[n] = '\0';
	return is_qemu(exe);
}

static bool is_only_asked(const struct process *p)
{
	const char *machine = process_option(p, "-machine");

	if (!machine)
		machine = process_option(p, "-M");
	return machine && strncmp(machine, "none", 4) == 0 && (!machine[4] || machine[4] == ',');
}

static int compare_pids(const void *a, const void *b)
{
	const struct process *x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

static int add_process(struct process_list *l, const char *proc, int pid)
{
	_cleanup_process_ struct process p = {0};
	struct process *grown;
	int r = process_read(&p, proc, pid);

	if (r == -ENOMEM)
		return r;
	/* it has ended meanwhile, or is the kernel's */
	if (r < 0 || p.len == 0 || !runs_qemu(proc, &p) || is_only_asked(&p))
		return 0;
	grown = reallocarray(l->item, l->n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	l->item = grown;
	grown[l->n++] = p;
	p.cmdline = NULL;
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
	if (r < 0)
		return error_set(err, r, proc, 0, "out of memory");
	if (l->n)
		qsort(l->item, l->n, sizeof(*l->item), compare_pids);
	return 0;
}
