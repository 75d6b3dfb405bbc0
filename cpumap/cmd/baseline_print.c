/* SPDX-License-Identifier: Apache-2.0 */
#include "baseline_print.h"

#include "cpumap/core/show.h"
#include "cpumap/fleet/psabi.h"
#include "grid.h"
#include "hosts.h"

#define ROWS_MAX  24 /* that people get of a table; JSON has all */
#define NAMES_MAX 6  /* hosts that are named in a row */
#define FEW_ROWS  3 /* so few rows of hosts, not more than half of them, cost the others a feature */
#define FEW_PART  10 /* or so small a part of the hosts */

/* ---- words ---- */

static void add_set(struct text *out, const struct featset *set, const char *sep)
{
	featset_print(out, set, sep);
}

/* "x86-64-v2"; below the first level there is no name. */
static void add_level(struct text *out, unsigned int level)
{
	if (level)
		text_addf(out, "x86-64-v%u", level);
	else
		text_adds(out, "below x86-64-v1");
}

static struct featset usable_unknown(const struct baseline *b)
{
	struct featset set = b->unknown;

	featset_intersect(&set, &b->possible);
	return set;
}

static void say_shared(struct text *out, const struct fleet_findings *f, bool names)
{
	const struct featset *set = &f->baseline.model.features;

	text_addf(out, "they share %zu features (", featset_count(set));
	add_level(out, f->stock.level);
	text_adds(out, ")");
	if (names && featset_count(set)) {
		text_adds(out, ": ");
		add_set(out, set, " ");
	}
	text_adds(out, "\n");
}

/* All of them, whatever the number of hosts. */
static void say_unknown_short(struct text *out, const struct baseline *b)
{
	struct featset left = usable_unknown(b);

	if (featset_count(&left) == 0)
		return;
	text_adds(out, "left out, as not all hosts tell of them: ");
	add_set(out, &left, " ");
	text_adds(out, "\n");
}

/* A line for each number of hosts of which features aren't known. */
static void say_unknown(struct text *out, const struct baseline *b)
{
	struct featset left = usable_unknown(b);

	while (featset_count(&left)) {
		struct featset same = {0};
		size_t hosts = 0;

		for (size_t i = 0; i < n_features; i++) {
			if (!featset_has(&left, i) || (hosts && b->unknown_hosts[i] != hosts))
				continue;
			hosts = b->unknown_hosts[i];
			featset_add(&same, i);
		}
		featset_subtract(&left, &same);
		text_addf(out, "left out, as %zu %s tell of %s: ", hosts,
			  hosts == 1 ? "host doesn't" : "hosts don't",
			  featset_count(&same) == 1 ? "it" : "them");
		add_set(out, &same, " ");
		text_adds(out, "\n");
	}
}

/* What isn't part of any definition needs no word. */
static void say_left(struct text *out, const struct baseline *b)
{
	for (int kind = LEFT_MSR; kind < LEFT_KINDS; kind++) {
		if (featset_count(&b->left[kind]) == 0)
			continue;
		text_addf(out, "left out, as %s: ", left_why((enum left)kind));
		add_set(out, &b->left[kind], " ");
		text_adds(out, "\n");
	}
}

/* ---- stock models ---- */

static const char *maker(enum catalogue_from from)
{
	static const char *const makers[CATALOGUE_FROMS] = {"the site's", "libvirt's", "QEMU's",
							    "the file's"};

	return makers[from];
}

static void say_near(struct text *out, const struct fleet_findings *f, enum catalogue_from from)
{
	const struct fleet_near *near = &f->stock.near[from];
	size_t n = featset_count(&near->lacks);

	if (!near->model) {
		if (f->catalogue.count[from])
			text_addf(out, "no model of %s runs on all of them\n", maker(from));
		return;
	}
	text_addf(out, "%s nearest is %s (", maker(from), near->model->name);
	add_level(out, near->level);
	text_adds(out, n ? "), which lacks " : "), which lacks nothing of it");
	if (n)
		text_addf(out, "%zu: ", n);
	add_set(out, &near->lacks, " ");
	text_adds(out, "\n");
}

static void say_verdict(struct text *out, const struct fleet_findings *f)
{
	const struct fleet_stock *s = &f->stock;
	const char *name = s->does == STOCK_NOTHING ? "" : s->near[s->best].model->name;

	if (s->does == STOCK_NOTHING) {
		text_adds(out, "no stock model has the level that they share\n");
		return;
	}
	text_addf(out, "%s %s %s: you%s need no %s\n", maker(s->best), name,
		  s->does == STOCK_ALL ? "would do for all hosts"
				       : "has the level that all hosts share",
		  s->does == STOCK_ALL ? "" : " may",
		  s->best == CATALOGUE_SITE ? "other one" : "model of your own");
	if (s->vendor_changes)
		text_adds(out,
			  "but under KVM its guests get their host's vendor, so they can't migrate "
			  "between vendors\n");
}

void baseline_stock(struct text *out, const struct fleet_findings *f)
{
	static const enum catalogue_from order[] = {CATALOGUE_QEMU, CATALOGUE_LIBVIRT,
						    CATALOGUE_SITE};

	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		say_near(out, f, order[i]);
	say_verdict(out, f);
}

/* Features of the model that @known lacks: what the QEMU or libvirt here has names for. */
static void say_nameless(struct text *out, const struct fleet_findings *f, enum catalogue_from from,
			 const struct featset *known, const char *said)
{
	struct featset set = f->baseline.model.features;

	if (!f->catalogue.loaded[from] || f->catalogue.missing[from].code)
		return;
	featset_subtract(&set, known);
	if (featset_count(&set) == 0)
		return;
	text_addf(out, "%s: ", said);
	add_set(out, &set, " ");
	text_adds(out, "\n");
}

void baseline_short(struct text *out, const struct fleet_findings *f)
{
	text_addf(out, "%zu %s, %zu different; ", HOSTS(f->rows.n_hosts), f->rows.n);
	hosts_accel_said(out, &f->rows);
	text_adds(out, "\n");
	say_shared(out, f, false);
	say_left(out, &f->baseline);
	say_unknown_short(out, &f->baseline);
	say_nameless(out, f, CATALOGUE_QEMU, &f->catalogue.qemu.properties,
		     "the QEMU here doesn't know, so that no guest starts with the model on a node "
		     "with such a QEMU");
	say_nameless(out, f, CATALOGUE_LIBVIRT, &f->catalogue.map.features,
		     "the libvirt here has no name for, so that guests have with cpushim's wrapper "
		     "alone");
	baseline_stock(out, f);
}

/* ---- tables ---- */

static void add_hosts(struct grid *g, const struct fleet_findings *f, const struct fleet_row *row,
		      const char *before)
{
	_cleanup_text_ struct text cell = {0};

	text_adds(&cell, before);
	hosts_names(&cell, f->rows.fleet, f->rows.host + row->first, row->n, NAMES_MAX);
	grid_add(g, cell.failed ? "" : cell.data, COLOUR_NONE);
	g->failed |= cell.failed;
}

static void add_brand(struct text *out, const struct fleet_findings *f, const struct fleet_row *row)
{
	struct fleet_brand brand = fleet_row_brand(&f->rows, row);

	if (!brand.name)
		return;
	text_adds(out, brand.name);
	if (brand.others)
		text_addf(out, " and %zu other%s", brand.others, brand.others == 1 ? "" : "s");
	text_adds(out, ": ");
}

static void add_rest(struct text *out, size_t more)
{
	if (more)
		text_addf(out, "and %zu more, which --json has\n", more);
}

static void explain_hosts(struct text *out, const struct fleet_findings *f,
			  const struct terminal *t)
{
	static const struct grid_column columns[] = {{"HOSTS", GRID_NUMBER},
						     {"FEATURES", GRID_NUMBER},
						     {"LEVEL", GRID_WHOLE},
						     {"WHICH", GRID_FOLD}};
	_cleanup_grid_ struct grid g = {columns, ARRAY_SIZE(columns)};

	for (size_t i = 0; i < f->rows.n && i < ROWS_MAX; i++) {
		const struct fleet_row *row = &f->rows.row[i];
		struct featset usable = row->view.has;
		unsigned int level = psabi_level(&row->view.has);
		_cleanup_text_ struct text brand = {0};

		featset_intersect(&usable, &f->baseline.possible);
		text_adds(&brand, "");
		add_brand(&brand, f, row);
		grid_addf(&g, "%zu", row->n);
		grid_addf(&g, "%zu", featset_count(&usable));
		grid_addf(&g, level ? "v%u" : "-", level);
		add_hosts(&g, f, row, brand.failed ? "" : brand.data);
	}
	grid_print(out, &g, t);
	add_rest(out, f->rows.n > ROWS_MAX ? f->rows.n - ROWS_MAX : 0);
}

/* ---- what hosts cost ---- */

static bool is_few(const struct fleet_findings *f, const struct cost *c)
{
	return (c->n_rows <= FEW_ROWS && c->n_hosts * 2 <= f->rows.n_hosts) ||
	       c->n_hosts * FEW_PART <= f->rows.n_hosts;
}

/* The hosts of a cost's first rows. */
static void add_causes(struct grid *g, const struct fleet_findings *f, const struct cost *c,
		       struct text *cell)
{
	size_t named = 0;

	text_adds(cell, ": ");
	for (size_t i = c->row; i < f->rows.n && named < NAMES_MAX; i++) {
		const struct fleet_row *row = &f->rows.row[i];

		if (!costs_has_row(c, row))
			continue;
		for (size_t k = 0; k < row->n && named < NAMES_MAX; k++)
			text_addf(cell, "%s%s", named++ ? ", " : "",
				  fleet_text(f->rows.fleet, f->rows.host[row->first + k]->name));
	}
	if (named < c->n_hosts)
		text_addf(cell, " and %zu more", c->n_hosts - named);
	grid_add(g, cell->failed ? "" : cell->data, COLOUR_NONE);
	g->failed |= cell->failed;
}

static void explain_costs(struct text *out, const struct fleet_findings *f,
			  const struct terminal *t)
{
	static const struct grid_column columns[] = {{"HOSTS", GRID_NUMBER},
						     {"LACK, OR DON'T TELL OF", GRID_FOLD}};
	_cleanup_grid_ struct grid g = {columns, ARRAY_SIZE(columns)};
	size_t n = 0;

	for (size_t i = 0; i < f->costs.n; i++) {
		const struct cost *c = &f->costs.cost[i];
		_cleanup_text_ struct text cell = {0};

		if (!is_few(f, c) || n++ >= ROWS_MAX)
			continue;
		grid_addf(&g, "%zu", c->n_hosts);
		add_set(&cell, &c->features, " ");
		add_causes(&g, f, c, &cell);
	}
	if (n == 0)
		return;
	text_adds(out, "\nFeatures that few hosts cost the others:\n");
	grid_print(out, &g, t);
	add_rest(out, n > ROWS_MAX ? n - ROWS_MAX : 0);
}

static void explain_gains(struct text *out, const struct fleet_findings *f,
			  const struct terminal *t)
{
	static const struct grid_column columns[] = {
		{"MORE", GRID_NUMBER}, {"LEVEL", GRID_WHOLE}, {"WITHOUT", GRID_FOLD}};
	_cleanup_grid_ struct grid g = {columns, ARRAY_SIZE(columns)};

	if (f->costs.n_gains == 0 || f->rows.n < 2)
		return;
	for (size_t i = 0; i < f->costs.n_gains && i < ROWS_MAX; i++) {
		const struct gain *gain = &f->costs.gain[i];
		struct featset all = f->baseline.model.features;
		unsigned int level;

		featset_union(&all, &gain->features);
		level = psabi_level(&all);
		grid_addf(&g, "%zu", featset_count(&gain->features));
		grid_addf(&g, level ? "v%u" : "-", level);
		add_hosts(&g, f, &f->rows.row[gain->row], "");
	}
	text_adds(out, "\nHow many features more the others would share without these hosts:\n");
	grid_print(out, &g, t);
	add_rest(out, f->costs.n_gains > ROWS_MAX ? f->costs.n_gains - ROWS_MAX : 0);
}

static void explain_split(struct text *out, const struct split *s, const struct terminal *t)
{
	static const struct grid_column columns[] = {{"FEATURES", GRID_NUMBER},
						     {"LEVEL", GRID_WHOLE},
						     {"FOR", GRID_NUMBER},
						     {"RUNS ON", GRID_NUMBER}};
	_cleanup_grid_ struct grid g = {columns, ARRAY_SIZE(columns)};

	for (size_t i = 0; i < s->n; i++) {
		unsigned int level = psabi_level(&s->part[i].features);

		grid_addf(&g, "%zu", featset_count(&s->part[i].features));
		grid_addf(&g, level ? "v%u" : "-", level);
		grid_addf(&g, "%zu", s->part[i].n_hosts);
		grid_addf(&g, "%zu", s->part[i].n_run);
	}
	text_addf(out, "\n%zu models in place of one (hosts that would get it, and that run it):\n",
		  s->n);
	grid_print(out, &g, t);
}

/* ---- all ---- */

/* Folds each line. */
static void say_lines(struct text *out, const struct text *lines, const struct terminal *t)
{
	const char *at = lines->data, *end;

	out->failed |= lines->failed;
	for (; !lines->failed && at && *at; at = end + (*end == '\n')) {
		_cleanup_free_ char *line = NULL;

		end = at + strcspn(at, "\n");
		line = strndup(at, (size_t)(end - at));
		terminal_fold(out, t, line ? line : "", 0, 4);
		text_adds(out, "\n");
	}
}

void baseline_explain(struct text *out, const struct fleet_findings *f, const struct terminal *t)
{
	_cleanup_text_ struct text head = {0}, shared = {0}, stock = {0};

	text_addf(&head, "%zu %s, %zu different; ", HOSTS(f->rows.n_hosts), f->rows.n);
	hosts_accel_said(&head, &f->rows);
	say_lines(out, &head, t);
	text_adds(out, "\n");
	explain_hosts(out, f, t);
	text_adds(out, "\n");
	say_shared(&shared, f, true);
	say_left(&shared, &f->baseline);
	say_unknown(&shared, &f->baseline);
	say_lines(out, &shared, t);
	text_adds(out, "\n");
	baseline_stock(&stock, f);
	say_lines(out, &stock, t);
	explain_costs(out, f, t);
	explain_gains(out, f, t);
	if (f->two.n > 1)
		explain_split(out, &f->two, t);
	if (f->three.n > 2)
		explain_split(out, &f->three, t);
}
