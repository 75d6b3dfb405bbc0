/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet_findings.h"

#include <errno.h>

#define SILENT_NAMED 3 /* hosts that an error names */

void fleet_findings_free(struct fleet_findings *f)
{
	catalogue_free(&f->catalogue);
	costs_free(&f->costs);
	baseline_free(&f->baseline);
	fleet_rows_free(&f->rows);
}

/* ---- hosts that tell nothing ---- */

static int silent(const struct fleet_rows *r, struct error *err)
{
	_cleanup_text_ struct text names = {0};
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++) {
		if (featset_count(&r->row[i].view.known))
			continue;
		for (size_t k = r->row[i].first; k < r->row[i].first + r->row[i].n; k++)
			if (n++ < SILENT_NAMED)
				text_addf(&names, "%s%s", n > 1 ? ", " : "",
					  fleet_text(r->fleet, r->host[k]->name));
	}
	return error_set(
		err, -EINVAL, NULL, 0,
		"%zu of %zu hosts tell nothing of %s (%s%s): leave them out (--leave-out), "
		"choose another --accel, or dump them with `cpushim host --dump`",
		n, r->n_hosts, host_accel_name(r->accel), names.failed ? "" : names.data,
		n > SILENT_NAMED ? ", ..." : "");
}

/* ---- all of it ---- */

static int load_models(struct catalogue *c, const struct fleet_wish *wish, struct error *err)
{
	int r = 0;

	*c = (struct catalogue){.accel = wish->accel, .emulator = wish->emulator};
	for (int from = 0; from < CATALOGUE_FILE && r == 0; from++)
		r = catalogue_load(c, (enum catalogue_from)from, err);
	return r;
}

int fleet_find(struct fleet_findings *f, const struct fleet *fleet, const struct fleet_wish *wish,
	       struct error *err)
{
	int r = fleet_rows(&f->rows, fleet, wish->accel, err);

	f->when = wish->when;
	if (r == 0 && f->rows.n_silent)
		r = silent(&f->rows, err);
	if (r == 0)
		r = baseline_find(&f->baseline, &f->rows, &wish->baseline, err);
	if (r == 0)
		r = costs_find(&f->costs, &f->baseline, err);
	if (r == 0)
		r = split_find(&f->two, &f->baseline, 2, err);
	if (r == 0)
		r = split_find(&f->three, &f->baseline, 3, err);
	if (r == 0)
		r = load_models(&f->catalogue, wish, err);
	if (r == 0)
		fleet_stock_find(&f->stock, &f->catalogue, &f->baseline, wish->baseline.name);
	return r;
}

/* ---- notes ---- */

static int note_left(struct strv *notes, const struct baseline *b)
{
	int r = 0;

	for (int kind = LEFT_MSR; kind < LEFT_KINDS && r == 0; kind++) {
		_cleanup_text_ struct text names = {0};

		if (featset_count(&b->left[kind]) == 0)
			continue;
		featset_print(&names, &b->left[kind], " ");
		r = strv_addf(notes, "Left out, as %s: %s", left_why((enum left)kind),
			      names.failed ? "" : names.data);
	}
	return r;
}

static int note_unknown(struct strv *notes, const struct baseline *b)
{
	_cleanup_text_ struct text names = {0};
	struct featset unknown = b->unknown;

	featset_intersect(&unknown, &b->possible);
	if (featset_count(&unknown) == 0)
		return 0;
	featset_print(&names, &unknown, " ");
	return strv_addf(notes, "Left out, as they aren't known of all hosts: %s",
			 names.failed ? "" : names.data);
}

int fleet_notes(struct strv *notes, const struct fleet_findings *f)
{
	const struct fleet_rows *rows = &f->rows;
	struct tm tm = {0};
	char day[16] = "";
	int r;

	(void)gmtime_r(&f->when, &tm);
	(void)strftime(day, sizeof(day), "%Y-%m-%d", &tm);
	r = strv_addf(
		notes,
		"%s: the features that %zu %s (%zu different) can give, by cpushim baseline on %s.",
		f->baseline.model.name, rows->n_hosts, rows->n_hosts == 1 ? "host" : "hosts",
		rows->n, day);
	if (r == 0)
		r = strv_addf(notes, "Accelerator: %s.", host_accel_name(rows->accel));
	if (r == 0 && rows->n_guessed)
		r = strv_addf(
			notes,
			"%zu of them don't tell what KVM gives: there the CPU's features count, "
			"without what no KVM gives.",
			rows->n_guessed);
	if (r == 0)
		r = note_left(notes, &f->baseline);
	return r == 0 ? note_unknown(notes, &f->baseline) : r;
}
