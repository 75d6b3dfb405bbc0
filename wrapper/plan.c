/* SPDX-License-Identifier: Apache-2.0 */
#include "plan.h"

#include <string.h>

#include "cpumap/cpuarg.h"
#include "cpumap/util.h"

/*
 * QEMU's options without an argument (qemu-options.hx, 1.2 to 11.0). Any other takes the next word,
 * whatever it looks like (`-name -cpu`). An option that isn't known here is taken for one with an
 * argument: at worst a -cpu behind it isn't seen, and QEMU refuses a model that it doesn't know.
 */
static const char *const without_argument[] = {
	"h",
	"help",
	"version",
	"S",
	"s",
	"snapshot",
	"usb",
	"daemonize",
	"nographic",
	"nodefaults",
	"no-user-config",
	"nodefconfig",
	"curses",
	"sdl",
	"no-frame",
	"alt-grab",
	"ctrl-grab",
	"no-quit",
	"full-screen",
	"portrait",
	"show-cursor",
	"audio-help",
	"win2k-hack",
	"no-fd-bootchk",
	"no-acpi",
	"no-hpet",
	"no-reboot",
	"no-shutdown",
	"enable-kvm",
	"enable-hax",
	"no-kvm",
	"no-kvm-irqchip",
	"no-kvm-pit",
	"no-kvm-pit-reinjection",
	"enable-nesting",
	"rtc-td-hack",
	"localtime",
	"tdf",
	"singlestep",
	"mem-prealloc",
	"semihosting",
	"old-param",
	"xen-create",
	"xen-attach",
	"xen-domid-restrict",
	"enable-fips",
	"enable-sync-profile",
	"preconfig",
	"only-migratable",
	"async-teardown",
	"one-insn-per-tb",
	"perfmap",
	"jitdump",
	"virtfs_synth",
};

/* An option's name without its dashes, or NULL for a word that isn't one. */
static const char *option_name(const char *word)
{
	if (word[0] != '-')
		return NULL;
	return word + (word[1] == '-' ? 2 : 1);
}

static bool takes_argument(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(without_argument); i++)
		if (strcmp(name, without_argument[i]) == 0)
			return false;
	return true;
}

/* The next option with a value from *@i on, which it steps over; NULL at the end. */
static const char *next_option(int argc, char *const *argv, int *i, int *value)
{
	while (*i < argc) {
		const char *name = option_name(argv[(*i)++]);

		if (!name || !takes_argument(name))
			continue;
		if (*i == argc)
			return NULL;
		*value = (*i)++;
		return name;
	}
	return NULL;
}

static bool is_none_machine(const char *value)
{
	return strncmp(value, "none", 4) == 0 && (value[4] == '\0' || value[4] == ',');
}

/* unix:PATH,server...: libvirt 1.2 writes ",server,nowait", today's ",server=on,wait=off". A comma
 * in PATH, written twice, isn't one that libvirt makes. */
static bool is_server_socket(const char *value, struct request *r)
{
	const char *options;

	if (strncmp(value, "unix:/", 6) != 0)
		return false;
	r->socket = value + 5;
	r->socket_len = strcspn(r->socket, ",");
	options = r->socket + r->socket_len;
	return strncmp(options, ",server,", 8) == 0 || strncmp(options, ",server=on", 10) == 0;
}

void request_read(struct request *r, int argc, char *const *argv)
{
	bool none = false;
	const char *name;
	int i = 1, value;

	*r = (struct request){0};
	while ((name = next_option(argc, argv, &i, &value))) {
		if (strcmp(name, "cpu") == 0)
			r->cpu = true;
		else if (strcmp(name, "machine") == 0 || strcmp(name, "M") == 0)
			none = is_none_machine(argv[value]);
		else if (strcmp(name, "qmp") == 0)
			r->qmp = is_server_socket(argv[value], r) ? (size_t)value : 0;
	}
	if (!none)
		r->qmp = 0;
}

/* @value expanded if its model is one of @table's; @value itself if not; NULL without memory. */
static char *expand(char *value, const struct table *table, const char *emulator,
		    const struct table_row **refused)
{
	size_t len = cpuarg_model_len(value);
	const struct table_row *row = table_find(table, value, len, emulator);
	struct text expanded = {0};

	*refused = row && *row->refused ? row : NULL;
	if (!row || *row->refused)
		return value;
	cpuarg_merge(&expanded, row->cpu, value + len);
	if (expanded.failed)
		text_free(&expanded);
	return expanded.data;
}

char **plan_cpu(int argc, char *const *argv, const struct table *table, const char *emulator,
		const struct table_row **refused)
{
	char **plan = calloc((size_t)argc + 1, sizeof(*plan));
	const char *name;
	int i = 1, value;

	*refused = NULL;
	if (!plan)
		return NULL;
	memcpy(plan, argv, (size_t)argc * sizeof(*plan));
	while ((name = next_option(argc, argv, &i, &value))) {
		if (strcmp(name, "cpu") != 0)
			continue;
		plan[value] = expand(argv[value], table, emulator, refused);
		if (!plan[value]) {
			free(plan);
			return NULL;
		}
	}
	return plan;
}

static char *print_chardev(const char *id, int fd)
{
	char *s = NULL;

	return asprintf(&s, "socket,id=%s,fd=%d", id, fd) < 0 ? NULL : s;
}

char **plan_probe(int argc, char *const *argv, const struct request *r, int relay, int questions)
{
	/* QEMU takes a connected socket as a chardev since 2.12 */
	char *monitors[] = {(char *)"-chardev", print_chardev("cpushim0", relay),
			    (char *)"-qmp",     (char *)"chardev:cpushim0",
			    (char *)"-chardev", print_chardev("cpushim1", questions),
			    (char *)"-qmp",     (char *)"chardev:cpushim1"};
	size_t n = ARRAY_SIZE(monitors), before = r->qmp - 1, after = (size_t)argc - r->qmp - 1;
	char **plan = calloc((size_t)argc + n, sizeof(*plan));

	if (!plan || !monitors[1] || !monitors[5]) {
		free(plan);
		return NULL;
	}
	memcpy(plan, argv, before * sizeof(*plan));
	memcpy(plan + before, monitors, sizeof(monitors));
	memcpy(plan + before + n, argv + r->qmp + 1, after * sizeof(*plan));
	return plan;
}
