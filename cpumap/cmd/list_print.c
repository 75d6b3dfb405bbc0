/* SPDX-License-Identifier: Apache-2.0 */
#include "list_print.h"

#include "cpumap/core/paths.h"
#include "grid.h"

#define FIRST_FEATURES 3 /* of what is lacking, in the list of all models */

static const char vendor_warning[] =
	"takes the host's vendor: not safe to migrate between hosts of different vendors";

static bool takes_host_vendor(const struct table_row *row)
{
	return strcmp(row->vendor, "host") == 0;
}

/* No features are no text, and one has no comma. */
static size_t count(const char *names)
{
	size_t n = *names ? 1 : 0;

	for (; *names; names++)
		n += *names == ',';
	return n;
}

/* What a row says in an accelerator's column. */
static void add_verdict(struct grid *g, const struct table_row *row, enum accel accel,
			const struct support *here, const struct shortfall *l)
{
	size_t lacking = featset_count(&l->all);
	char text[32];

	if (*row->refused) {
		grid_add(g, "refused", COLOUR_NO);
	} else if (accel == ACCEL_KVM && here->no_kvm.code) {
		grid_add(g, "no kvm", COLOUR_NO);
	} else if (lacking == 0) {
		grid_add(g, "yes", COLOUR_YES);
	} else {
		(void)snprintf(text, sizeof(text), "lacks %zu", lacking);
		grid_add(g, text, COLOUR_LACKS);
	}
}

/* ---- all models ---- */

/* Adds the first names of a set; whether there are more. */
static bool add_first(struct text *out, const struct featset *set)
{
	_cleanup_text_ struct text all = {0};
	char *rest, *name;
	size_t n = 0;

	featset_print(&all, set, ",");
	rest = all.data;
	while (n < FIRST_FEATURES && (name = strsep(&rest, ",")))
		text_addf(out, "%s%s", n++ ? ", " : "", name);
	text_adds(out, rest ? ", ..." : "");
	out->failed |= all.failed;
	return rest;
}

/* The reasons: alone one needs no count again. */
static void add_reasons(struct text *out, const struct shortfall *l)
{
	const char *between = "";

	for (size_t kind = 0; kind < LACK_KINDS; kind++) {
		size_t n = featset_count(&l->by[kind]);

		if (n == 0)
			continue;
		text_addf(out, "%s%s ", between, lack_why((enum lack)kind));
		if (n < featset_count(&l->all))
			text_addf(out, "%zu", n);
		else
			text_adds(out, n == 1 ? "it" : "them");
		between = ", ";
	}
}

/* What a row's line below the table begins with. */
static void begin_note(struct text *out, const struct table_row *row, bool again)
{
	text_adds(out, row->model);
	if (again)
		text_addf(out, " with %s", row->emulator);
	text_adds(out, ": ");
}

static void end_note(struct grid *notes, struct text *note)
{
	grid_add(notes, note->data ? note->data : "", COLOUR_NONE);
	notes->failed |= note->failed;
	text_free(note);
}

/* What an accelerator lacks; whether the first features of it are not all. */
static bool add_lacks(struct grid *notes, const struct table_row *row, bool again, enum accel accel,
		      const struct shortfall *l)
{
	struct text note = {0};
	bool more;

	begin_note(&note, row, again);
	text_addf(&note, "%s lacks %zu: ", accel_name(accel), featset_count(&l->all));
	more = add_first(&note, &l->all);
	text_adds(&note, " (");
	add_reasons(&note, l);
	text_adds(&note, ")");
	end_note(notes, &note);
	return more;
}

/* What there is to say of a model, whatever the accelerator. */
static void add_warnings(struct grid *notes, const struct table_row *row, bool again)
{
	const char *boot =
		accels_boot(row) ? "no Linux boots under TCG: xsave without xsaveopt" : NULL;
	const char *said[] = {takes_host_vendor(row) && !again ? vendor_warning : NULL,
			      again ? NULL : boot};

	for (size_t i = 0; i < ARRAY_SIZE(said); i++) {
		struct text note = {0};

		if (!said[i])
			continue;
		begin_note(&note, row, again);
		text_adds(&note, said[i]);
		end_note(notes, &note);
	}
}

/* A row of the table, and its notes; whether those leave features out. */
static bool add_row(struct grid *g, struct grid *notes, const struct table_row *row, bool again,
		    const struct support *here)
{
	bool more = false;

	grid_add(g, row->model, COLOUR_NONE);
	grid_add(g, *row->base ? row->base : "-", COLOUR_NONE);
	if (*row->features)
		grid_addf(g, "%zu", count(row->features));
	else
		grid_add(g, "-", COLOUR_NONE);
	for (int accel = 0; accel < ACCELS; accel++) {
		struct shortfall lacks;

		accels_lack(&lacks, row, (enum accel)accel, here);
		add_verdict(g, row, (enum accel)accel, here, &lacks);
		if (!*row->refused && featset_count(&lacks.all))
			more |= add_lacks(notes, row, again, (enum accel)accel, &lacks);
	}
	if (again)
		grid_addf(g, "with %s", row->emulator);
	else
		grid_add(g, row->origin, COLOUR_NONE);
	if (*row->refused) {
		struct text note = {0};

		begin_note(&note, row, again);
		text_addf(&note, "refused: %s", row->refused);
		end_note(notes, &note);
	}
	add_warnings(notes, row, again);
	return more;
}

/* Each note is folded by itself. */
static void print_notes(struct text *out, const struct grid *notes, const struct terminal *t)
{
	out->failed |= notes->failed;
	for (size_t i = 0; i < notes->n_cells; i++) {
		terminal_fold(out, t, notes->cell[i].text, 0, 4);
		text_adds(out, "\n");
	}
}

void list_print(struct text *out, const struct table *t, struct accels *a,
		const struct terminal *terminal)
{
	static const struct grid_column columns[] = {
		{"MODEL", GRID_CUT}, {"BASE", GRID_CUT},  {"FEATURES", GRID_NUMBER},
		{"TCG", GRID_WHOLE}, {"KVM", GRID_WHOLE}, {"WHERE", GRID_PATH},
	};
	_cleanup_grid_ struct grid g = {columns, ARRAY_SIZE(columns)}, notes = {NULL, 1};
	bool more = false;

	for (size_t i = 0; i < t->n; i++) {
		const struct table_row *row = &t->row[i];
		bool again = i > 0 && strcmp(row[-1].model, row->model) == 0;

		more |= add_row(&g, &notes, row, again, accels_ask(a, row));
	}
	grid_print(out, &g, terminal);
	if (notes.n_cells)
		text_adds(out, "\n");
	print_notes(out, &notes, terminal);
	if (more)
		text_adds(out, "`cpushim list MODEL` names them all.\n");
}

/* ---- one model ---- */

/* A comma becomes a comma and a blank, to fold at. */
static void add_names(struct text *out, const char *names)
{
	for (; *names; names++) {
		text_add(out, names, 1);
		text_adds(out, *names == ',' ? " " : "");
	}
}

static void add_line(struct grid *g, const char *label, const char *text)
{
	grid_add(g, label, COLOUR_NONE);
	grid_add(g, text, COLOUR_NONE);
}

static void add_definition(struct grid *g, const struct table_row *row)
{
	_cleanup_text_ struct text names = {0};

	add_line(g, "model", row->model);
	add_line(g, "where", row->origin);
	if (*row->refused && !*row->features)
		return;
	add_line(g, "base", row->base);
	grid_add(g, "identity", COLOUR_NONE);
	grid_addf(g, "%s, family %s, model %s, stepping %s",
		  takes_host_vendor(row) ? "the host's vendor" : row->vendor, row->family,
		  row->cpu_model, row->stepping);
	grid_add(g, "digest", COLOUR_NONE);
	grid_addf(g, "%.12s (--digest tells it whole)", row->digest);
	text_addf(&names, "%zu: ", count(row->features));
	add_names(&names, row->features);
	add_line(g, "features", names.failed ? "" : names.data);
	g->failed |= names.failed;
}

/* Each reason, and all features of it. */
static void add_why(struct grid *g, const struct shortfall *l)
{
	for (size_t kind = 0; kind < LACK_KINDS; kind++) {
		_cleanup_text_ struct text line = {0};

		if (featset_count(&l->by[kind]) == 0)
			continue;
		text_addf(&line, "%s ", lack_why((enum lack)kind));
		featset_print(&line, &l->by[kind], ", ");
		add_line(g, "", line.failed ? "" : line.data);
		g->failed |= line.failed;
	}
}

static void add_accel(struct grid *g, const struct table_row *row, enum accel accel,
		      const struct support *here)
{
	struct shortfall lacks;

	accels_lack(&lacks, row, accel, here);
	grid_add(g, accel_name(accel), COLOUR_NONE);
	add_verdict(g, row, accel, here, &lacks);
	if (accel == ACCEL_KVM && here->no_kvm.code) {
		grid_add(g, "", COLOUR_NONE);
		grid_addf(g, "%s%s%s", here->no_kvm.where, *here->no_kvm.where ? ": " : "",
			  here->no_kvm.what);
	}
	add_why(g, &lacks);
}

static const char *version_of(const struct table *t, const char *emulator)
{
	for (size_t i = 0; i < t->n_qemus; i++)
		if (strcmp(t->qemu[i].emulator, emulator) == 0)
			return t->qemu[i].version;
	return "";
}

/* An emulator, and what its accelerators give the model. */
static void add_emulator(struct grid *g, const struct table *t, const struct table_row *row,
			 struct accels *a)
{
	const char *version = version_of(t, row->emulator);
	const struct support *here;

	grid_add(g, "emulator", COLOUR_NONE);
	grid_addf(g, "%s%s%s", *row->emulator ? row->emulator : "any", *version ? ", QEMU " : "",
		  version);
	if (*row->refused) {
		add_line(g, "refused", row->refused);
		return;
	}
	here = accels_ask(a, row);
	for (int accel = 0; accel < ACCELS; accel++)
		add_accel(g, row, (enum accel)accel, here);
	if (a->asked && a->faithful == SHOWS_THROUGH)
		add_line(g, "warning", "this KVM lets the host's CPU show through");
}

void list_print_model(struct text *out, const struct table *t, size_t first, size_t n,
		      struct accels *a, const struct terminal *terminal)
{
	static const struct grid_column columns[] = {{NULL, GRID_WHOLE}, {NULL, GRID_FOLD}};
	_cleanup_grid_ struct grid g = {columns, ARRAY_SIZE(columns)};
	const struct table_row *row = &t->row[first];

	/* refused with one emulator, it may be had with another */
	for (size_t i = 0; i < n && *row->refused; i++)
		if (!*t->row[first + i].refused)
			row = &t->row[first + i];
	add_definition(&g, row);
	if (takes_host_vendor(row))
		add_line(&g, "warning", vendor_warning);
	if (accels_boot(row))
		add_line(&g, "warning", accels_boot(row));
	for (size_t i = 0; i < n; i++)
		add_emulator(&g, t, &t->row[first + i], a);
	grid_print(out, &g, terminal);
}
