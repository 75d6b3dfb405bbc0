/* SPDX-License-Identifier: Apache-2.0 */
#include "plan.h"

#include <string.h>

#include "cpumap/core/cpuarg.h"
#include "cpumap/core/qemuargs.h"
#include "cpumap/core/util.h"

/* unix:PATH,server...: libvirt 1.2 writes ",server,nowait", today's ",server=on,wait=off". libvirt
 * makes no PATH with a comma, which would be written twice. */
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
	struct qemuarg arg = {0};

	*r = (struct request){0};
	while (qemuargs_next(&arg, (size_t)argc, argv)) {
		if (!arg.value)
			continue;
		if (qemuarg_is(&arg, "cpu"))
			r->cpu = arg.at;
		else if (qemuarg_is(&arg, "qmp"))
			r->qmp = is_server_socket(arg.value, r) ? arg.at : 0;
	}
	if (!qemuargs_machine_is_none((size_t)argc, argv))
		r->qmp = 0;
}

/* @value expanded if its model is one of @table's; otherwise @value itself. NULL: out of memory. */
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

char **plan_cpu(int argc, char *const *argv, const struct request *r, const struct table *table,
		const char *emulator, const struct table_row **refused)
{
	char **plan = calloc((size_t)argc + 1, sizeof(*plan));

	*refused = NULL;
	if (!plan)
		return NULL;
	memcpy(plan, argv, (size_t)argc * sizeof(*plan));
	plan[r->cpu] = expand(argv[r->cpu], table, emulator, refused);
	if (!plan[r->cpu]) {
		free(plan);
		return NULL;
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
