/* SPDX-License-Identifier: Apache-2.0 */
#include "check_print.h"

#include "cpumap/core/show.h"
#include "grid.h"
#include "hosts.h"

#define ANSWERS_MAX 40 /* rows that people get of each verdict; JSON has all */
#define NAMES_MAX   12 /* hosts that are named in a row */

/* What QEMU tells a guest by default (phys-bits of a named model, target/i386/cpu.c, 2.5 to 11.0). */
#define PHYSBITS_USUAL 40

/* ---- why ---- */

/* Adds one reason, behind a semicolon where there are others. */
static void __attribute__((format(printf, 2, 3))) add(struct text *out, const char *fmt, ...)
{
	_cleanup_free_ char *s = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		s = NULL;
	va_end(ap);
	out->failed |= !s;
	text_addf(out, "%s%s", out->len ? "; " : "", s ? s : "");
}

static void add_names(struct text *out, const char *before, const struct featset *set,
		      const char *behind)
{
	_cleanup_text_ struct text names = {0};

	if (featset_count(set) == 0)
		return;
	featset_print(&names, set, " ");
	add(out, "%s %s%s", before, names.failed ? "" : names.data, behind);
}

static void add_no(struct text *out, const struct fit_why *why, const struct fit_wish *wish)
{
	add_names(out, "lacks", &why->lacks, "");
	add_names(out, "has", &why->has, ", which the guest forbids");
	if (why->vendor)
		add(out, "its vendor isn't %s", wish->vendor);
	if (why->physbits)
		add(out, "has fewer than %u physical address bits", wish->physbits);
	if (why->tsc)
		add(out, "its TSC has another frequency than %llu Hz, and can't be scaled",
		    (unsigned long long)wish->tsc_hz);
}

static void add_unknown(struct text *out, const struct fit_why *why)
{
	if (why->silent) {
		add(out, "tells nothing of this accelerator");
		return;
	}
	add_names(out, "not known:", &why->unknown, "");
	add_names(out, "not known, and forbidden:", &why->perhaps, "");
	if (why->vendor_unknown)
		add(out, "its vendor isn't known");
	if (why->physbits_unknown)
		add(out, "its physical address bits aren't known");
	if (why->tsc_unknown)
		add(out, "not known whether its TSC can have the guest's frequency");
}

/* ---- for people ---- */

static void add_fit(struct grid *g, const struct fit *fit, const struct fleet *f,
		    const struct fit_wish *wish)
{
	static const enum colour colours[] = {
		[FIT_NO] = COLOUR_NO, [FIT_UNKNOWN] = COLOUR_LACKS, [FIT_YES] = COLOUR_YES};
	_cleanup_text_ struct text why = {0}, cell = {0};

	if (fit->verdict == FIT_NO)
		add_no(&why, &fit->why, wish);
	if (fit->verdict != FIT_YES)
		add_unknown(&why, &fit->why);
	if (why.len)
		text_addf(&cell, "%s: ", why.data);
	hosts_names(&cell, f, fit->host, fit->n, NAMES_MAX);
	grid_add(g, fit_verdict_name(fit->verdict), colours[fit->verdict]);
	grid_addf(g, "%zu", fit->n);
	grid_add(g, cell.failed ? "" : cell.data, COLOUR_NONE);
	g->failed |= why.failed || cell.failed;
}

void check_fits(struct text *out, const struct fits *fits, const struct fleet_rows *rows,
		const struct fit_wish *wish, const struct terminal *t)
{
	static const struct grid_column columns[] = {
		{"RUNS", GRID_WHOLE}, {"HOSTS", GRID_NUMBER}, {"WHICH", GRID_FOLD}};
	_cleanup_grid_ struct grid g = {columns, ARRAY_SIZE(columns)};
	size_t shown[FIT_YES + 1] = {0}, more = 0;

	for (size_t i = 0; i < fits->n; i++) {
		if (shown[fits->item[i].verdict]++ < ANSWERS_MAX)
			add_fit(&g, &fits->item[i], rows->fleet, wish);
		else
			more++;
	}
	grid_print(out, &g, t);
	if (more)
		text_addf(out, "and %zu more rows, which --json has\n", more);
}

/* A paragraph that is folded. */
static void say(struct text *out, const struct terminal *t, struct text *line)
{
	out->failed |= line->failed;
	if (!line->failed && line->len) {
		_cleanup_text_ struct text shown = {0};

		(void)show(&shown, line->data, line->len, SHOWN_WHOLE);
		terminal_fold(out, t, shown.failed ? "" : shown.data, 0, 2);
		text_adds(out, "\n");
	}
	text_free(line);
}

static void say_question(struct text *out, const struct check *c, const struct terminal *t)
{
	struct text line = {0};

	if (c->domain)
		text_addf(&line, "%s asks for ", c->domain);
	text_addf(&line, "%s (%s, %s): %zu features", c->model->name,
		  catalogue_from_name(c->model->from), c->model->origin,
		  featset_count(&c->wish->needs));
	say(out, t, &line);
	hosts_accel_said(&line, c->rows);
	say(out, t, &line);
}

static bool several_vendors(const struct fleet_rows *rows)
{
	for (size_t i = 1; i < rows->n; i++)
		if (strcmp(rows->row[i].vendor, rows->row[0].vendor) != 0)
			return true;
	return false;
}

/* Hosts that have fewer physical address bits than QEMU tells their guests. */
static size_t narrow_hosts(const struct fleet_rows *rows)
{
	size_t n = 0;

	for (size_t i = 0; i < rows->n_hosts; i++)
		n += rows->host[i]->physbits && rows->host[i]->physbits < PHYSBITS_USUAL;
	return n;
}

/* What a guest's memory may lie at changes under it where it gets the bits of its host. */
static void say_physbits(struct text *out, const struct check *c, const struct terminal *t)
{
	struct fit_bits bits = fit_bits(c->rows, c->wish);
	size_t narrow = c->wish->physbits ? 0 : narrow_hosts(c->rows);
	struct text line = {0};

	if (c->rows->accel != HOST_KVM)
		return;
	if (c->wish->physbits_host && bits.least < bits.most)
		text_addf(&line,
			  "It gets the physical address bits of its host, and here those are %u to "
			  "%u: it can't migrate safely between all of them.",
			  bits.least, bits.most);
	else if (!c->wish->physbits_host && narrow)
		text_addf(&line,
			  "%zu %s fewer than the %d physical address bits that QEMU tells a guest "
			  "unless phys-bits= says otherwise.",
			  narrow, narrow == 1 ? "host has" : "hosts have", PHYSBITS_USUAL);
	say(out, t, &line);
}

/* Neither libvirt nor QEMU migrates it (qemuMigrationSrcIsAllowed, 9.0 and 11.3). */
static void say_invtsc(struct text *out, const struct check *c, const struct terminal *t)
{
	struct text line = {0};

	if (!c->domain || c->wish->tsc_hz ||
	    !featset_has(&c->wish->needs, (size_t)feature_find("invtsc", 6)))
		return;
	text_adds(&line,
		  "It has invtsc, and its XML names no TSC frequency: libvirt starts it, and "
		  "doesn't migrate it.");
	say(out, t, &line);
}

/* A guest that was told a frequency, or has invtsc, keeps it where it goes. */
static void say_tscs(struct text *out, const struct check *c, const struct terminal *t)
{
	struct fit_tscs tscs = fit_tscs(c->rows);
	struct text line = {0};

	if (c->wish->tsc_hz || !tscs.differ || !tscs.n_fixed)
		return;
	text_addf(&line,
		  "Their TSCs run at %.3f to %.3f GHz, and %zu %s scale it: a guest that is told a "
		  "frequency can't go everywhere.",
		  (double)tscs.least / 1e9, (double)tscs.most / 1e9, tscs.n_fixed,
		  tscs.n_fixed == 1 ? "host can't" : "hosts can't");
	say(out, t, &line);
}

static void say_notes(struct text *out, const struct check *c, const struct terminal *t)
{
	struct text line = {0};

	if (c->model->host_vendor && several_vendors(c->rows))
		text_adds(&line, "A guest of it gets the vendor of its host, and these hosts have "
				 "several: it "
				 "can't migrate between them.");
	say(out, t, &line);
	say_physbits(out, c, t);
	say_tscs(out, c, t);
	say_invtsc(out, c, t);
}

void check_print(struct text *out, const struct check *c, const struct terminal *t)
{
	struct text line = {0};

	say_question(out, c, t);
	text_adds(out, "\n");
	check_fits(out, c->fits, c->rows, c->wish, t);
	text_adds(out, "\n");
	text_addf(&line, "%zu of %zu %s it", c->fits->count[FIT_YES], c->rows->n_hosts,
		  c->rows->n_hosts == 1 ? "host runs" : "hosts run");
	if (c->fits->count[FIT_NO])
		text_addf(&line, ", %zu can't", c->fits->count[FIT_NO]);
	if (c->fits->count[FIT_UNKNOWN])
		text_addf(&line, ", %zu can't be told", c->fits->count[FIT_UNKNOWN]);
	text_adds(&line, ".");
	say(out, t, &line);
	say_notes(out, c, t);
}

/* ---- for programs ---- */

static void add_flag(json_t *answer, const char *name, bool no, bool unknown)
{
	if (no || unknown)
		(void)json_object_set_new(answer, name, json_string(no ? "no" : "unknown"));
}

static json_t *fit_json(const struct fit *fit, const struct fleet *f)
{
	const struct fit_why *why = &fit->why;
	json_t *answer = json_pack(
		"{s:s, s:o, s:o, s:o, s:o, s:o, s:I}", "runs", fit_verdict_name(fit->verdict),
		"lacks", cmd_features_json(&why->lacks), "unknown",
		cmd_features_json(&why->unknown), "forbidden", cmd_features_json(&why->has),
		"perhaps_forbidden", cmd_features_json(&why->perhaps), "hosts",
		hosts_json(f, fit->host, fit->n), "n_hosts", (json_int_t)fit->n);

	if (!answer)
		return NULL;
	add_flag(answer, "vendor", why->vendor, why->vendor_unknown);
	add_flag(answer, "physbits", why->physbits, why->physbits_unknown);
	add_flag(answer, "tsc", why->tsc, why->tsc_unknown);
	return answer;
}

json_t *check_fits_json(const struct fits *fits, const struct fleet *fleet)
{
	json_t *answers = json_array();

	for (size_t i = 0; i < fits->n; i++)
		(void)json_array_append_new(answers, fit_json(&fits->item[i], fleet));
	return answers;
}

json_t *check_json(const struct check *c)
{
	const struct fits *f = c->fits;

	return json_pack(
		"{s:s, s:s, s:o, s:o, s:o, s:s, s:I, s:I, s:I, s:I, s:I, s:o}", "model",
		c->model->name, "from", catalogue_from_name(c->model->from), "origin",
		cmd_foreign(c->model->origin), "domain", cmd_foreign(c->domain), "features",
		cmd_features_json(&c->wish->needs), "accel", host_accel_name(c->rows->accel),
		"hosts", (json_int_t)c->rows->n_hosts, "guessed", (json_int_t)c->rows->n_guessed,
		"yes", (json_int_t)f->count[FIT_YES], "no", (json_int_t)f->count[FIT_NO], "unknown",
		(json_int_t)f->count[FIT_UNKNOWN], "answers", check_fits_json(f, c->rows->fleet));
}
