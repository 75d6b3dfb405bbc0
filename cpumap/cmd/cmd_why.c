/* SPDX-License-Identifier: Apache-2.0 */
/* cpushim why: the report on one guest, from what was asked for to what runs, or why it can't
 * run. */
#include <errno.h>
#include <getopt.h>

#include "cpumap/core/show.h"
#include "hook/guests/report.h"
#include "cmd.h"

static const char usage[] =
	"Usage: cpushim why [--json] DOMAIN | UUID | FILE.xml | -\n"
	"Tell one guest's whole way: what its XML asks for, what libvirt made of it, the\n"
	"table's row, its QEMU's argument, and what blocks it here, this node's own state\n"
	"included. The XML is libvirt's own of DOMAIN or UUID (root alone may read that), or\n"
	"FILE.xml's, or standard input's. libvirt isn't asked, so this works where it hangs.\n"
	"In JSON names are as they are; bytes of them that aren't UTF-8 are \\xNN.\n"
	"\n"
	"  -j, --json  as JSON\n"
	"  -h, --help  this text\n"
	"\n"
	"Exit status: 0 it has what it asks for, or could start here; 1 it hasn't, or couldn't;\n"
	"2 could not tell.\n";

#define WORDS_MAX  400
#define NAME_SHOWN 256

/* A guest that asks for no site model is all right. */
static int verdict(const struct report *report)
{
	if (!report->qemu && report->blocks.n)
		return EXIT_NO;
	if (!report->qemu)
		return report->doubts.n ? EXIT_UNKNOWN : EXIT_YES;
	switch (report->running.runs) {
	case RUNS_OTHER:
		return EXIT_NO;
	case RUNS_UNKNOWN:
		return EXIT_UNKNOWN;
	default:
		return EXIT_YES;
	}
}

/* ---- printing ---- */

/* Adds foreign text, escaped and cut. */
static void add_foreign(struct text *t, const char *s)
{
	(void)show(t, s ? s : "", s ? strlen(s) : 0, WORDS_MAX);
}

static void add_domain(struct text *t, const struct report *report)
{
	const struct domain *d = &report->asked.domain;
	char accel[32];

	text_adds(t, "domain   ");
	add_foreign(t, d->name ? d->name : report->name);
	if (d->uuid) {
		text_adds(t, ", ");
		add_foreign(t, d->uuid);
	}
	if (report->qemu) {
		process_accel(report->qemu, accel, sizeof(accel));
		text_addf(t, ", runs as process %d under %s\n", report->qemu->pid, accel);
	} else {
		text_addf(t, ", %s\n", report->is_file ? "a file" : "doesn't run");
	}
}

/* Tells of a definition that was changed since the guest was started. */
static void add_next(struct text *t, const struct report *report)
{
	const char *now = report->asked.domain.model, *next = report->saved.domain.model;

	if (!report->has_saved || report->asked_in == report->saved.path ||
	    (now && next && strcmp(now, next) == 0))
		return;
	text_adds(t, "\n         the next start asks for ");
	add_foreign(t, next ? next : "no model by name");
}

static void add_asked(struct text *t, const struct report *report)
{
	const struct domain *d = &report->asked.domain;

	text_adds(t, "asked    ");
	add_foreign(t, d->model ? d->model : "no model by name");
	for (size_t i = 0; i + 1 < d->own.n; i += 2) {
		text_adds(t, i ? ", " : " with ");
		add_foreign(t, d->own.item[i]);
		text_adds(t, " (");
		add_foreign(t, d->own.item[i + 1]);
		text_adds(t, ")");
	}
	text_addf(t, " under %s, by ", d->kvm ? "kvm" : "tcg");
	add_foreign(t, report->asked_in);
	add_next(t, report);
	if (!d->model || !names_has(&report->names, d->model))
		text_adds(t, "\n         which is no site model: cpushim has no part in it");
	text_adds(t, "\n");
}

static void add_libvirt(struct text *t, const struct report *report)
{
	const char *made = report->live.domain.model, *asked = report->asked.domain.model;

	if (!report->has_live)
		return;
	text_adds(t, "libvirt  ");
	if (made && asked && strcmp(made, asked) == 0) {
		/* libvirt before 2.3 never shows what it makes of a model */
		text_adds(t, !report->qemu || report->running.expanded
				     ? "passes the name on"
				     : "shows the name, and gave its QEMU another CPU");
	} else {
		text_adds(t, "made of it: ");
		add_foreign(t, made ? made : "no model by name");
	}
	text_adds(t, ", by ");
	add_foreign(t, report->live.path);
	text_adds(t, "\n");
}

static void add_table(struct text *t, const struct report *report)
{
	const struct table_row *row = report->asked.facts.row;

	if (!row)
		return;
	text_addf(t, "table    %s: ", row->model);
	add_foreign(t, row->origin);
	text_addf(t, ", base %s, definition's digest %.12s%s", *row->base ? row->base : "-",
		  *row->digest ? row->digest : "-", *row->refused ? ", refused: " : "");
	add_foreign(t, row->refused);
	text_adds(t, "\n");
}

static void add_process(struct text *t, const struct report *report)
{
	const struct running *r = &report->running;
	const char *arg = report->qemu ? process_option(report->qemu, "-cpu") : NULL;
	char shown[NAME_SHOWN];

	if (!report->qemu)
		return;
	text_addf(t, "process  -cpu %s\n         ",
		  arg ? running_shown(shown, sizeof(shown), arg) : "isn't among its arguments");
	switch (r->runs) {
	case RUNS_MODEL:
		text_addf(t, "which is what %s means%s%s%s%s\n", r->model,
			  *r->own ? ", with the domain's own " : "", r->own, *r->why ? "; " : "",
			  r->why);
		break;
	case RUNS_NONE:
		text_adds(t, "which is no site model\n");
		break;
	default:
		text_addf(t, "%s\n", r->why);
	}
}

static void add_lines(struct text *t, const char *what, const struct strv *lines, bool first)
{
	for (size_t i = 0; i < lines->n; i++) {
		text_addf(t, "%s%s", i == 0 && first ? "" : "         ", i ? "" : what);
		(void)show(t, lines->item[i], strlen(lines->item[i]), 2048);
		text_adds(t, "\n");
	}
}

static void add_blocks(struct text *t, const struct report *report)
{
	if (!report->asked.facts.row && !report->blocks.n)
		return;
	text_adds(t, report->qemu ? "restart  " : "start    ");
	if (!report->blocks.n && !report->doubts.n)
		text_adds(t, "nothing that can be told beforehand blocks it here\n");
	add_lines(t, "blocked: ", &report->blocks, true);
	add_lines(t, "can't tell: ", &report->doubts, !report->blocks.n);
	if (report->node_is_wrong)
		text_adds(t, "node     `cpushim doctor` tells all that is wrong with it\n");
}

static int print_text(const struct report *report)
{
	_cleanup_text_ struct text t = {0};

	add_domain(&t, report);
	add_asked(&t, report);
	add_libvirt(&t, report);
	add_table(&t, report);
	add_process(&t, report);
	add_blocks(&t, report);
	if (report->log) {
		text_adds(&t, "log      ");
		add_foreign(&t, report->log);
		text_adds(&t, "\n");
	}
	return cmd_print(&t, strlen("process  "), EXIT_YES);
}

static json_t *asked_json(const struct report *report)
{
	const struct domain *d = &report->asked.domain;
	json_t *own = json_array();

	for (size_t i = 0; i + 1 < d->own.n; i += 2)
		(void)json_array_append_new(own, json_pack("{s:o, s:o}", "name",
							   cmd_foreign(d->own.item[i]), "policy",
							   cmd_foreign(d->own.item[i + 1])));
	return json_pack("{s:o, s:o, s:s, s:o, s:b}", "model", cmd_foreign(d->model), "own", own,
			 "type", d->kvm ? "kvm" : "qemu", "in", cmd_foreign(report->asked_in),
			 "site_model", d->model && names_has(&report->names, d->model));
}

static json_t *table_json(const struct table_row *row)
{
	return row ? json_pack("{s:s, s:o, s:o, s:s, s:s, s:o}", "model", row->model, "emulator",
			       cmd_foreign(row->emulator), "origin", cmd_foreign(row->origin),
			       "base", row->base, "digest", row->digest, "refused",
			       cmd_foreign(row->refused))
		   : json_null();
}

static json_t *process_json(const struct report *report)
{
	char accel[32];

	if (!report->qemu)
		return json_null();
	process_accel(report->qemu, accel, sizeof(accel));
	return json_pack("{s:i, s:s, s:o, s:s, s:s, s:s}", "pid", report->qemu->pid, "accel", accel,
			 "cpu", cmd_foreign(process_option(report->qemu, "-cpu")), "runs",
			 running_word(report->running.runs), "why", report->running.why, "own",
			 report->running.own);
}

static json_t *lines_json(const struct strv *lines)
{
	json_t *list = json_array();

	for (size_t i = 0; i < lines->n; i++)
		(void)json_array_append_new(list, cmd_foreign(lines->item[i]));
	return list;
}

static int print_json(const struct report *report)
{
	const struct domain *d = &report->asked.domain;

	return cmd_json(
		json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "domain",
			  cmd_foreign(d->name ? d->name : report->name), "uuid",
			  cmd_foreign(d->uuid), "asked", asked_json(report), "libvirt",
			  report->has_live ? cmd_foreign(report->live.domain.model) : json_null(),
			  "table", table_json(report->asked.facts.row), "process",
			  process_json(report), "blocks", lines_json(&report->blocks), "doubts",
			  lines_json(&report->doubts), "log", cmd_foreign(report->log)));
}

int cmd_why(int argc, char **argv)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {0}};
	_cleanup_report_ struct report report = {0};
	struct error err = {0};
	bool json = false;
	int opt, printed;

	while ((opt = getopt_long(argc, argv, "jh", options, NULL)) != -1) {
		if (opt == 'h')
			return cmd_help(usage);
		if (opt != 'j')
			return usage_error("why", NULL);
		json = true;
	}
	if (optind + 1 != argc)
		return usage_error("why", "takes one DOMAIN or FILE.xml");
	report.name = argv[optind];
	if (cmd_table(&report.names.table, &err) < 0 || report_find(&report, &err) < 0)
		return cmd_fail(&err);
	printed = (json ? print_json : print_text)(&report);
	return printed == EXIT_YES ? verdict(&report) : printed;
}
