/* SPDX-License-Identifier: Apache-2.0 */
/* cpushim why: one guest's whole way, from what was asked for to what runs, or what keeps it from
 * running. */
#include <errno.h>
#include <getopt.h>

#include "cpumap/cmd.h"
#include "kept.h"
#include "running.h"
#include "worker.h"

static const char usage[] =
	"Usage: cpushim why [--json] DOMAIN | FILE.xml | -\n"
	"Tell one guest's whole way: what its XML asks for, what libvirt made of it, the\n"
	"table's row, its QEMU's argument, and what blocks it here. The XML is libvirt's own\n"
	"of DOMAIN (root alone may read that), or FILE.xml's, or standard input's. libvirt\n"
	"isn't asked, so this works where it hangs.\n"
	"\n"
	"  -j, --json  as JSON\n"
	"  -h, --help  this text\n"
	"\n"
	"Exit status: 0 it has what it asks for, or could start here; 1 it hasn't, or couldn't;\n"
	"2 could not tell.\n";

#define XML_LIMIT  ((size_t)64 << 20)
#define WORDS_MAX  400
#define NAME_SHOWN 256

struct way {
	const char *name;     /* the domain's, or the file's */
	const char *asked_in; /* the file that says what is asked for */
	struct names names;
	struct kept live, saved;
	bool has_live, has_saved;
	char *xml; /* of a file */
	struct asked asked;
	struct process_list qemus;
	const struct process *qemu; /* NULL: it doesn't run */
	struct running running;
	struct strv blocks;
	char *log;
};

static void way_free(struct way *w)
{
	names_free(&w->names);
	kept_free(&w->live);
	kept_free(&w->saved);
	asked_free(&w->asked);
	process_list_free(&w->qemus);
	strv_free(&w->blocks);
	free(w->xml);
	free(w->log);
}
#define _cleanup_way_ __attribute__((cleanup(way_free)))

/* ---- gathering ---- */

static int add_block(struct way *w, const char *what)
{
	return strv_add(&w->blocks, what, strlen(what));
}

/* What the hook's prepare would say, and what it can't know. */
static void find_blocks(struct way *w)
{
	const struct asked *a = &w->asked;

	if (a->facts.row)
		decide_request(&a->domain, &a->facts, &w->blocks);
	else if (a->domain.model && names_has(&w->names, a->domain.model))
		(void)add_block(w,
				"no definition has that name any more; `cpushim compile` with one "
				"of the same meaning brings it back");
}

/* The QEMU of this domain, by name and UUID. */
static void find_qemu(struct way *w)
{
	for (size_t i = 0; i < w->qemus.n && !w->qemu; i++) {
		const struct process *p = &w->qemus.item[i];
		_cleanup_free_ char *domain = process_domain(p);
		const char *uuid = process_option(p, "-uuid");
		const char *want = w->has_live    ? w->live.domain.uuid
				   : w->has_saved ? w->saved.domain.uuid
						  : NULL;

		if (domain && strcmp(domain, w->name) == 0 &&
		    (!want || (uuid && strcmp(uuid, want) == 0)))
			w->qemu = p;
	}
}

static bool asks(const struct way *w, const struct kept *k)
{
	return k->domain.model && names_has(&w->names, k->domain.model);
}

static int read_one(struct kept *k, bool *has, const char *dir, const char *name, struct error *err)
{
	int r = kept_read(k, dir, name, err);

	*has = r == 0;
	return r == -ENOENT ? 0 : r;
}

/* What libvirt passed on is in its status; what it translated, in the definition alone. */
static int read_asked(struct way *w, struct error *err)
{
	bool live = w->has_live && (asks(w, &w->live) || !w->has_saved);
	_cleanup_kept_ struct kept k = {0};
	int r = kept_read(&k, live ? KEPT_LIVE : KEPT_SAVED, w->name, err);

	if (r < 0)
		return r;
	w->asked_in = live ? w->live.path : w->saved.path;
	k.domain.xml = NULL; /* it goes with k */
	return asked_domain(&w->asked, &k.domain, err);
}

static int read_domain(struct way *w, struct error *err)
{
	char shown[NAME_SHOWN];
	int r = read_one(&w->live, &w->has_live, KEPT_LIVE, w->name, err);

	if (r == 0)
		r = read_one(&w->saved, &w->has_saved, KEPT_SAVED, w->name, err);
	if (r == 0 && !w->has_live && !w->has_saved)
		r = error_set(err, -ENOENT, NULL, 0,
			      "there is no domain '%s' in " KEPT_LIVE " or " KEPT_SAVED
			      "; `cpushim guests` names those that run",
			      text_escape(shown, sizeof(shown), w->name, strlen(w->name)));
	if (r == 0)
		r = processes_qemu(&w->qemus, err);
	if (r == 0)
		find_qemu(w);
	return r < 0 ? r : read_asked(w, err);
}

static int read_file(struct way *w, struct error *err)
{
	bool input = strcmp(w->name, "-") == 0;
	size_t len = 0;
	int r = input ? fd_read_all(STDIN_FILENO, XML_LIMIT, &w->xml, &len)
		      : file_read(w->name, TRUST_ANY, XML_LIMIT, &w->xml, &len, err);

	w->asked_in = input ? "standard input" : w->name;
	if (r < 0 && input)
		return error_set(err, r, w->asked_in, 0, "%s", strerror(-r));
	return r < 0 ? r : asked_read(&w->asked, w->xml, len, w->asked_in, err);
}

static bool is_file(const char *name)
{
	size_t len = strlen(name);

	return strcmp(name, "-") == 0 || strchr(name, '/') ||
	       (len > 4 && strcmp(name + len - 4, ".xml") == 0);
}

static int find_way(struct way *w, struct error *err)
{
	int r = cmd_table(&w->names.table, err);

	if (r < 0)
		return r;
	names_published(&w->names);
	r = is_file(w->name) ? read_file(w, err) : read_domain(w, err);
	if (r < 0)
		return r;
	find_blocks(w);
	if (w->qemu)
		running_judge(&w->running, &w->names, &w->asked.domain,
			      process_option(w->qemu, "-cpu"));
	else if (!is_file(w->name))
		w->log = kept_last_words(w->name);
	return 0;
}

/* Whoever asks for no site model is none of our business. */
static int verdict(const struct way *w)
{
	if (!w->qemu)
		return w->blocks.n ? EXIT_NO : EXIT_YES;
	switch (w->running.runs) {
	case RUNS_OTHER:
		return EXIT_NO;
	case RUNS_UNKNOWN:
		return EXIT_UNKNOWN;
	default:
		return EXIT_YES;
	}
}

/* ---- printing ---- */

/* Foreign text on a page: escaped, and cut. */
static void add_foreign(struct text *t, const char *s)
{
	char shown[WORDS_MAX];

	text_adds(t, text_escape(shown, sizeof(shown), s ? s : "", s ? strlen(s) : 0));
}

static void add_domain(struct text *t, const struct way *w)
{
	const struct domain *d = &w->asked.domain;
	char accel[32];

	text_adds(t, "domain   ");
	add_foreign(t, d->name ? d->name : w->name);
	if (d->uuid) {
		text_adds(t, ", ");
		add_foreign(t, d->uuid);
	}
	if (w->qemu) {
		process_accel(w->qemu, accel, sizeof(accel));
		text_addf(t, ", runs as process %d under %s\n", w->qemu->pid, accel);
	} else {
		text_addf(t, ", %s\n", is_file(w->name) ? "a file" : "doesn't run");
	}
}

static void add_asked(struct text *t, const struct way *w)
{
	const struct domain *d = &w->asked.domain;

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
	add_foreign(t, w->asked_in);
	if (!d->model || !names_has(&w->names, d->model))
		text_adds(t, "\n         which is no site model: cpushim has no part in it");
	text_adds(t, "\n");
}

static void add_libvirt(struct text *t, const struct way *w)
{
	const char *made = w->live.domain.model, *asked = w->asked.domain.model;

	if (!w->has_live)
		return;
	text_adds(t, "libvirt  ");
	if (made && asked && strcmp(made, asked) == 0) {
		text_adds(t, "passes the name on");
	} else {
		text_adds(t, "made of it: ");
		add_foreign(t, made ? made : "no model by name");
	}
	text_adds(t, ", by ");
	add_foreign(t, w->live.path);
	text_adds(t, "\n");
}

static void add_table(struct text *t, const struct way *w)
{
	const struct table_row *row = w->asked.facts.row;

	if (!row)
		return;
	text_addf(t, "table    %s: %s, base %s, digest %.12s%s%s\n", row->model, row->origin,
		  *row->base ? row->base : "-", *row->digest ? row->digest : "-",
		  *row->refused ? ", refused: " : "", row->refused);
}

static void add_process(struct text *t, const struct way *w)
{
	const struct running *r = &w->running;
	const char *arg = w->qemu ? process_option(w->qemu, "-cpu") : NULL;
	char shown[NAME_SHOWN];

	if (!w->qemu)
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

static void add_blocks(struct text *t, const struct way *w)
{
	if (!w->asked.facts.row && !w->blocks.n)
		return;
	text_adds(t, w->qemu ? "restart  " : "start    ");
	if (!w->blocks.n)
		text_adds(t, "nothing that can be told beforehand blocks it here\n");
	for (size_t i = 0; i < w->blocks.n; i++) {
		char shown[2048];

		text_addf(t, "%s%s\n", i ? "         " : "blocked: ",
			  text_escape(shown, sizeof(shown), w->blocks.item[i],
				      strlen(w->blocks.item[i])));
	}
}

static int print_text(const struct way *w)
{
	struct error err = {0};
	_cleanup_text_ struct text t = {0};

	add_domain(&t, w);
	add_asked(&t, w);
	add_libvirt(&t, w);
	add_table(&t, w);
	add_process(&t, w);
	add_blocks(&t, w);
	if (w->log) {
		text_adds(&t, "log      ");
		add_foreign(&t, w->log);
		text_adds(&t, "\n");
	}
	if (t.failed) {
		error_set(&err, -ENOMEM, NULL, 0, "out of memory");
		return cmd_fail(&err);
	}
	fputs(t.data, stdout);
	return cmd_flush(EXIT_YES);
}

static json_t *asked_json(const struct way *w)
{
	const struct domain *d = &w->asked.domain;
	json_t *own = json_array();

	for (size_t i = 0; i + 1 < d->own.n; i += 2)
		(void)json_array_append_new(own, json_pack("{s:o, s:o}", "name",
							   cmd_foreign(d->own.item[i]), "policy",
							   cmd_foreign(d->own.item[i + 1])));
	return json_pack("{s:o, s:o, s:s, s:o, s:b}", "model", cmd_foreign(d->model), "own", own,
			 "type", d->kvm ? "kvm" : "qemu", "in", cmd_foreign(w->asked_in),
			 "site_model", d->model && names_has(&w->names, d->model));
}

static json_t *table_json(const struct table_row *row)
{
	return row ? json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "model", row->model, "emulator",
			       row->emulator, "origin", row->origin, "base", row->base, "digest",
			       row->digest, "refused", row->refused)
		   : json_null();
}

static json_t *process_json(const struct way *w)
{
	char accel[32];

	if (!w->qemu)
		return json_null();
	process_accel(w->qemu, accel, sizeof(accel));
	return json_pack("{s:i, s:s, s:o, s:s, s:s, s:s}", "pid", w->qemu->pid, "accel", accel,
			 "cpu", cmd_foreign(process_option(w->qemu, "-cpu")), "runs",
			 running_word(w->running.runs), "why", w->running.why, "own",
			 w->running.own);
}

static int print_json(const struct way *w)
{
	const struct domain *d = &w->asked.domain;
	json_t *blocks = json_array();

	for (size_t i = 0; i < w->blocks.n; i++)
		(void)json_array_append_new(blocks, cmd_foreign(w->blocks.item[i]));
	return cmd_json(json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "domain",
				  cmd_foreign(d->name ? d->name : w->name), "uuid",
				  cmd_foreign(d->uuid), "asked", asked_json(w), "libvirt",
				  w->has_live ? cmd_foreign(w->live.domain.model) : json_null(),
				  "table", table_json(w->asked.facts.row), "process",
				  process_json(w), "blocks", blocks, "log", cmd_foreign(w->log)));
}

int cmd_why(int argc, char **argv)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {0}};
	_cleanup_way_ struct way w = {0};
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
	w.name = argv[optind];
	if (find_way(&w, &err) < 0)
		return cmd_fail(&err);
	printed = (json ? print_json : print_text)(&w);
	return printed == EXIT_YES ? verdict(&w) : printed;
}
