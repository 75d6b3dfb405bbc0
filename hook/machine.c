/* SPDX-License-Identifier: Apache-2.0 */
#include "machine.h"

#include <errno.h>
#include <string.h>

#include "cpumap/util.h"

static bool is_option(const char *arg, const char *name)
{
	/* QEMU takes both spellings */
	return arg[0] == '-' && strcmp(arg + (arg[1] == '-' ? 2 : 1), name) == 0;
}

static bool begins(const char *text, const char *word)
{
	return strncmp(text, word, strlen(word)) == 0;
}

static int say_accel(struct machine *m, const char *accel, size_t len, struct error *err)
{
	static const char *const known[] = {"tcg", "kvm"};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (len == strlen(known[i]) && strncmp(accel, known[i], len) == 0 &&
		    (!m->accel || strcmp(m->accel, known[i]) == 0)) {
			m->accel = known[i];
			return 0;
		}
	return error_set(err, -ENOTSUP, NULL, 0,
			 "its QEMU's accelerator can't be told from its "
			 "arguments");
}

/* TYPE[,NAME=VALUE]... (QemuOpts; what follows a comma is never a value of libvirt's own) */
static int say_machine(struct machine *m, const char *value, struct error *err)
{
	size_t len = strcspn(value, ",");

	if (begins(value, "type=")) {
		value += strlen("type=");
		len = strcspn(value, ",");
	}
	if (*m->type || len >= sizeof(m->type) || memchr(value, '=', len))
		return error_set(err, -ENOTSUP, NULL, 0,
				 "its QEMU's machine type can't be told from its arguments");
	memcpy(m->type, value, len);
	m->type[len] = '\0';
	while (value[len] == ',') {
		value += len + 1;
		len = strcspn(value, ",");
		if (begins(value, "accel=") &&
		    say_accel(m, value + strlen("accel="), len - strlen("accel="), err) < 0)
			return -ENOTSUP;
	}
	return 0;
}

/* A device's default that is a CPU's ("kvm64-x86_64-cpu.pni=off", "driver=x86_64-cpu,..."). */
static int check_global(const char *value, struct error *err)
{
	if (!strstr(value, "-cpu") && !strstr(value, "=cpu") && !begins(value, "cpu"))
		return 0;
	return error_set(err, -ENOTSUP, NULL, 0, "its QEMU's CPU is changed by -global");
}

static int say_option(struct machine *m, const char *option, const char *value, struct error *err)
{
	bool machine = is_option(option, "machine") || is_option(option, "M");
	bool accel = is_option(option, "accel");

	/* KVM's x2apic goes by it (kvm_cpu_instance_init, 6.0; before in pc_piix.c and pc_q35.c) */
	if ((machine || accel) && strstr(value, "irqchip=off"))
		return error_set(err, -ENOTSUP, NULL, 0,
				 "its QEMU has no interrupt controller in the kernel");
	if (is_option(option, "cpu"))
		m->cpu = value;
	else if (machine)
		return say_machine(m, value, err);
	else if (accel)
		return say_accel(m, value, strcspn(value, ","), err);
	else if (is_option(option, "global"))
		return check_global(value, err);
	return 0;
}

int machine_read(struct machine *m, const struct process *qemu, struct error *err)
{
	const char *end = qemu->cmdline + qemu->len;

	*m = (struct machine){0};
	for (const char *at = qemu->cmdline; at < end; at += strlen(at) + 1) {
		const char *next = at + strlen(at) + 1;
		int r = 0;

		if (is_option(at, "enable-kvm"))
			r = say_accel(m, "kvm", 3, err);
		else if (is_option(at, "readconfig") || is_option(at, "set"))
			r = error_set(err, -ENOTSUP, NULL, 0,
				      "its QEMU may have its CPU changed by %s", at);
		else if (next < end)
			r = say_option(m, at, next, err);
		if (r < 0)
			return r;
	}
	if (!m->cpu)
		return error_set(err, -ENOTSUP, NULL, 0, "its QEMU was started without -cpu");
	if (!*m->type)
		return error_set(err, -ENOTSUP, NULL, 0, "its QEMU was started without -machine");
	return m->accel ? 0 : say_accel(m, "", 0, err);
}
