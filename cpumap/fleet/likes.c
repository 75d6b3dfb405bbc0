/* SPDX-License-Identifier: Apache-2.0 */
#include "likes.h"

#include <errno.h>

#include "cpulist.h"
#include "views.h"
#include "cpumap/core/util.h"

#define TEXT_MAX ((size_t)255)

static bool same_cpu(const struct host *a, const struct host *b)
{
	return strcmp(a->id.vendor, b->id.vendor) == 0 && a->id.family == b->id.family &&
	       a->id.model == b->id.model && a->id.stepping == b->id.stepping &&
	       featset_equal(&a->view[HOST_CPU].has, &b->view[HOST_CPU].has) &&
	       featset_equal(&a->view[HOST_CPU].known, &b->view[HOST_CPU].known);
}

int likes_add(struct likes *l, struct host *now, const struct input *in, unsigned int number,
	      struct error *err)
{
	if (l->n == CPULIST_MAX)
		return input_bad(in, number, err, "a host of more than %d CPUs", CPULIST_MAX);
	if (l->n++ == 0) {
		l->shared = *now;
		l->shared.brand = steal_pointer(&now->brand);
		l->shared.microcode = steal_pointer(&now->microcode);
		return 0;
	}
	if (strcmp(l->shared.id.vendor, now->id.vendor) != 0)
		return input_bad(in, number, err,
				 "a CPU of another vendor than the first one: not one host's");
	if (!same_cpu(&l->shared, now))
		l->uneven = true;
	view_share(&l->shared.view[HOST_CPU], &now->view[HOST_CPU]);
	if (now->physbits < l->shared.physbits)
		l->shared.physbits = now->physbits;
	return 0;
}

void likes_tell(struct likes *l, struct host *h)
{
	h->id = l->shared.id;
	h->view[HOST_CPU] = l->shared.view[HOST_CPU];
	h->physbits = l->shared.physbits;
	h->brand = steal_pointer(&l->shared.brand);
	h->microcode = steal_pointer(&l->shared.microcode);
	h->uneven = l->uneven;
	h->cpus = l->n;
}

void likes_free(struct likes *l)
{
	free(l->shared.brand);
	free(l->shared.microcode);
	*l = (struct likes){0};
}

void likes_vendor(struct host *h, const struct line *value)
{
	if (value->len != 12)
		return;
	for (size_t i = 0; i < 12; i++)
		if (value->s[i] < ' ' || value->s[i] > '~')
			return;
	memcpy(h->id.vendor, value->s, 12);
	h->id.vendor[12] = '\0';
}

void likes_number(int *number, const struct line *value)
{
	struct line rest = *value;
	uint64_t v;

	if (line_decimal(&rest, 0x1ff, &v) && rest.len == 0)
		*number = (int)v;
}

int likes_text(char **text, const struct line *value)
{
	free(*text);
	*text = line_copy(value, TEXT_MAX);
	return *text ? 0 : -ENOMEM;
}

void likes_physbits(struct host *h, const struct line *value)
{
	struct line rest = *value;
	uint64_t bits;

	if (line_decimal(&rest, 64, &bits) && line_begins(&rest, " bits physical"))
		h->physbits = (unsigned int)bits;
}
