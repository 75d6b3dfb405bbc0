/* SPDX-License-Identifier: Apache-2.0 */
#include "page.h"

#include "cpumap/core/show.h"
#include "psabi.h"

#define GROUPS_MAX  24   /* of hosts that are shown; a screen has no room for more columns */
#define GAINS_SHOWN 8    /* groups that cost the others most are among them */
#define COSTS_MAX   200  /* rows of what differs */
#define NAMES_MAX   6    /* of a group's hosts that are in sight */
#define HOSTS_MAX   2000 /* names on the page */
#define NAME_MAX    64   /* characters of a name */
#define LACKS_MAX   12   /* features of which names are in sight */
#define HUE         137 /* degrees from one group's colour to the next, which makes neighbours unlike */

/* What was written so far. */
struct sheet {
	struct text *out;
	const struct fleet_findings *f;
	size_t group[GROUPS_MAX]; /* the rows of hosts that are shown */
	size_t n_groups;
	size_t names; /* of hosts that may still be written behind a click */
};

/* ---- words ---- */

static void add(struct sheet *s, const char *html)
{
	text_adds(s->out, html);
}

/* Foreign text. */
static void add_text(struct sheet *s, const char *text)
{
	show_html(s->out, text, SIZE_MAX);
}

static void add_level(struct sheet *s, unsigned int level)
{
	if (level)
		text_addf(s->out, "x86-64-v%u", level);
	else
		add(s, "below x86-64-v1");
}

static void add_count(struct sheet *s, size_t n, const char *what)
{
	text_addf(s->out, "%zu %s%s", n, what, n == 1 ? "" : "s");
}

/* Names of features, the first @max of them. */
static void add_features(struct sheet *s, const struct featset *set, size_t max)
{
	_cleanup_text_ struct text names = {0};
	size_t n = featset_count(set), i = 0;
	char *rest, *name;

	featset_print(&names, set, ",");
	rest = names.data;
	while (rest && n && i < max && (name = strsep(&rest, ",")))
		text_addf(s->out, "%s%s", i++ ? " " : "", name);
	if (n > i)
		text_addf(s->out, " and %zu more", n - i);
	s->out->failed |= names.failed;
}

static struct featset usable(const struct sheet *s, const struct featset *set)
{
	struct featset out = *set;

	featset_intersect(&out, &s->f->baseline.possible);
	return out;
}

/* A group's number, in its colour. */
static void add_tag(struct sheet *s, size_t row)
{
	text_addf(s->out, "<span class=tag style='--h:%zu'>%zu</span>", row * HUE % 360, row + 1);
}

/* ---- which groups are shown ---- */

static bool is_shown(const struct sheet *s, size_t row)
{
	for (size_t i = 0; i < s->n_groups; i++)
		if (s->group[i] == row)
			return true;
	return false;
}

static int compare_rows(const void *a, const void *b)
{
	const size_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Those that cost the others most, then the largest. */
static void choose_groups(struct sheet *s)
{
	const struct costs *c = &s->f->costs;

	for (size_t i = 0; i < c->n_gains && i < GAINS_SHOWN; i++)
		s->group[s->n_groups++] = c->gain[i].row;
	for (size_t row = 0; row < s->f->rows.n && s->n_groups < GROUPS_MAX; row++)
		if (!is_shown(s, row))
			s->group[s->n_groups++] = row;
	qsort(s->group, s->n_groups, sizeof(s->group[0]), compare_rows);
}

static size_t hosts_shown(const struct sheet *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_groups; i++)
		n += s->f->rows.row[s->group[i]].n;
	return n;
}

/* ---- the head ---- */

static void add_head(struct sheet *s)
{
	const struct fleet_findings *f = s->f;
	struct tm tm = {0};
	char day[16] = "";

	(void)gmtime_r(&f->when, &tm);
	(void)strftime(day, sizeof(day), "%Y-%m-%d", &tm);
	add(s, "<!doctype html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n"
	       "<meta name=viewport content='width=device-width, initial-scale=1'>\n"
	       "<meta http-equiv=Content-Security-Policy "
	       "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n<title>");
	add_text(s, f->baseline.model.name);
	add(s, ": the CPUs of ");
	add_count(s, f->rows.n_hosts, "host");
	text_addf(s->out, "</title>\n<style>%s</style>\n</head>\n<body>\n<header>\n<h1>",
		  page_style);
	add_text(s, f->baseline.model.name);
	add(s, ": what ");
	add_count(s, f->rows.n_hosts, "host");
	add(s, " can give</h1>\n<p class=soft>");
	add_count(s, f->rows.n, "group");
	text_addf(s->out, " of hosts with the same features, by what %s. cpushim %s, %s.</p>\n",
		  f->rows.accel == HOST_KVM   ? "QEMU gives under KVM"
		  : f->rows.accel == HOST_TCG ? "QEMU gives under TCG"
					      : "the CPUs themselves have",
		  CPUSHIM_VERSION, day);
}

/* The numbers that matter most. */
static void add_numbers(struct sheet *s)
{
	const struct fleet_stock *stock = &s->f->stock;

	text_addf(s->out,
		  "<dl class=numbers><div><dd>%zu</dd><dt>features that all share</dt></div>"
		  "<div><dd>",
		  featset_count(&s->f->baseline.model.features));
	add_level(s, stock->level);
	add(s, "</dd><dt>is the level that all have</dt></div><div><dd>");
	if (stock->does == STOCK_NOTHING)
		add(s, "none");
	else
		add_text(s, stock->near[stock->best].model->name);
	text_addf(s->out, "</dd><dt>%s</dt></div></dl>\n",
		  stock->does == STOCK_ALL     ? "exists already, and has all of them"
		  : stock->does == STOCK_LEVEL ? "exists already, and has that level"
					       : "of the models that exist has that level");
}

/* All hosts as one bar; a part that is too narrow for its number has none. */
static void add_bar(struct sheet *s)
{
	size_t shown = hosts_shown(s), all = s->f->rows.n_hosts;

	add(s, "<div class=bar>");
	for (size_t i = 0; i < s->n_groups; i++) {
		size_t row = s->group[i], n = s->f->rows.row[row].n;

		text_addf(s->out, "<span style='--h:%zu;flex:%zu'>", row * HUE % 360, n);
		if (n * 40 >= all)
			text_addf(s->out, "%zu", row + 1);
		add(s, "</span>");
	}
	if (shown < all)
		text_addf(s->out, "<span class=rest style='flex:%zu'>%s</span>", all - shown,
			  (all - shown) * 10 >= all ? "others" : "");
	add(s, "</div>\n");
}

/* Each sentence of @said. */
static void add_said(struct sheet *s, const char *said)
{
	add(s, "<ul class=said>\n");
	while (*said) {
		size_t len = strcspn(said, "\n");
		_cleanup_free_ char *line = strndup(said, len);

		add(s, "<li>");
		add_text(s, line ? line : "");
		add(s, "</li>\n");
		said += len + (said[len] == '\n');
	}
	add(s, "</ul>\n</header>\n");
}

/* ---- groups ---- */

static void add_host(struct sheet *s, const struct fleet_row *row, size_t i)
{
	const struct fleet_rows *rows = &s->f->rows;

	/* the first one there isn't behind another */
	if (i && i != NAMES_MAX)
		add(s, ", ");
	show_html(s->out, fleet_text(rows->fleet, rows->host[row->first + i]->name), NAME_MAX);
}

/* The first names in sight, and the others behind a click. */
static void add_names(struct sheet *s, const struct fleet_row *row)
{
	size_t sight = row->n < NAMES_MAX ? row->n : NAMES_MAX;
	size_t more = row->n - sight < s->names ? row->n - sight : s->names;

	s->names -= more;
	add(s, "<p class=names>");
	for (size_t i = 0; i < sight; i++)
		add_host(s, row, i);
	add(s, "</p>");
	if (sight == row->n)
		return;
	text_addf(s->out, "<details><summary>%zu more</summary><p class=names>", row->n - sight);
	for (size_t i = sight; i < sight + more; i++)
		add_host(s, row, i);
	if (sight + more < row->n)
		text_addf(s->out, "%s%zu more, which --json has", more ? " and " : "",
			  row->n - sight - more);
	add(s, "</p></details>");
}

static const struct gain *gain_of(const struct costs *c, size_t row)
{
	for (size_t i = 0; i < c->n_gains; i++)
		if (c->gain[i].row == row)
			return &c->gain[i];
	return NULL;
}

/* What the others would share without this group. */
static void add_gain(struct sheet *s, size_t row)
{
	const struct gain *gain = gain_of(&s->f->costs, row);
	struct featset all = s->f->baseline.model.features;

	if (s->f->rows.n < 2)
		return;
	if (!gain || featset_count(&gain->features) == 0) {
		add(s, "<p class=soft>Without it the others share no more.</p>");
		return;
	}
	featset_union(&all, &gain->features);
	add(s, "<p><span class=bad>Costs the others ");
	add_count(s, featset_count(&gain->features), "feature");
	add(s, "</span>: ");
	add_features(s, &gain->features, LACKS_MAX);
	if (psabi_level(&all) > s->f->stock.level) {
		add(s, "; without it they have ");
		add_level(s, psabi_level(&all));
	}
	add(s, "</p>");
}

static void add_group(struct sheet *s, size_t at)
{
	const struct fleet_row *row = &s->f->rows.row[at];
	struct fleet_brand brand = fleet_row_brand(&s->f->rows, row);
	struct featset has = usable(s, &row->view.has);
	size_t uneven = fleet_row_uneven(&s->f->rows, row);

	text_addf(s->out, "<article class=group style='--h:%zu'><h3>", at * HUE % 360);
	add_tag(s, at);
	add(s, " ");
	add_count(s, row->n, "host");
	add(s, "</h3><p>");
	show_html(s->out, brand.name ? brand.name : "a CPU without a name", NAME_MAX);
	if (brand.others) {
		add(s, " and ");
		add_count(s, brand.others, "other");
	}
	add(s, "</p><p class=soft>");
	if (*row->vendor) {
		add_text(s, row->vendor);
		add(s, ", ");
	}
	add_count(s, featset_count(&has), "feature");
	add(s, ", ");
	add_level(s, psabi_level(&row->view.has));
	if (uneven)
		text_addf(s->out, ", shared by unlike CPUs on %zu", uneven);
	add(s, "</p>");
	add_gain(s, at);
	add_names(s, row);
	add(s, "</article>\n");
}

static void add_groups(struct sheet *s)
{
	add(s, "<section id=groups>\n<h2>Groups of hosts</h2>\n<div class=groups>\n");
	for (size_t i = 0; i < s->n_groups; i++)
		add_group(s, s->group[i]);
	add(s, "</div>\n");
	if (s->n_groups < s->f->rows.n) {
		add(s, "<p class=soft>And ");
		add_count(s, s->f->rows.n - s->n_groups, "more group");
		add(s, " of ");
		add_count(s, s->f->rows.n_hosts - hosts_shown(s), "host");
		add(s, ", which <code>cpushim baseline --json</code> has.</p>\n");
	}
	add(s, "</section>\n");
}

/* ---- what differs ---- */

static void add_matrix_head(struct sheet *s)
{
	add(s, "<thead><tr><th scope=col>features</th><th scope=col class=n>hosts without</th>");
	for (size_t i = 0; i < s->n_groups; i++) {
		add(s, "<th scope=col>");
		add_tag(s, s->group[i]);
		add(s, "</th>");
	}
	add(s, "</tr></thead>\n");
}

static void add_cell(struct sheet *s, size_t at, const struct cost *cost)
{
	const struct fleet_row *row = &s->f->rows.row[at];
	struct featset known = cost ? cost->features : (struct featset){0};

	featset_intersect(&known, &row->view.known);
	if (!cost || !costs_has_row(cost, row))
		text_addf(s->out, "<td class=y style='--h:%zu'>&#9679;</td>", at * HUE % 360);
	else if (featset_count(&known))
		add(s, "<td class=l>&#8211;</td>");
	else
		add(s, "<td class=q>?</td>");
}

/* A row for features that the same groups lack; without a @cost for those that all have. */
static void add_matrix_row(struct sheet *s, const struct cost *cost)
{
	const struct featset *set = cost ? &cost->features : &s->f->baseline.model.features;

	text_addf(s->out, "<tr%s><th scope=row>", cost ? "" : " class=all");
	if (cost)
		add_features(s, set, SIZE_MAX);
	else
		text_addf(s->out, "the %zu that all share", featset_count(set));
	text_addf(s->out, "</th><td class=n>%zu</td>", cost ? cost->n_hosts : 0);
	for (size_t i = 0; i < s->n_groups; i++)
		add_cell(s, s->group[i], cost);
	add(s, "</tr>\n");
}

static void add_differences(struct sheet *s)
{
	const struct costs *c = &s->f->costs;
	size_t n = c->n < COSTS_MAX ? c->n : COSTS_MAX;

	if (c->n == 0)
		return;
	add(s, "<section id=differs>\n<h2>What differs</h2>\n<div class=wide><table class=matrix>\n"
	       "<caption>&#9679; all hosts of the group have it; &#8211; they lack it; ? they "
	       "don&#39;t tell. Features that fewest hosts lack come first.");
	if (n < c->n)
		text_addf(s->out, " %zu more rows are in <code>--json</code>.", c->n - n);
	add(s, "</caption>\n");
	add_matrix_head(s);
	add(s, "<tbody>\n");
	add_matrix_row(s, NULL);
	for (size_t i = 0; i < n; i++)
		add_matrix_row(s, &c->cost[i]);
	add(s, "</tbody></table></div>\n</section>\n");
}

/* ---- what is shared ---- */

/* Features that the stock model lacks are marked. */
static void add_set(struct sheet *s, const struct featset *set, const struct featset *lacks)
{
	add(s, "<ul class=set>");
	for (size_t i = 0; i < n_features; i++)
		if (featset_has(set, i))
			text_addf(s->out, "<li%s>%s</li>", featset_has(lacks, i) ? " class=x" : "",
				  features[i].name);
	add(s, "</ul>");
}

/* A line of the table: @title, its features, and those of the level that aren't shared. */
static void add_part(struct sheet *s, const char *title, const struct featset *set,
		     const struct featset *not_shared, const struct featset *lacks)
{
	if (featset_count(set) == 0)
		return;
	text_addf(s->out, "<dt>%s</dt><dd>", title);
	add_set(s, set, lacks);
	if (featset_count(not_shared)) {
		add(s, "<p class=soft>not shared: ");
		add_features(s, not_shared, SIZE_MAX);
		add(s, "</p>");
	}
	add(s, "</dd>\n");
}

/* The stock model that would do, or else is nearest: QEMU's, then libvirt's. */
static const struct fleet_near *beside(const struct sheet *s)
{
	const struct fleet_stock *stock = &s->f->stock;

	if (stock->does != STOCK_NOTHING)
		return &stock->near[stock->best];
	return stock->near[CATALOGUE_QEMU].model ? &stock->near[CATALOGUE_QEMU]
						 : &stock->near[CATALOGUE_LIBVIRT];
}

/* The features of each psABI level, and those that belong to none. */
static void add_shared(struct sheet *s)
{
	const struct fleet_near *stock = beside(s);
	struct featset rest = s->f->baseline.model.features, none = {0};

	add(s, "<section id=shared>\n<h2>What all hosts share</h2>\n<p>");
	add_count(s, featset_count(&rest), "feature");
	add(s, ".");
	if (stock->model && featset_count(&stock->lacks)) {
		add(s, " ");
		add_text(s, stock->model->name);
		add(s, ", which exists already, lacks those in a dashed frame.");
	}
	add(s, "</p>\n<dl class=parts>\n");
	for (unsigned int level = 1; level <= PSABI_LEVELS; level++) {
		struct featset of, not_shared;
		char title[32];

		(void)snprintf(title, sizeof(title), "x86-64-v%u", level);
		psabi_features(level, &of);
		not_shared = of;
		featset_subtract(&not_shared, &rest);
		featset_intersect(&of, &rest);
		add_part(s, title, &of, &not_shared, &stock->lacks);
		featset_subtract(&rest, &of);
	}
	add_part(s, "in no level", &rest, &none, &stock->lacks);
	add(s, "</dl>\n</section>\n");
}

/* ---- models ---- */

static void add_near(struct sheet *s, enum catalogue_from from)
{
	const struct fleet_near *near = &s->f->stock.near[from];
	size_t all = featset_count(&s->f->baseline.model.features);
	size_t lacks = featset_count(&near->lacks);

	if (!near->model)
		return;
	add(s, "<tr><th scope=row>");
	add_text(s, near->model->name);
	text_addf(s->out, "</th><td>%s</td><td class=n>%zu of %zu</td><td>",
		  catalogue_from_name(from), all - lacks, all);
	add_level(s, near->level);
	add(s, "</td><td>");
	if (lacks)
		add_features(s, &near->lacks, SIZE_MAX);
	else
		add(s, "<span class=good>nothing</span>");
	add(s, "</td></tr>\n");
}

static void add_stock(struct sheet *s)
{
	bool any = false;

	for (int from = 0; from < CATALOGUE_FROMS; from++)
		any |= s->f->stock.near[from].model != NULL;
	add(s, "<section id=stock>\n<h2>Models that exist already</h2>\n");
	if (!any) {
		add(s, "<p>None that is known here runs on all of these hosts.</p>\n</section>\n");
		return;
	}
	add(s, "<div class=wide><table><caption>The nearest model of each origin that runs on all "
	       "hosts.</caption><thead><tr><th scope=col>model</th><th scope=col>of</th>"
	       "<th scope=col class=n>has</th><th scope=col>level</th><th scope=col>lacks of what "
	       "all share</th></tr></thead>\n<tbody>\n");
	for (int from = 0; from < CATALOGUE_FROMS; from++)
		add_near(s, (enum catalogue_from)from);
	add(s, "</tbody></table></div>\n</section>\n");
}

static void add_split(struct sheet *s, const struct split *split)
{
	for (size_t i = 0; i < split->n; i++) {
		const struct part *part = &split->part[i];

		text_addf(s->out, "<tr><th scope=row>%zu of %zu</th><td class=n>%zu</td><td>",
			  i + 1, split->n, featset_count(&part->features));
		add_level(s, psabi_level(&part->features));
		text_addf(s->out, "</td><td class=n>%zu</td><td class=n>%zu</td></tr>\n",
			  part->n_hosts, part->n_run);
	}
}

static void add_splits(struct sheet *s)
{
	if (s->f->two.n < 2)
		return;
	add(s, "<section id=split>\n<h2>If one model for all is too little</h2>\n<div class='wide "
	       "fit'>"
	       "<table class=short><caption>Two or three models that give most features to most "
	       "hosts.</caption><thead><tr><th scope=col>model</th><th scope=col "
	       "class=n>features</th><th scope=col>level</th><th scope=col class=n>best for "
	       "hosts</th><th scope=col class=n>runs on hosts</th></tr></thead>\n<tbody>\n");
	add_split(s, &s->f->two);
	if (s->f->three.n > 2)
		add_split(s, &s->f->three);
	add(s, "</tbody></table></div>\n</section>\n");
}

static void add_definition(struct sheet *s, const char *definition)
{
	add(s, "<section id=definition>\n<h2>The definition</h2>\n");
	if (definition) {
		add(s, "<p class=soft>For /etc/cpushim/models.d; a click chooses all of "
		       "it.</p>\n<pre tabindex=0>");
		for (const char *line = definition; *line;) {
			size_t len = strcspn(line, "\n");
			_cleanup_free_ char *one = strndup(line, len);

			add_text(s, one ? one : "");
			add(s, "\n");
			line += len + (line[len] == '\n');
		}
		add(s, "</pre>\n");
	} else {
		add(s, "<p class=bad>These hosts share no feature that is known of all.</p>\n");
	}
	add(s, "</section>\n");
}

void page_write(struct text *out, const struct page *page)
{
	const struct fleet_findings *f = page->findings;
	struct sheet s = {.out = out, .f = f, .names = HOSTS_MAX};

	choose_groups(&s);
	add_head(&s);
	add_numbers(&s);
	add_bar(&s);
	add_said(&s, page->said);
	add(&s, "<main>\n");
	add_groups(&s);
	add_differences(&s);
	add_shared(&s);
	add_stock(&s);
	add_splits(&s);
	add_definition(&s, page->definition);
	add(&s, "</main>\n</body>\n</html>\n");
}
