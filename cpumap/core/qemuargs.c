/* SPDX-License-Identifier: Apache-2.0 */
#include "qemuargs.h"

#include <string.h>

#include "util.h"

/*
 * QEMU's options for x86, and whether they take a value. Among them are options that later releases
 * dropped, or that -help doesn't list (qemu-options.hx, 0.12 to 11.1; tests/qemuargs.bats holds
 * them against the QEMU that is installed).
 */
static const struct {
	const char *name;
	bool value;
} options[] = {
	{"accel", true},
	{"acpitable", true},
	{"action", true},
	{"add-fd", true},
	{"alt-grab", false},
	{"append", true},
	{"async-teardown", false},
	{"audio", true},
	{"audio-help", false},
	{"audiodev", true},
	{"balloon", true},
	{"bios", true},
	{"blockdev", true},
	{"boot", true},
	{"bootp", true},
	{"bt", true},
	{"cdrom", true},
	{"chardev", true},
	{"chroot", true},
	{"clock", true},
	{"compat", true},
	{"cpu", true},
	{"ctrl-grab", false},
	{"curses", false},
	{"D", true},
	{"d", true},
	{"daemonize", false},
	{"debugcon", true},
	{"device", true},
	{"dfilter", true},
	{"display", true},
	{"drive", true},
	{"dtb", true},
	{"dump-vmstate", true},
	{"echr", true},
	{"enable-fips", false},
	{"enable-hax", false},
	{"enable-kvm", false},
	{"enable-nesting", false},
	{"enable-sync-profile", false},
	{"fda", true},
	{"fdb", true},
	{"fsdev", true},
	{"full-screen", false},
	{"fw_cfg", true},
	{"g", true},
	{"gdb", true},
	{"global", true},
	{"h", false},
	{"hda", true},
	{"hdachs", true},
	{"hdb", true},
	{"hdc", true},
	{"hdd", true},
	{"help", false},
	{"icount", true},
	{"incoming", true},
	{"initrd", true},
	{"iscsi", true},
	{"jitdump", false},
	{"k", true},
	{"kernel", true},
	{"L", true},
	{"loadvm", true},
	{"localtime", false},
	{"M", true},
	{"m", true},
	{"machine", true},
	{"mem-path", true},
	{"mem-prealloc", false},
	{"mon", true},
	{"monitor", true},
	{"msg", true},
	{"mtdblock", true},
	{"name", true},
	{"net", true},
	{"netdev", true},
	{"nic", true},
	{"no-acpi", false},
	{"no-fd-bootchk", false},
	{"no-frame", false},
	{"no-hpet", false},
	{"no-kvm", false},
	{"no-kvm-irqchip", false},
	{"no-kvm-pit", false},
	{"no-kvm-pit-reinjection", false},
	{"no-quit", false},
	{"no-reboot", false},
	{"no-shutdown", false},
	{"no-user-config", false},
	{"nodefaults", false},
	{"nodefconfig", false},
	{"nographic", false},
	{"numa", true},
	{"nvram", true},
	{"object", true},
	{"old-param", false},
	{"one-insn-per-tb", false},
	{"only-migratable", false},
	{"option-rom", true},
	{"osk", true},
	{"overcommit", true},
	{"p", true},
	{"parallel", true},
	{"pcidevice", true},
	{"perfmap", false},
	{"pflash", true},
	{"pidfile", true},
	{"plugin", true},
	{"portrait", false},
	{"preconfig", false},
	{"prom-env", true},
	{"qmp", true},
	{"qmp-pretty", true},
	{"qtest", true},
	{"qtest-log", true},
	{"readconfig", true},
	{"realtime", true},
	{"redir", true},
	{"rotate", true},
	{"rtc", true},
	{"rtc-td-hack", false},
	{"run-with", true},
	{"runas", true},
	{"S", false},
	{"s", false},
	{"sandbox", true},
	{"sd", true},
	{"sdl", false},
	{"seed", true},
	{"semihosting", false},
	{"semihosting-config", true},
	{"serial", true},
	{"set", true},
	{"shim", true},
	{"show-cursor", false},
	{"singlestep", false},
	{"smb", true},
	{"smbios", true},
	{"smp", true},
	{"snapshot", false},
	{"soundhw", true},
	{"spice", true},
	{"startdate", true},
	{"tb-size", true},
	{"tdf", false},
	{"tftp", true},
	{"tpmdev", true},
	{"trace", true},
	{"usb", false},
	{"usbdevice", true},
	{"uuid", true},
	{"version", false},
	{"vga", true},
	{"virtfs", true},
	{"virtfs_synth", false},
	{"virtioconsole", true},
	{"vmchannel", true},
	{"vnc", true},
	{"watchdog", true},
	{"watchdog-action", true},
	{"win2k-hack", false},
	{"writeconfig", true},
	{"xen-attach", false},
	{"xen-create", false},
	{"xen-domid", true},
	{"xen-domid-restrict", false},
};

/* An option that isn't in the table belongs to a newer QEMU. The next word is taken for its value,
 * unless that looks like an option. */
static bool takes_value(const char *name, const char *next)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (strcmp(name, options[i].name) == 0)
			return options[i].value;
	return *next != '-';
}

bool qemuargs_next(struct qemuarg *arg, size_t argc, char *const *argv)
{
	size_t at = arg->next ? arg->next : 1;

	while (at < argc && *argv[at] != '-')
		at++;
	if (at >= argc)
		return false;
	*arg = (struct qemuarg){.name = argv[at] + (argv[at][1] == '-' ? 2 : 1), .next = at + 1};
	if (at + 1 < argc && takes_value(arg->name, argv[at + 1])) {
		arg->at = at + 1;
		arg->value = argv[at + 1];
		arg->next = at + 2;
	}
	return true;
}

bool qemuarg_is(const struct qemuarg *arg, const char *name)
{
	return strcmp(arg->name, name) == 0;
}

const char *qemuargs_last(size_t argc, char *const *argv, const char *name)
{
	struct qemuarg arg = {0};
	const char *value = NULL;

	while (qemuargs_next(&arg, argc, argv))
		if (arg.value && qemuarg_is(&arg, name))
			value = arg.value;
	return value;
}

/* Up to the first comma that stands alone. */
static size_t value_length(const char *value)
{
	size_t len = strcspn(value, ",");

	while (value[len] == ',' && value[len + 1] == ',')
		len += 2 + strcspn(value + len + 2, ",");
	return len;
}

bool qemuopt_next(struct qemuopt *opt, const char *text)
{
	const char *at = opt->next ? opt->next : text;
	size_t len = strcspn(at, "=,");
	bool first = !opt->next;

	if (!*at)
		return false;
	*opt = (struct qemuopt){0};
	if (at[len] == '=') {
		opt->key = at;
		opt->key_len = len;
		opt->value = at + len + 1;
	} else if (first) {
		opt->value = at;
	} else {
		opt->key = at;
		opt->key_len = len;
	}
	if (opt->value)
		opt->value_len = value_length(opt->value);
	at = opt->value ? opt->value + opt->value_len : at + len;
	opt->next = at + (*at == ',');
	return true;
}

bool qemuopt_is(const struct qemuopt *opt, const char *key, bool implied)
{
	if (!opt->key)
		return implied;
	return opt->key_len == strlen(key) && memcmp(opt->key, key, opt->key_len) == 0;
}

/* -M is another name for -machine, and QEMU merges all of them. */
bool qemuargs_machine_is_none(size_t argc, char *const *argv)
{
	struct qemuarg arg = {0};
	bool none = false;

	while (qemuargs_next(&arg, argc, argv)) {
		struct qemuopt opt = {0};

		if (!arg.value || !(qemuarg_is(&arg, "machine") || qemuarg_is(&arg, "M")))
			continue;
		while (qemuopt_next(&opt, arg.value))
			if (opt.value && qemuopt_is(&opt, "type", true))
				none = opt.value_len == 4 && memcmp(opt.value, "none", 4) == 0;
	}
	return none;
}
