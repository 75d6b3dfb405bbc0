/* SPDX-License-Identifier: Apache-2.0 */
/* cpushim guests: which CPU the guests that run here have, and whether it is what its name
 * means. */
#include <errno.h>
#include <getopt.h>

#include "hook/guests/running_guest.h"
#include "cmd.h"
#include "grid.h"

static const char usage[] =
	"Usage: cpushim guests [--json]\n"
	"List the QEMUs that run a guest here: domain, UUID, the site model that it asked for\n"
	"(- if none), accelerator, and whether its -cpu is what that name means today; also of\n"
	"guests that were started without cpushim. What a domain asked for is read in\n"
	"libvirt's own files, so root sees more. A transient domain that libvirt translated\n"
	"has no file that tells what it asked for. A QEMU that isn't the system's libvirt's\n"
	"is named with its user, as what it says it is, and doesn't count. What is wrong with\n"
	"this node is told on standard error. In JSON names are as they are; bytes of them that\n"
	"aren't UTF-8 are \\xNN.\n"
	"\n"
	"  -j, --json  as JSON, with the arguments\n"
	"  -h, --help  this text\n"
	"\n"
	"Exit status: 0 each is what its name means; 1 some guest isn't; 2 could not tell.\n";

/* ---- printing ---- */

/* Its name and UUID are what it says of itself. */
static void add_owner(struct text *t, const struct process *p)
{
	if (p->owner == OWNER_OTHER && p->uid >= 0)
		text_addf(t, "not libvirt's, uid %lld: ", p->uid);
	else if (p->owner == OWNER_OTHER)
		text_adds(t, "not libvirt's: ");
}

static void add_verdict(struct grid *table, const struct running_guest *g)
{
	static const enum colour colours[] = {
		[RUNS_MODEL] = COLOUR_YES, [RUNS_OTHER] = COLOUR_NO, [RUNS_UNKNOWN] = COLOUR_LACKS};
	const struct running *r = &g->running;
	_cleanup_text_ struct text t = {0};

	add_owner(&t, g->process);
	switch (r->runs) {
	case RUNS_MODEL:
		text_addf(&t, "what the name means%s%s%s%s", *r->own ? ", with its own " : "",
			  r->own, *r->why ? "; " : "", r->why);
		break;
	case RUNS_OTHER:
		text_addf(&t, "%s%s%s%s", *r->model ? "asked " : "", r->model,
			  *r->model ? ", " : "", r->why);
		break;
	case RUNS_UNKNOWN:
		text_addf(&t, "can't tell: %s", r->why);
		break;
	default:
		text_adds(&t, "no site model");
	}
	table->failed |= t.failed;
	grid_add(table, t.failed ? "" : t.data,
		 r->runs == RUNS_NONE ? COLOUR_NONE : colours[r->runs]);
}

static void add_guest(struct grid *table, const struct running_guest *g)
{
	grid_add(table, g->domain ? g->domain : "-", COLOUR_NONE);
	grid_add(table, *g->uuid ? g->uuid : "-", COLOUR_NONE);
	grid_add(table, *g->running.model ? g->running.model : "-", COLOUR_NONE);
	grid_add(table, g->accel, COLOUR_NONE);
	add_verdict(table, g);
}

static int print_table(const struct grid *table)
{
	struct terminal terminal = terminal_ask();
	_cleanup_text_ struct text t = {0};

	grid_print(&t, table, &terminal);
	if (t.failed)
		return cmd_fail(&(struct error){.code = -ENOMEM, .what = "out of memory"});
	fputs(t.data, stdout);
	return cmd_flush(EXIT_YES);
}

static json_t *guest_json(const struct running_guest *g)
{
	const struct running *r = &g->running;

	char node[256] = "";

	(void)gethostname(node, sizeof(node) - 1);
	return json_pack(
		"{s:o, s:i, s:o, s:o, s:o, s:o, s:o, s:s, s:s, s:s*, s:s*, s:o, s:o}", "node",
		cmd_foreign(node), "pid", g->process->pid, "uid",
		g->process->uid < 0 ? json_null() : json_integer(g->process->uid), "libvirts",
		g->process->owner == OWNER_UNKNOWN
			? json_null()
			: json_boolean(g->process->owner == OWNER_LIBVIRT),
		"domain", cmd_foreign(g->domain), "uuid", cmd_foreign(*g->uuid ? g->uuid : NULL),
		"model", *r->model ? json_string(r->model) : json_null(), "accel", g->accel, "runs",
		running_word(r->runs), "why", *r->why ? r->why : NULL, "own",
		*r->own ? r->own : NULL, "asked_in", cmd_foreign(g->asked), "cpu",
		cmd_foreign(g->cpu));
}

static int worse(int status, enum runs runs)
{
	if (status == EXIT_NO || runs == RUNS_OTHER)
		return EXIT_NO;
	return runs == RUNS_UNKNOWN ? EXIT_UNKNOWN : status;
}

static int list_guests(const struct names *n, const struct process_list *l, bool json)
{
	static const struct grid_column columns[] = {{"DOMAIN", GRID_CUT},
						     {"UUID", GRID_CUT, UUID_LEN},
						     {"MODEL", GRID_CUT},
						     {"ACCEL", GRID_WHOLE},
						     {"ITS CPU IS", GRID_BELOW}};
	_cleanup_grid_ struct grid table = {columns, ARRAY_SIZE(columns)};
	json_t *guests = json ? json_array() : NULL;
	int status = EXIT_YES, printed;

	for (size_t i = 0; i < l->n; i++) {
		_cleanup_running_guest_ struct running_guest g;

		running_guest_read(&g, &l->item[i], n);
		if (g.process->owner != OWNER_OTHER)
			status = worse(status, g.running.runs);
		if (json)
			(void)json_array_append_new(guests, guest_json(&g));
		else
			add_guest(&table, &g);
	}
	printed = json ? cmd_json(guests) : print_table(&table);
	return printed == EXIT_YES ? status : printed;
}

int cmd_guests(int argc, char **argv)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {0}};
	_cleanup_process_list_ struct process_list l = {0};
	_cleanup_names_ struct names n = {0};
	struct error err = {0};
	bool json = false;
	int opt;

	while ((opt = getopt_long(argc, argv, "jh", options, NULL)) != -1) {
		if (opt == 'h')
			return cmd_help(usage);
		if (opt != 'j')
			return usage_error("guests", NULL);
		json = true;
	}
	if (optind != argc)
		return usage_error("guests", "takes no argument");
	if (cmd_table(&n.table, &err) < 0 || processes_qemu(&l, &err) < 0)
		return cmd_fail(&err);
	names_published(&n);
	cmd_nodestate(&n.table, false);
	return list_guests(&n, &l, json);
}
