/* SPDX-License-Identifier: Apache-2.0 */
#include "machine.h"

#include <errno.h>
#include <string.h>

#include "cpumap/core/qemuargs.h"
#include "cpumap/core/util.h"

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

static int say_type(struct machine *m, const struct qemuopt *type, struct error *err)
{
	if (*m->type || type->value_len >= sizeof(m->type))
		return error_set(err, -ENOTSUP, NULL, 0,
				 "its QEMU's machine type can't be told from its arguments");
	memcpy(m->type, type->value, type->value_len);
	m->type[type->value_len] = '\0';
	return 0;
}

/* Takes type and accelerator from -machine or -accel. */
static int say_parts(struct machine *m, const char *value, bool accel, struct error *err)
{
	struct qemuopt opt = {0};
	int r = 0;

	while (r == 0 && qemuopt_next(&opt, value)) {
		if (!opt.value)
			continue;
		if (!accel && qemuopt_is(&opt, "type", true))
			r = say_type(m, &opt, err);
		else if (qemuopt_is(&opt, "accel", accel))
			r = say_accel(m, opt.value, opt.value_len, err);
	}
	return r;
}

/* Refuses a default that is for CPUs ("kvm64-x86_64-cpu.pni=off", "driver=x86_64-cpu,..."). */
static int check_global(const char *value, struct error *err)
{
	if (!strstr(value, "-cpu") && !strstr(value, "=cpu") && !begins(value, "cpu"))
		return 0;
	return error_set(err, -ENOTSUP, NULL, 0, "its QEMU's CPU is changed by -global");
}

/* Refuses a vCPU with properties ("-device kvm64-x86_64-cpu,pni=off,..."). */
static int check_device(const char *value, struct error *err)
{
	size_t len = strcspn(value, ",");

	if (!memmem(value, len, "-cpu", 4))
		return 0;
	return error_set(err, -ENOTSUP, NULL, 0, "its QEMU has a vCPU by -device");
}

static int say_value(struct machine *m, const struct qemuarg *arg, struct error *err)
{
	bool machine = qemuarg_is(arg, "machine") || qemuarg_is(arg, "M");
	bool accel = qemuarg_is(arg, "accel");

	/* it decides about KVM's x2apic (kvm_cpu_instance_init, 6.0; before that in pc_piix.c and
	 * pc_q35.c) */
	if ((machine || accel) && strstr(arg->value, "irqchip=off"))
		return error_set(err, -ENOTSUP, NULL, 0,
				 "its QEMU has no interrupt controller in the kernel");
	if (machine || accel)
		return say_parts(m, arg->value, accel, err);
	if (qemuarg_is(arg, "cpu"))
		m->cpu = arg->value;
	else if (qemuarg_is(arg, "global"))
		return check_global(arg->value, err);
	else if (qemuarg_is(arg, "device"))
		return check_device(arg->value, err);
	return 0;
}

static int say_option(struct machine *m, const struct qemuarg *arg, struct error *err)
{
	if (qemuarg_is(arg, "enable-kvm"))
		return say_accel(m, "kvm", 3, err);
	if (!arg->value)
		return 0;
	/* properties of other devices don't matter; check_device looks for those of a CPU */
	if (qemuarg_is(arg, "readconfig") ||
	    (qemuarg_is(arg, "set") && !begins(arg->value, "device.")))
		return error_set(err, -ENOTSUP, NULL, 0, "its QEMU may have its CPU changed by -%s",
				 arg->name);
	return say_value(m, arg, err);
}

int machine_read(struct machine *m, const struct process *qemu, struct error *err)
{
	struct qemuarg arg = {0};

	*m = (struct machine){0};
	while (qemuargs_next(&arg, qemu->argc, qemu->argv)) {
		int r = say_option(m, &arg, err);

		if (r < 0)
			return r;
	}
	if (!m->cpu)
		return error_set(err, -ENOTSUP, NULL, 0, "its QEMU was started without -cpu");
	if (!*m->type)
		return error_set(err, -ENOTSUP, NULL, 0, "its QEMU was started without -machine");
	return m->accel ? 0 : say_accel(m, "", 0, err);
}
