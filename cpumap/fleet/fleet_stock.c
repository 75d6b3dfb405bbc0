/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet_stock.h"

#include "psabi.h"

static bool runs_everywhere(const struct catalogue_model *m, const struct baseline *b)
{
	struct featset lacks = m->needs;

	featset_subtract(&lacks, &b->common);
	return featset_count(&lacks) == 0 && !m->refused && featset_count(&m->gives);
}

/* Is @name the better one of two models that lack the same? The shorter one, as kvm64 is of kvm64-v1. */
static bool nicer(const char *name, const char *than)
{
	size_t a = strlen(name), b = strlen(than);

	return a != b ? a < b : strcmp(name, than) < 0;
}

static void compare(struct fleet_near *near, const struct catalogue_model *m,
		    const struct baseline *b)
{
	struct featset lacks = b->model.features;
	size_t n, least = featset_count(&near->lacks);

	featset_subtract(&lacks, &m->gives);
	n = featset_count(&lacks);
	if (near->model && (n > least || (n == least && !nicer(m->name, near->model->name))))
		return;
	*near = (struct fleet_near){.model = m, .lacks = lacks, .level = psabi_level(&m->gives)};
}

static enum stock_does does_what(const struct fleet_near *near, unsigned int level)
{
	if (near->model && featset_count(&near->lacks) == 0)
		return STOCK_ALL;
	return near->model && near->level == level && level > 0 ? STOCK_LEVEL : STOCK_NOTHING;
}

/* The one that lacks the least; of two the site's, then libvirt's. */
static void find_best(struct fleet_stock *s)
{
	size_t least = SIZE_MAX;

	for (int from = 0; from < CATALOGUE_FROMS; from++) {
		enum stock_does does = does_what(&s->near[from], s->level);
		size_t n = featset_count(&s->near[from].lacks);

		if (does == STOCK_NOTHING || n >= least)
			continue;
		least = n;
		s->does = does;
		s->best = (enum catalogue_from)from;
	}
}

void fleet_stock_find(struct fleet_stock *s, const struct catalogue *c, const struct baseline *b,
		      const char *own)
{
	*s = (struct fleet_stock){.level = psabi_level(&b->model.features)};
	for (size_t i = 0; i < c->n; i++) {
		const struct catalogue_model *m = c->item[i];

		if (runs_everywhere(m, b) && strcmp(m->name, own) != 0)
			compare(&s->near[m->from], m, b);
	}
	find_best(s);
	s->vendor_changes =
		s->does != STOCK_NOTHING && !*b->vendor && s->near[s->best].model->host_vendor;
}
