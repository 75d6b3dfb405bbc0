/* SPDX-License-Identifier: Apache-2.0 */
#include "nearest.h"

#include <errno.h>

void stock_free(struct stock *s)
{
	free(s->model);
	*s = (struct stock){0};
}

/* KVM switches x2apic on in every named model, and TCG vme off (qemu_brings). */
static void only_its_own(struct featset *set)
{
	static const char *const accelerators[] = {"x2apic", "vme"};

	for (size_t i = 0; i < n_features; i++)
		if (features[i].kind != FEATURE_CPUID)
			featset_remove(set, i);
	for (size_t i = 0; i < ARRAY_SIZE(accelerators); i++)
		featset_remove(set, (size_t)feature_find(accelerators[i], strlen(accelerators[i])));
}

static int add(struct stock *s, const char *name, const char *vendor, const struct featset *set)
{
	struct stock_model *m;

	if (s->n == s->room) {
		size_t room = s->room ? 2 * s->room : 128;

		m = realloc(s->model, room * sizeof(*m));
		if (!m)
			return -ENOMEM;
		s->model = m;
		s->room = room;
	}
	m = &s->model[s->n++];
	*m = (struct stock_model){.name = name, .vendor = vendor, .features = *set};
	only_its_own(&m->features);
	return 0;
}

/* Does another name mean this version? Then people know it by that name. */
static bool has_other_name(const struct qemu *q, const char *version)
{
	for (size_t i = 0; i < q->n_models; i++)
		if (q->model[i].alias_of && strcmp(q->model[i].alias_of, version) == 0)
			return true;
	return false;
}

int stock_add_qemu(struct stock *s, const struct qemu *q)
{
	int r = 0;

	for (size_t i = 0; i < q->n_models && r == 0; i++) {
		const struct qemu_model *m = &q->model[i];

		if (!m->computed && !has_other_name(q, m->name))
			r = add(s, m->name, m->id.vendor, &m->features);
	}
	return r;
}

int stock_add_libvirt(struct stock *s, const struct libvirtmap *map)
{
	int r = 0;

	for (size_t i = 0; i < map->models.n && r == 0; i++) {
		const struct model *m = &map->models.item[i];

		if (!strv_has(&map->ours, m->name))
			r = add(s, m->name, m->id.vendor, &m->features);
	}
	return r;
}

static void compare(struct nearest *n, const struct stock_model *m, const struct host_view *view,
		    const struct featset *more)
{
	*n = (struct nearest){.model = m};
	n->lacks = m->features;
	featset_subtract(&n->lacks, &view->has);
	n->unknown = n->lacks;
	featset_intersect(&n->lacks, &view->known);
	featset_subtract(&n->unknown, &view->known);
	n->more = view->has;
	featset_subtract(&n->more, &m->features);
	only_its_own(&n->more);
	if (more)
		featset_intersect(&n->more, more);
}

static size_t differences(const struct nearest *n)
{
	return featset_count(&n->lacks) + featset_count(&n->unknown) + featset_count(&n->more);
}

/* Is @a nearer than @b? */
static bool is_nearer(const struct nearest *a, const struct nearest *b, const char *vendor)
{
	size_t x = differences(a), y = differences(b);
	size_t x_lacks = x - featset_count(&a->more), y_lacks = y - featset_count(&b->more);
	bool x_same = strcmp(a->model->vendor, vendor) == 0;
	bool y_same = strcmp(b->model->vendor, vendor) == 0;

	if (x != y)
		return x < y;
	if (x_lacks != y_lacks)
		return x_lacks < y_lacks;
	if (x_same != y_same)
		return x_same;
	return strcmp(a->model->name, b->model->name) < 0;
}

size_t nearest_find(struct nearest *found, size_t max, const struct stock *s,
		    const struct host_view *view, const char *vendor, bool runs,
		    const struct featset *more)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		struct nearest one;
		size_t at = n;

		compare(&one, &s->model[i], view, more);
		if (runs && featset_count(&one.lacks) + featset_count(&one.unknown))
			continue;
		while (at > 0 && is_nearer(&one, &found[at - 1], vendor))
			at--;
		if (at == max)
			continue;
		if (n < max)
			n++;
		memmove(&found[at + 1], &found[at], (n - at - 1) * sizeof(*found));
		found[at] = one;
	}
	return n;
}
