/* SPDX-License-Identifier: Apache-2.0 */
/* cpushim list: the models, where they come from, and what each lacks here. */
#include <errno.h>
#include <getopt.h>

#include "cmd.h"
#include "list_json.h"
#include "list_print.h"

static const char usage[] =
	"Usage: cpushim list [--json | --digest] [MODEL]\n"
	"List the models of the table: name, base, how many features, whether it runs\n"
	"here under TCG and KVM, and where it is defined; below, what is lacking and why.\n"
	"With MODEL that one whole: identity, digest, all features, each that is lacking,\n"
	"and the emulators. A terminal gets 80 columns at most, and colours unless\n"
	"NO_COLOR is set.\n"
	"\n"
	"  -d, --digest  a line MODEL DIGEST each, or MODEL refused, the same on every\n"
	"                node where the names mean the same: for diff\n"
	"  -j, --json    as JSON, with whole digests\n"
	"  -h, --help    this text\n"
	"\n"
	"Exit status: 0 listed; 2 there is no usable table, or no such model.\n";

/* Which rows are listed: all, or those of one model. */
struct range {
	size_t first, n;
};

/* Nothing about this host: what a name means, or why it is refused. */
static int print_digests(const struct table *t, struct range of)
{
	_cleanup_strv_ struct strv lines = {0};

	for (size_t i = 0; i < of.n; i++) {
		const struct table_row *row = &t->row[of.first + i];

		if (strv_addf(&lines, "%s %s", row->model,
			      *row->refused ? "refused" : row->digest) < 0)
			return cmd_fail(&(struct error){.code = -ENOMEM, .what = "out of memory"});
	}
	/* an emulator more is no line more */
	strv_sort(&lines);
	for (size_t i = 0; i < lines.n; i++)
		puts(lines.item[i]);
	return cmd_flush(EXIT_YES);
}

static int print_json(const struct table *t, struct range of)
{
	return cmd_json(list_json(t, of.first, of.n));
}

static int print_text(const struct table *t, struct range of, bool one)
{
	struct accels accels = {.faithful = NOT_KNOWN};
	struct terminal terminal = terminal_ask();
	_cleanup_text_ struct text out = {0};

	if (one)
		list_print_model(&out, t, of.first, of.n, &accels, &terminal);
	else
		list_print(&out, t, &accels, &terminal);
	if (out.failed)
		return cmd_fail(&(struct error){.code = -ENOMEM, .what = "out of memory"});
	fputs(out.data, stdout);
	return cmd_flush(EXIT_YES);
}

/* A model's rows are one behind the other. */
static int find_range(struct range *of, const struct table *t, const char *model, struct error *err)
{
	const struct table_row *row;

	*of = (struct range){0, t->n};
	if (!model)
		return 0;
	row = cmd_row(t, model, strlen(model), NULL, err);
	if (!row)
		return -ENOENT;
	*of = (struct range){(size_t)(row - t->row), 0};
	while (of->first > 0 && strcmp(t->row[of->first - 1].model, model) == 0)
		of->first--;
	while (of->first + of->n < t->n && strcmp(t->row[of->first + of->n].model, model) == 0)
		of->n++;
	return 0;
}

int cmd_list(int argc, char **argv)
{
	static const struct option options[] = {{"digest", no_argument, NULL, 'd'},
						{"json", no_argument, NULL, 'j'},
						{"help", no_argument, NULL, 'h'},
						{0}};
	_cleanup_table_ struct table t = {0};
	struct error err = {0};
	bool json = false, digest = false;
	struct range of;
	int opt;

	while ((opt = getopt_long(argc, argv, "djh", options, NULL)) != -1) {
		if (opt == 'h')
			return cmd_help(usage);
		if (opt != 'j' && opt != 'd')
			return usage_error("list", NULL);
		json |= opt == 'j';
		digest |= opt == 'd';
	}
	if (argc - optind > 1 || (json && digest))
		return usage_error("list", "takes one MODEL, and one of --digest and --json");
	if (cmd_table(&t, &err) < 0 || find_range(&of, &t, argv[optind], &err) < 0)
		return cmd_fail(&err);
	if (digest)
		return print_digests(&t, of);
	cmd_nodestate(&t, false);
	return json ? print_json(&t, of) : print_text(&t, of, optind < argc);
}
