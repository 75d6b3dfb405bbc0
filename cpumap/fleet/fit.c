/* SPDX-License-Identifier: Apache-2.0 */
#include "fit.h"

#include <errno.h>

const char *fit_verdict_name(enum fit_verdict verdict)
{
	static const char *const names[] = {"no", "unknown", "yes"};

	return names[verdict];
}

/* ---- one host ---- */

static void judge_features(struct fit_why *why, const struct host_view *view,
			   const struct fit_wish *wish)
{
	why->lacks = wish->needs;
	featset_intersect(&why->lacks, &view->known);
	featset_subtract(&why->lacks, &view->has);
	why->unknown = wish->needs;
	featset_subtract(&why->unknown, &view->known);
	why->has = wish->forbids;
	featset_intersect(&why->has, &view->has);
	why->perhaps = wish->forbids;
	featset_subtract(&why->perhaps, &view->known);
}

static void judge_vendor(struct fit_why *why, const char *vendor, const struct fit_wish *wish)
{
	why->vendor_unknown = *wish->vendor && !*vendor;
	why->vendor = *wish->vendor && *vendor && strcmp(wish->vendor, vendor) != 0;
}

/* As qemuProcessStartValidateTSC does (libvirt 9.0), except that what isn't known passes there. */
static void judge_tsc(struct fit_why *why, const struct fleet_host *h, uint64_t wanted)
{
	uint64_t tolerance = h->tsc_hz * FIT_TSC_PPM / 1000000;
	bool near = wanted >= h->tsc_hz - tolerance && wanted <= h->tsc_hz + tolerance;

	if (!wanted || h->tsc_scaling > 0 || (h->tsc_hz && near))
		return;
	why->tsc_unknown = !h->tsc_hz || h->tsc_scaling < 0;
	why->tsc = !why->tsc_unknown;
}

static void judge_physbits(struct fit_why *why, const struct fleet_host *h, unsigned int wanted)
{
	why->physbits_unknown = wanted && !h->physbits;
	why->physbits = h->physbits && wanted > h->physbits;
}

static bool any(const struct featset *set)
{
	return featset_count(set) > 0;
}

static enum fit_verdict verdict_of(const struct fit_why *why)
{
	if (any(&why->lacks) || any(&why->has) || why->vendor || why->physbits || why->tsc)
		return FIT_NO;
	if (why->silent || any(&why->unknown) || any(&why->perhaps) || why->vendor_unknown ||
	    why->physbits_unknown || why->tsc_unknown)
		return FIT_UNKNOWN;
	return FIT_YES;
}

struct fit_tscs fit_tscs(const struct fleet_rows *rows)
{
	struct fit_tscs t = {0};

	for (size_t i = 0; i < rows->n_hosts; i++) {
		uint64_t hz = rows->host[i]->tsc_hz;

		t.n_fixed += rows->host[i]->tsc_scaling == 0;
		if (hz && (!t.least || hz < t.least))
			t.least = hz;
		if (hz > t.most)
			t.most = hz;
	}
	t.differ = t.most - t.least > t.most / 1000000 * FIT_TSC_PPM;
	return t;
}

struct fit_bits fit_bits(const struct fleet_rows *rows, const struct fit_wish *wish)
{
	struct fit_bits b = {0};

	for (size_t i = 0; i < rows->n_hosts; i++) {
		unsigned int bits = rows->host[i]->physbits;

		if (wish->physbits_limit && bits > wish->physbits_limit)
			bits = wish->physbits_limit;
		if (bits && (!b.least || bits < b.least))
			b.least = bits;
		if (bits > b.most)
			b.most = bits;
	}
	return b;
}

/* ---- all of them ---- */

/* A host's answer; sorted, hosts with the same one stand together. */
struct answer {
	struct fit_why why;
	enum fit_verdict verdict;
	size_t order; /* among the rows' hosts, which are by name within a row */
};

/* Its padding is zero, too, as the whole was. */
static int compare_whys(const struct fit_why *a, const struct fit_why *b)
{
	return memcmp(a, b, sizeof(*a));
}

static int compare_answers(const void *x, const void *y)
{
	const struct answer *a = x, *b = y;
	int order = compare_whys(&a->why, &b->why);

	return order ? order : a->order < b->order ? -1 : a->order > b->order;
}

static int compare_fits(const void *x, const void *y)
{
	const struct fit *a = x, *b = y;

	if (a->verdict != b->verdict)
		return a->verdict < b->verdict ? -1 : 1;
	if (a->n != b->n)
		return a->n > b->n ? -1 : 1;
	return compare_whys(&a->why, &b->why);
}

static int compare_names(const void *x, const void *y, void *data)
{
	const struct fleet_host *a = *(const struct fleet_host *const *)x;
	const struct fleet_host *b = *(const struct fleet_host *const *)y;

	return a->name == b->name ? 0
				  : strcmp(fleet_text(data, a->name), fleet_text(data, b->name));
}

static void judge_row(struct answer *answer, const struct fleet_rows *rows,
		      const struct fleet_row *row, const struct fit_wish *wish)
{
	struct fit_why why;

	memset(&why, 0, sizeof(why));
	why.silent = featset_count(&row->view.known) == 0;
	judge_features(&why, &row->view, wish);
	judge_vendor(&why, row->vendor, wish);
	for (size_t i = row->first; i < row->first + row->n; i++) {
		struct answer *a = &answer[i];

		memcpy(&a->why, &why, sizeof(why));
		judge_physbits(&a->why, rows->host[i], wish->physbits);
		judge_tsc(&a->why, rows->host[i], wish->tsc_hz);
		a->verdict = verdict_of(&a->why);
		a->order = i;
	}
}

static void collect(struct fits *f, const struct answer *answer, const struct fleet_rows *rows)
{
	for (size_t i = 0; i < rows->n_hosts; i++) {
		struct fit *fit = &f->item[f->n];

		f->host[i] = rows->host[answer[i].order];
		f->count[answer[i].verdict]++;
		if (i > 0 && compare_whys(&answer[i - 1].why, &answer[i].why) == 0) {
			fit[-1].n++;
			continue;
		}
		memset(fit, 0, sizeof(*fit));
		memcpy(&fit->why, &answer[i].why, sizeof(fit->why));
		fit->verdict = answer[i].verdict;
		fit->host = &f->host[i];
		fit->n = 1;
		f->n++;
	}
}

int fits_find(struct fits *f, const struct fleet_rows *rows, const struct fit_wish *wish,
	      struct error *err)
{
	_cleanup_free_ struct answer *answer = calloc(rows->n_hosts + 1, sizeof(*answer));

	*f = (struct fits){.item = calloc(rows->n_hosts + 1, sizeof(*f->item)),
			   .host = calloc(rows->n_hosts + 1, sizeof(*f->host))};
	if (!answer || !f->item || !f->host) {
		fits_free(f);
		return error_set(err, -ENOMEM, NULL, 0, "out of memory");
	}
	for (size_t i = 0; i < rows->n; i++)
		judge_row(answer, rows, &rows->row[i], wish);
	qsort(answer, rows->n_hosts, sizeof(*answer), compare_answers);
	collect(f, answer, rows);
	qsort(f->item, f->n, sizeof(*f->item), compare_fits);
	for (size_t i = 0; i < f->n; i++)
		qsort_r(f->item[i].host, f->item[i].n, sizeof(*f->item[i].host), compare_names,
			(void *)rows->fleet);
	return 0;
}

void fits_free(struct fits *f)
{
	free(f->item);
	free(f->host);
	*f = (struct fits){0};
}
