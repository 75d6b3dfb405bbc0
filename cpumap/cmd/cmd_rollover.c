/* SPDX-License-Identifier: Apache-2.0 */
/* cpushim rollover: which guests still have a model that a newer one is to replace. */
#include <errno.h>
#include <getopt.h>

#include "cpumap/core/show.h"
#include "cpumap/fleet/rollover.h"
#include "cpumap/fleet/stem.h"
#include "cmd.h"
#include "grid.h"

/* The largest answer that is read: a guest has under 10 KB in it. */
#define ANSWER_LIMIT ((size_t)256 << 20)

static const char usage[] =
	"Usage: cpushim rollover [OPTION]... OLD [FILE]...\n"
	"Tell which guests still have the model OLD, where, and whether it may retire.\n"
	"FILE is what `cpushim guests --json` answered on a node, which is called as the\n"
	"file says, or else as the file is called; without FILE, or with -, standard\n"
	"input, where many may stand one behind the other. The guests of a node whose\n"
	"answer is missing, empty or broken aren't known, and the node is named.\n"
	"\n"
	"  -n, --nodes FILE  the names of all nodes, a line each: those that haven't\n"
	"                    answered are named\n"
	"  -j, --json        as JSON\n"
	"  -h, --help        this text\n"
	"\n"
	"Exit status: 0 nobody has it; 1 some guest has it; 2 it can't be told.\n";

/* ---- reading ---- */

static int read_answer(struct rollover *r, const char *file, struct error *err)
{
	bool in = strcmp(file, "-") == 0;
	const char *name = in ? "standard input" : file, *slash = strrchr(file, '/');
	_cleanup_free_ char *text = NULL, *node = stem_of(in ? name : slash ? slash + 1 : file);
	size_t len = 0;
	int result = in ? fd_read_all(STDIN_FILENO, ANSWER_LIMIT, &text, &len)
			: file_read(file, TRUST_NAMED, ANSWER_LIMIT, &text, &len, err);

	if (result < 0 && in)
		error_set(err, result, name, 0, "%s", strerror(-result));
	if (!node)
		return error_set(err, -ENOMEM, name, 0, "out of memory");
	if (result == 0)
		result = rollover_read(r, name, node, text, len, err);
	if (result == 0 || result == -ENOMEM)
		return result;
	/* one node's answer keeps no other's from being told */
	(void)cmd_fail(err);
	*err = (struct error){0};
	r->broken++;
	return in ? 0 : rollover_expect(r, node, strlen(node));
}

static int read_nodes(struct rollover *r, const char *file, struct error *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	int result = file ? file_read(file, TRUST_NAMED, ANSWER_LIMIT, &text, &len, err) : 0;

	if (file && result == 0 && rollover_expect(r, text, len) < 0)
		return error_set(err, -ENOMEM, file, 0, "out of memory");
	return result;
}

static int read_all(struct rollover *r, char **file, int n, const char *nodes, struct error *err)
{
	int result = read_nodes(r, nodes, err);

	if (n == 0 && result == 0)
		result = read_answer(r, "-", err);
	for (int i = 0; i < n && result == 0; i++)
		result = read_answer(r, file[i], err);
	if (result == 0 && rollover_end(r) < 0)
		result = error_set(err, -ENOMEM, NULL, 0, "out of memory");
	return result;
}

/* ---- telling ---- */

static size_t count_nodes(const struct rollover_guests *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		n += i == 0 || strcmp(l->item[i - 1].node, l->item[i].node) != 0;
	return n;
}

static void add_guests(struct grid *g, const struct rollover_guests *l, const char *state,
		       enum colour colour)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct rollover_guest *guest = &l->item[i];

		grid_add(g, guest->node, COLOUR_NONE);
		grid_add(g, *guest->domain ? guest->domain : "-", COLOUR_NONE);
		grid_add(g, *guest->uuid ? guest->uuid : "-", COLOUR_NONE);
		grid_add(g, *guest->why ? guest->why : state, colour);
	}
}

static void say_missing(struct text *out, const struct rollover *r)
{
	if (r->missing.n == 0)
		return;
	text_addf(out, "no answer from %zu %s: ", r->missing.n,
		  r->missing.n == 1 ? "node" : "nodes");
	for (size_t i = 0; i < r->missing.n; i++) {
		text_adds(out, i ? ", " : "");
		(void)show(out, r->missing.item[i], strlen(r->missing.item[i]), 64);
	}
	text_adds(out, "\n");
}

static void say_others(struct text *out, const struct rollover *r)
{
	for (size_t i = 0; i < r->n_others; i++) {
		text_addf(out, "%s", i ? ", " : "other models: ");
		(void)show(out, r->other[i].name, strlen(r->other[i].name), 64);
		text_addf(out, " %zu", r->other[i].n);
	}
	text_adds(out, r->n_others ? "\n" : "");
}

static int status_of(const struct rollover *r)
{
	if (r->have.n)
		return EXIT_NO;
	return r->unclear.n || r->missing.n || r->broken ? EXIT_UNKNOWN : EXIT_YES;
}

static void say_answer(struct text *out, const struct rollover *r)
{
	const char *nodes = r->nodes.n == 1 ? "node" : "nodes";
	const char *guests = r->n_guests == 1 ? "guest" : "guests";

	(void)show(out, r->model, strlen(r->model), 64);
	if (r->have.n)
		text_addf(out, ": %zu of %zu %s on %zu of %zu %s still %s it", r->have.n,
			  r->n_guests, guests, count_nodes(&r->have), r->nodes.n, nodes,
			  r->have.n == 1 ? "has" : "have");
	else if (r->unclear.n)
		text_addf(out, ": of %zu of %zu %s on %zu %s it can't be told", r->unclear.n,
			  r->n_guests, guests, r->nodes.n, nodes);
	else
		text_addf(out, ": none of %zu %s on %zu %s has it%s", r->n_guests, guests,
			  r->nodes.n, nodes, status_of(r) == EXIT_YES ? "; it may retire" : "");
	text_adds(out, "\n");
}

static int print_text(const struct rollover *r)
{
	static const struct grid_column columns[] = {{"NODE", GRID_CUT},
						     {"DOMAIN", GRID_CUT},
						     {"UUID", GRID_CUT, 8},
						     {"GUEST", GRID_BELOW}};
	_cleanup_grid_ struct grid g = {columns, ARRAY_SIZE(columns)};
	struct terminal terminal = terminal_ask();
	_cleanup_text_ struct text out = {0};

	add_guests(&g, &r->have, "has it", COLOUR_NO);
	add_guests(&g, &r->unclear, "can't be told", COLOUR_LACKS);
	grid_print(&out, &g, &terminal);
	text_adds(&out, out.len ? "\n" : "");
	say_answer(&out, r);
	say_others(&out, r);
	say_missing(&out, r);
	return cmd_print(&out, 2, status_of(r));
}

static json_t *guests_json(const struct rollover_guests *l)
{
	json_t *guests = json_array();

	for (size_t i = 0; i < l->n; i++) {
		const struct rollover_guest *g = &l->item[i];

		(void)json_array_append_new(
			guests, json_pack("{s:o, s:o, s:o, s:o}", "node", cmd_foreign(g->node),
					  "domain", cmd_foreign(g->domain), "uuid",
					  cmd_foreign(g->uuid), "accel", cmd_foreign(g->accel)));
	}
	return guests;
}

static json_t *names_json(const struct strv *names)
{
	json_t *list = json_array();

	for (size_t i = 0; i < names->n; i++)
		(void)json_array_append_new(list, cmd_foreign(names->item[i]));
	return list;
}

static int print_json(const struct rollover *r)
{
	json_t *others = json_object();
	int printed;

	for (size_t i = 0; i < r->n_others; i++)
		(void)json_object_set_new(others, r->other[i].name,
					  json_integer((json_int_t)r->other[i].n));
	printed = cmd_json(json_pack("{s:o, s:b, s:o, s:o, s:o, s:o, s:I, s:I}", "model",
				     cmd_foreign(r->model), "may_retire", status_of(r) == EXIT_YES,
				     "guests", guests_json(&r->have), "unclear",
				     guests_json(&r->unclear), "other_models", others, "missing",
				     names_json(&r->missing), "nodes", (json_int_t)r->nodes.n,
				     "n_guests", (json_int_t)r->n_guests));
	return printed == EXIT_YES ? status_of(r) : printed;
}

int cmd_rollover(int argc, char **argv)
{
	static const struct option options[] = {{"nodes", required_argument, NULL, 'n'},
						{"json", no_argument, NULL, 'j'},
						{"help", no_argument, NULL, 'h'},
						{0}};
	_cleanup_rollover_ struct rollover r = {0};
	const char *nodes = NULL;
	struct error err = {0};
	bool json = false;
	int opt;

	while ((opt = getopt_long(argc, argv, "n:jh", options, NULL)) != -1) {
		if (opt == 'h')
			return cmd_help(usage);
		if (opt == 'n')
			nodes = optarg;
		else if (opt == 'j')
			json = true;
		else
			return usage_error("rollover", NULL);
	}
	if (optind >= argc)
		return usage_error("rollover", "takes the OLD model");
	r.model = argv[optind++];
	if (read_all(&r, argv + optind, argc - optind, nodes, &err) < 0)
		return cmd_fail(&err);
	return json ? print_json(&r) : print_text(&r);
}
