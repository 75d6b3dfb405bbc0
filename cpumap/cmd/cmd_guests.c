/* SPDX-License-Identifier: Apache-2.0 */
/* cpushim guests: which CPU each running guest has, and whether that is what its model's name
 * means. */
#include <errno.h>
#include <getopt.h>

#include "cpumap/core/show.h"
#include "hook/domain/storedxml.h"
#include "hook/guests/running.h"
#include "cmd.h"

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

#define ACCEL_MAX 24

#define NAME_COLUMNS     20
#define NAME_COLUMNS_MAX 1024 /* the 250 bytes of a libvirt name are 1000 when escaped */

/* One guest, and what was found out about it. */
struct guest {
	const struct process *process;
	char *domain;
	const char *uuid;  /* "": the guest has none */
	const char *cpu;   /* NULL: none */
	const char *asked; /* the file that says what the guest asked for; NULL: there is none */
	char accel[ACCEL_MAX];
	struct storedxml live, saved;
	struct running running;
};

static void guest_free(struct guest *g)
{
	free(g->domain);
	storedxml_free(&g->live);
	storedxml_free(&g->saved);
}
#define _cleanup_guest_ __attribute__((cleanup(guest_free)))

/* Reads a file of libvirt's. It belongs to this guest only if it has the guest's UUID. */
static bool read_stored(struct storedxml *s, enum domainfile kind, const struct guest *g,
			bool *forbidden)
{
	struct error err = {0};
	int r = g->domain ? storedxml_read(s, kind, g->domain, &err) : -ENOENT;

	*forbidden |= r == -EACCES || r == -EPERM;
	return r == 0 && s->domain.uuid && strcmp(s->domain.uuid, g->uuid) == 0;
}

static void judge(struct guest *g, const struct names *n)
{
	bool forbidden = false, claims = g->process->owner != OWNER_OTHER;
	bool live = claims && read_stored(&g->live, DOMAINFILE_STATUS, g, &forbidden);
	bool saved = claims && read_stored(&g->saved, DOMAINFILE_DEFINITION, g, &forbidden);
	const struct storedxml *asked =
		names_asked(n, live ? &g->live : NULL, saved ? &g->saved : NULL);

	g->asked = asked ? asked->path : NULL;
	running_judge(&g->running, n, asked ? &asked->domain : NULL, g->process);
	running_mark(&g->running, n, live ? &g->live.domain : NULL);
	if (!saved)
		running_note_arrival(&g->running, g->process);
	if (g->running.runs == RUNS_NONE && forbidden) {
		g->running.runs = RUNS_UNKNOWN;
		(void)snprintf(g->running.why, sizeof(g->running.why),
			       "what it asked for is in libvirt's files; run this as root");
	}
}

static void read_guest(struct guest *g, const struct process *p, const struct names *n)
{
	const char *uuid = process_option(p, "-uuid");

	*g = (struct guest){.process = p, .uuid = uuid ? uuid : ""};
	g->domain = process_domain(p);
	g->cpu = process_option(p, "-cpu");
	process_accel(p, g->accel, sizeof(g->accel));
	judge(g, n);
}

/* ---- printing ---- */

/* Says whose process it is, as its name and UUID are only its own claim. */
static void print_owner(const struct process *p)
{
	if (p->owner == OWNER_OTHER && p->uid >= 0)
		printf("not libvirt's, uid %lld: ", p->uid);
	else if (p->owner == OWNER_OTHER)
		printf("not libvirt's: ");
}

/* Prints domain and UUID, which others wrote, in their columns. */
static void print_who(const struct guest *g)
{
	_cleanup_text_ struct text t = {0};

	show_padded(&t, g->domain ? g->domain : "-", NAME_COLUMNS, NAME_COLUMNS_MAX);
	text_adds(&t, " ");
	show_padded(&t, *g->uuid ? g->uuid : "-", UUID_LEN, 48);
	fputs(t.failed ? "-" : t.data, stdout);
}

static void print_guest(const struct guest *g)
{
	const struct running *r = &g->running;

	print_who(g);
	printf(" %-16s %-6s ", *r->model ? r->model : "-", g->accel);
	print_owner(g->process);
	switch (r->runs) {
	case RUNS_MODEL:
		printf("what the name means%s%s%s%s\n", *r->own ? ", with its own " : "", r->own,
		       *r->why ? "; " : "", r->why);
		break;
	case RUNS_OTHER:
		printf("%s%s%s%s\n", *r->model ? "asked " : "", r->model, *r->model ? ", " : "",
		       r->why);
		break;
	case RUNS_UNKNOWN:
		printf("can't tell: %s\n", r->why);
		break;
	default:
		puts("no site model");
	}
}

static json_t *guest_json(const struct guest *g)
{
	const struct running *r = &g->running;

	return json_pack(
		"{s:i, s:o, s:o, s:o, s:o, s:o, s:s, s:s, s:s*, s:s*, s:o, s:o}", "pid",
		g->process->pid, "uid",
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
	json_t *guests = json ? json_array() : NULL;
	int status = EXIT_YES, printed;

	for (size_t i = 0; i < l->n; i++) {
		_cleanup_guest_ struct guest g;

		read_guest(&g, &l->item[i], n);
		if (g.process->owner != OWNER_OTHER)
			status = worse(status, g.running.runs);
		if (json)
			(void)json_array_append_new(guests, guest_json(&g));
		else
			print_guest(&g);
	}
	printed = json ? cmd_json(guests) : cmd_flush(EXIT_YES);
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
