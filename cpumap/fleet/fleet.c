/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet.h"

#include <errno.h>
#include <sys/auxv.h>

/* ---- hashing ---- */

/* Another one in each process, so that no file can be made whose hosts all fall into one slot. */
static uint64_t seed(void)
{
	const void *random = (const void *)getauxval(AT_RANDOM);
	uint64_t value = 0;

	if (random)
		memcpy(&value, random, sizeof(value));
	return value | 1;
}

static uint64_t mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 29;
}

static uint64_t hash_bytes(const void *data, size_t len)
{
	const char *at = data;
	uint64_t hash = mix(seed(), len), word;

	for (; len >= sizeof(word); at += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		hash = mix(hash, word);
	}
	word = 0;
	memcpy(&word, at, len);
	return mix(hash, word);
}

/* A table of slots is at most half full. Returns the new size, or 0 if there is room. */
static size_t grown(size_t n, size_t n_slots)
{
	if (2 * (n + 1) <= n_slots)
		return 0;
	return n_slots ? 2 * n_slots : 1024;
}

/* ---- texts ---- */

const char *fleet_text(const struct fleet *f, uint32_t at)
{
	return at ? f->texts.text.data + at : "";
}

static uint32_t *text_slot(const struct fleet_texts *t, const char *s)
{
	size_t at = hash_bytes(s, strlen(s)) & (t->n_slots - 1);

	while (t->slot[at] && strcmp(t->text.data + t->slot[at], s) != 0)
		at = (at + 1) & (t->n_slots - 1);
	return &t->slot[at];
}

static int texts_grow(struct fleet_texts *t)
{
	size_t size = grown(t->n, t->n_slots);
	struct fleet_texts larger = {.text = t->text, .n = t->n, .n_slots = size};

	if (!size)
		return 0;
	larger.slot = calloc(size, sizeof(*larger.slot));
	if (!larger.slot)
		return -ENOMEM;
	for (size_t i = 0; i < t->n_slots; i++)
		if (t->slot[i])
			*text_slot(&larger, t->text.data + t->slot[i]) = t->slot[i];
	free(t->slot);
	*t = larger;
	return 0;
}

/* The offset of @s, which is added if it isn't there; 0 stands for NULL. */
static int intern(struct fleet_texts *t, const char *s, uint32_t *at)
{
	uint32_t *slot;

	*at = 0;
	if (!s)
		return 0;
	if (t->text.len == 0)
		text_add(&t->text, "", 1); /* no text is at 0 */
	if (texts_grow(t) < 0 || t->text.failed)
		return -ENOMEM;
	slot = text_slot(t, s);
	if (!*slot) {
		if (t->text.len + strlen(s) + 1 > UINT32_MAX)
			return -E2BIG;
		*slot = (uint32_t)t->text.len;
		text_add(&t->text, s, strlen(s) + 1);
		t->n++;
	}
	*at = *slot;
	return t->text.failed ? -ENOMEM : 0;
}

/* ---- groups ---- */

static bool same_group(const struct fleet_group *g, const struct host *h)
{
	return memcmp(g->view, h->view, sizeof(g->view)) == 0 &&
	       strcmp(g->vendor, h->id.vendor) == 0;
}

static uint64_t hash_group(const struct host_view *view, const char *vendor)
{
	return mix(hash_bytes(view, HOST_ACCELS * sizeof(*view)),
		   hash_bytes(vendor, strlen(vendor)));
}

static int groups_grow(struct fleet *f)
{
	size_t size = grown(f->n_groups, f->n_slots);
	uint32_t *slot = size ? calloc(size, sizeof(*slot)) : NULL;

	if (!size)
		return 0;
	if (!slot)
		return -ENOMEM;
	for (size_t i = 0; i < f->n_groups; i++) {
		size_t at = hash_group(f->group[i].view, f->group[i].vendor) & (size - 1);

		while (slot[at])
			at = (at + 1) & (size - 1);
		slot[at] = (uint32_t)i + 1;
	}
	free(f->slot);
	f->slot = slot;
	f->n_slots = size;
	return 0;
}

static struct fleet_group *add_group(struct fleet *f, const struct host *h)
{
	size_t room = f->n_groups < f->room ? f->room : 2 * f->room + 64;
	struct fleet_group *group = f->group;

	if (room != f->room)
		group = reallocarray(f->group, room, sizeof(*group));
	if (!group)
		return NULL;
	f->group = group;
	f->room = room;
	group += f->n_groups++;
	*group = (struct fleet_group){0};
	memcpy(group->vendor, h->id.vendor, sizeof(group->vendor));
	memcpy(group->view, h->view, sizeof(group->view));
	return group;
}

/* The group of hosts such as @h; NULL: out of memory. */
static struct fleet_group *group_of(struct fleet *f, const struct host *h)
{
	struct fleet_group *g;
	size_t at;

	if (f->n_groups >= UINT32_MAX - 1 || groups_grow(f) < 0)
		return NULL;
	at = hash_group(h->view, h->id.vendor) & (f->n_slots - 1);
	for (; f->slot[at]; at = (at + 1) & (f->n_slots - 1))
		if (same_group(&f->group[f->slot[at] - 1], h))
			return &f->group[f->slot[at] - 1];
	g = add_group(f, h);
	if (g)
		f->slot[at] = (uint32_t)f->n_groups;
	return g;
}

/* ---- hosts ---- */

static struct fleet_host *add_host(struct fleet_group *g)
{
	size_t room = g->n < g->room ? g->room : g->room + g->room / 2 + 1;
	struct fleet_host *host = g->host;

	if (room != g->room)
		host = reallocarray(g->host, room, sizeof(*host));
	if (!host)
		return NULL;
	g->host = host;
	g->room = room;
	return &host[g->n++];
}

int fleet_add(struct fleet *f, const struct host *h, struct error *err)
{
	struct fleet_host *host = NULL;
	struct fleet_group *g;
	uint32_t name, brand;
	int r = intern(&f->texts, h->name, &name);

	if (r == 0)
		r = intern(&f->texts, h->brand, &brand);
	g = r == 0 ? group_of(f, h) : NULL;
	if (g)
		host = add_host(g);
	if (r == -E2BIG)
		return error_set(err, r, h->origin, 0, "the hosts' names are more than 4 GiB");
	if (!host)
		return error_set(err, -ENOMEM, h->origin, 0, "out of memory");
	*host = (struct fleet_host){
		.name = name,
		.brand = brand,
		.tsc_hz = h->tsc_hz,
		.physbits = (uint8_t)(h->physbits > UINT8_MAX ? UINT8_MAX : h->physbits),
		.tsc_scaling = (int8_t)h->tsc_scaling,
		.uneven = h->uneven,
		.family = (int16_t)h->id.family,
		.model = (int16_t)h->id.model,
		.stepping = (int8_t)h->id.stepping};
	f->n_hosts++;
	return 0;
}

void fleet_free(struct fleet *f)
{
	for (size_t i = 0; i < f->n_groups; i++)
		free(f->group[i].host);
	free(f->group);
	free(f->slot);
	free(f->texts.slot);
	text_free(&f->texts.text);
	*f = (struct fleet){0};
}

/* ---- what it tells ---- */

static bool tells(const struct fleet_group *g, enum host_accel accel)
{
	return featset_count(&g->view[accel].known) > 0;
}

enum host_accel fleet_accel(const struct fleet *f)
{
	static const enum host_accel order[] = {HOST_KVM, HOST_CPU};

	for (size_t a = 0; a < ARRAY_SIZE(order); a++)
		for (size_t i = 0; i < f->n_groups; i++)
			if (tells(&f->group[i], order[a]))
				return order[a];
	return f->n_groups ? HOST_TCG : HOST_CPU;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* All names, sorted; NULL: out of memory. */
static const char **sorted_names(const struct fleet *f)
{
	const char **name = calloc(f->n_hosts + 1, sizeof(*name));
	size_t n = 0;

	for (size_t i = 0; name && i < f->n_groups; i++)
		for (size_t k = 0; k < f->group[i].n; k++)
			name[n++] = fleet_text(f, f->group[i].host[k].name);
	if (n)
		qsort(name, n, sizeof(*name), compare_texts);
	return name;
}

const char *fleet_doubled(const struct fleet *f, size_t *n)
{
	_cleanup_free_ const char **name = sorted_names(f);

	for (size_t i = 1; name && i < f->n_hosts; i++) {
		if (strcmp(name[i - 1], name[i]) != 0)
			continue;
		for (*n = 2; i + *n - 1 < f->n_hosts && strcmp(name[i], name[i + *n - 1]) == 0;)
			++*n;
		return name[i];
	}
	return NULL;
}
