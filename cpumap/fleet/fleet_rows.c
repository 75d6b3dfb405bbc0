/* SPDX-License-Identifier: Apache-2.0 */
/* A fleet as one accelerator sees it: groups that differ in what isn't asked become one row. */
#include <errno.h>

#include "fleet.h"
#include "kvmgives.h"

/* A group, and what the accelerator gives it. */
struct seen {
	const struct fleet_group *group;
	struct host_view view;
	struct featset withheld;
};

static bool has_view(const struct fleet_group *g, enum host_accel accel)
{
	return featset_count(&g->view[accel].known) > 0;
}

static struct seen see(struct fleet_rows *r, const struct fleet_group *g)
{
	struct seen s = {.group = g, .view = g->view[r->accel]};

	if (has_view(g, r->accel))
		return s;
	if (r->accel == HOST_KVM && has_view(g, HOST_CPU)) {
		kvmgives_view(&s.view, &g->view[HOST_CPU]);
		s.withheld = g->view[HOST_CPU].has;
		featset_subtract(&s.withheld, &s.view.known);
		r->n_guessed += g->n;
	} else {
		r->n_silent += g->n;
	}
	return s;
}

static int compare_content(const char *vendor_a, const struct host_view *a, const char *vendor_b,
			   const struct host_view *b)
{
	int order = strcmp(vendor_a, vendor_b);

	return order ? order : memcmp(a, b, sizeof(*a));
}

static int compare_seen(const void *x, const void *y)
{
	const struct seen *a = x, *b = y;

	return compare_content(a->group->vendor, &a->view, b->group->vendor, &b->view);
}

static int compare_rows(const void *x, const void *y)
{
	const struct fleet_row *a = x, *b = y;
	size_t has_a = featset_count(&a->view.has), has_b = featset_count(&b->view.has);

	if (a->n != b->n)
		return a->n > b->n ? -1 : 1;
	if (has_a != has_b)
		return has_a > has_b ? -1 : 1;
	return compare_content(a->vendor, &a->view, b->vendor, &b->view);
}

/* Which of two hosts with the same name comes first, the brand decides, then the numbers. */
static int compare_hosts(const void *x, const void *y, void *data)
{
	const struct fleet_host *a = *(const struct fleet_host *const *)x;
	const struct fleet_host *b = *(const struct fleet_host *const *)y;
	const struct fleet *f = data;
	int order = a->name == b->name ? 0 : strcmp(fleet_text(f, a->name), fleet_text(f, b->name));

	if (order == 0 && a->brand != b->brand)
		order = strcmp(fleet_text(f, a->brand), fleet_text(f, b->brand));
	if (order == 0 && a->tsc_hz != b->tsc_hz)
		order = a->tsc_hz < b->tsc_hz ? -1 : 1;
	if (order == 0)
		order = a->family * 0x1000 + a->model * 0x10 + a->stepping -
			(b->family * 0x1000 + b->model * 0x10 + b->stepping);
	if (order == 0)
		order = a->physbits - b->physbits;
	if (order == 0)
		order = a->tsc_scaling - b->tsc_scaling;
	return order ? order : a->uneven - b->uneven;
}

static void add_hosts(struct fleet_rows *r, struct fleet_row *row, const struct fleet_group *g)
{
	for (size_t i = 0; i < g->n; i++)
		r->host[r->n_hosts++] = &g->host[i];
	row->n += g->n;
}

/* Rows of what is sorted by content. */
static void join(struct fleet_rows *r, const struct seen *seen, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct fleet_row *row = &r->row[r->n];

		if (i > 0 && compare_seen(&seen[i - 1], &seen[i]) == 0) {
			featset_union(&row[-1].withheld, &seen[i].withheld);
			add_hosts(r, row - 1, seen[i].group);
			continue;
		}
		*row = (struct fleet_row){
			.view = seen[i].view, .withheld = seen[i].withheld, .first = r->n_hosts};
		memcpy(row->vendor, seen[i].group->vendor, sizeof(row->vendor));
		add_hosts(r, row, seen[i].group);
		r->n++;
	}
}

int fleet_rows(struct fleet_rows *r, const struct fleet *f, enum host_accel accel,
	       struct error *err)
{
	_cleanup_free_ struct seen *seen = calloc(f->n_groups + 1, sizeof(*seen));

	*r = (struct fleet_rows){.fleet = f, .accel = accel};
	r->row = calloc(f->n_groups + 1, sizeof(*r->row));
	r->host = calloc(f->n_hosts + 1, sizeof(*r->host));
	if (!seen || !r->row || !r->host) {
		fleet_rows_free(r);
		return error_set(err, -ENOMEM, NULL, 0, "out of memory");
	}
	for (size_t i = 0; i < f->n_groups; i++)
		seen[i] = see(r, &f->group[i]);
	qsort(seen, f->n_groups, sizeof(*seen), compare_seen);
	join(r, seen, f->n_groups);
	for (size_t i = 0; i < r->n; i++)
		qsort_r(r->host + r->row[i].first, r->row[i].n, sizeof(*r->host), compare_hosts,
			(void *)f);
	qsort(r->row, r->n, sizeof(*r->row), compare_rows);
	return 0;
}

void fleet_rows_free(struct fleet_rows *r)
{
	free(r->row);
	free(r->host);
	*r = (struct fleet_rows){0};
}

static int compare_numbers(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x == y ? 0 : x < y ? -1 : 1;
}

size_t fleet_row_uneven(const struct fleet_rows *r, const struct fleet_row *row)
{
	size_t n = 0;

	for (size_t i = 0; i < row->n; i++)
		n += r->host[row->first + i]->uneven;
	return n;
}

struct fleet_brand fleet_row_brand(const struct fleet_rows *r, const struct fleet_row *row)
{
	_cleanup_free_ uint32_t *brand = calloc(row->n + 1, sizeof(*brand));
	struct fleet_brand best = {0};
	size_t n = 0, most = 0, same;

	for (size_t i = 0; brand && i < row->n; i++)
		if (r->host[row->first + i]->brand)
			brand[n++] = r->host[row->first + i]->brand;
	if (n)
		qsort(brand, n, sizeof(*brand), compare_numbers);
	for (size_t i = 0; i < n; i += same) {
		const char *name = fleet_text(r->fleet, brand[i]);

		for (same = 1; i + same < n && brand[i + same] == brand[i];)
			same++;
		best.others += most > 0;
		if (same < most || (same == most && strcmp(name, best.name) > 0))
			continue;
		most = same;
		best.name = name;
	}
	return best;
}
