/* SPDX-License-Identifier: Apache-2.0 */
#include "baseline_print.h"
#include "cpumap/fleet/psabi.h"
#include "hosts.h"

static json_t *row_json(const struct fleet_findings *f, const struct fleet_row *row)
{
	struct fleet_brand brand = fleet_row_brand(&f->rows, row);
	struct featset usable = row->view.has, unknown = f->baseline.possible;

	featset_intersect(&usable, &f->baseline.possible);
	featset_subtract(&unknown, &row->view.known);
	return json_pack("{s:o, s:I, s:I, s:s, s:o, s:I, s:o, s:o, s:i}", "hosts",
			 hosts_json(f->rows.fleet, f->rows.host + row->first, row->n), "n_hosts",
			 (json_int_t)row->n, "n_uneven",
			 (json_int_t)fleet_row_uneven(&f->rows, row), "vendor", row->vendor,
			 "brand", cmd_foreign(brand.name), "other_brands", (json_int_t)brand.others,
			 "features", cmd_features_json(&usable), "unknown",
			 cmd_features_json(&unknown), "level", (int)psabi_level(&row->view.has));
}

static json_t *rows_json(const struct fleet_findings *f)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < f->rows.n; i++)
		(void)json_array_append_new(rows, row_json(f, &f->rows.row[i]));
	return rows;
}

static json_t *left_json(const struct baseline *b)
{
	static const char *const names[LEFT_KINDS] = {"other",  "msr",   "no_qemu",
						      "no_kvm", "stays", "unseen"};
	json_t *left = json_object();

	for (int kind = 0; kind < LEFT_KINDS; kind++)
		(void)json_object_set_new(left, names[kind], cmd_features_json(&b->left[kind]));
	return left;
}

/* Each unknown feature, and of how many hosts it isn't known. */
static json_t *unknown_json(const struct baseline *b)
{
	json_t *unknown = json_object();

	for (size_t i = 0; i < n_features; i++)
		if (featset_has(&b->unknown, i))
			(void)json_object_set_new(unknown, features[i].name,
						  json_integer((json_int_t)b->unknown_hosts[i]));
	return unknown;
}

static json_t *costs_json(const struct fleet_findings *f)
{
	json_t *costs = json_array();

	for (size_t i = 0; i < f->costs.n; i++) {
		const struct cost *c = &f->costs.cost[i];

		(void)json_array_append_new(costs, json_pack("{s:o, s:I, s:I, s:I}", "features",
							     cmd_features_json(&c->features),
							     "n_hosts", (json_int_t)c->n_hosts,
							     "n_rows", (json_int_t)c->n_rows, "row",
							     (json_int_t)c->row));
	}
	return costs;
}

static json_t *gains_json(const struct fleet_findings *f)
{
	json_t *gains = json_array();

	for (size_t i = 0; i < f->costs.n_gains; i++)
		(void)json_array_append_new(
			gains,
			json_pack("{s:I, s:o}", "row", (json_int_t)f->costs.gain[i].row, "features",
				  cmd_features_json(&f->costs.gain[i].features)));
	return gains;
}

static json_t *split_json(const struct split *s)
{
	json_t *parts = json_array();

	for (size_t i = 0; i < s->n; i++)
		(void)json_array_append_new(
			parts, json_pack("{s:o, s:i, s:I, s:I}", "features",
					 cmd_features_json(&s->part[i].features), "level",
					 (int)psabi_level(&s->part[i].features), "n_hosts",
					 (json_int_t)s->part[i].n_hosts, "n_run",
					 (json_int_t)s->part[i].n_run));
	return parts;
}

static json_t *stock_json(const struct fleet_findings *f)
{
	static const char *const does[] = {"nothing", "level", "all"};
	const struct fleet_stock *s = &f->stock;
	json_t *stock = json_pack("{s:s}", "does", does[s->does]);

	for (int from = 0; stock && from < CATALOGUE_FILE; from++) {
		const struct fleet_near *near = &s->near[from];

		if (near->model)
			(void)json_object_set_new(
				stock, catalogue_from_name((enum catalogue_from)from),
				json_pack("{s:s, s:o, s:i}", "model", near->model->name, "lacks",
					  cmd_features_json(&near->lacks), "level",
					  (int)near->level));
	}
	if (s->does != STOCK_NOTHING)
		(void)json_object_set_new(stock, "best", json_string(s->near[s->best].model->name));
	return stock;
}

json_t *baseline_json(const struct fleet_findings *f)
{
	const struct baseline *b = &f->baseline;

	return json_pack(
		"{s:s, s:s, s:I, s:I, s:s, s:s, s:o, s:o, s:o, s:o, s:i, s:o, s:o, s:o, s:o, "
		"s:o, s:o}",
		"model", b->model.name, "accel", host_accel_name(f->rows.accel), "n_hosts",
		(json_int_t)f->rows.n_hosts, "guessed", (json_int_t)f->rows.n_guessed, "base",
		b->model.base, "vendor", b->model.id.vendor, "features",
		cmd_features_json(&b->model.features), "common", cmd_features_json(&b->common),
		"left_out", left_json(b), "unknown", unknown_json(b), "level", (int)f->stock.level,
		"rows", rows_json(f), "costs", costs_json(f), "gains", gains_json(f), "two",
		split_json(&f->two), "three", split_json(&f->three), "stock", stock_json(f));
}
