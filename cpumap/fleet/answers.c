/* SPDX-License-Identifier: Apache-2.0 */
#include "answers.h"

#include <errno.h>

#define RANGE    UINT32_C(0xffff0000)
#define EXTENDED UINT32_C(0x80000000)
#define CENTAUR  UINT32_C(0xc0000000)

void answers_free(struct answers *l)
{
	free(l->cpu.entry);
	*l = (struct answers){0};
}

int answers_add(struct answers *l, const struct cpuid_entry *e)
{
	if (l->cpu.n == ANSWERS_MAX)
		return -EOVERFLOW;
	if (l->cpu.n == l->room) {
		size_t room = l->room ? 2 * l->room : 64;
		struct cpuid_entry *entry = realloc(l->cpu.entry, room * sizeof(*entry));

		if (!entry)
			return -ENOMEM;
		l->cpu.entry = entry;
		l->room = room;
	}
	l->cpu.entry[l->cpu.n++] = *e;
	return 0;
}

int answers_add_msr(struct answers *l, uint32_t number, uint64_t value)
{
	if (l->n_msrs == ANSWERS_MSR_MAX)
		return -EOVERFLOW;
	l->msr[l->n_msrs++] = (struct msr){number, value};
	return 0;
}

static int compare_entries(const void *a, const void *b)
{
	const struct cpuid_entry *x = a, *y = b;

	if (x->leaf != y->leaf)
		return x->leaf < y->leaf ? -1 : 1;
	return (x->subleaf > y->subleaf) - (x->subleaf < y->subleaf);
}

static int compare_msrs(const void *a, const void *b)
{
	const struct msr *x = a, *y = b;

	return (x->number > y->number) - (x->number < y->number);
}

int answers_sort(struct answers *l)
{
	size_t n = 0, n_msrs = 0;

	if (l->cpu.n)
		qsort(l->cpu.entry, l->cpu.n, sizeof(*l->cpu.entry), compare_entries);
	for (size_t i = 0; i < l->cpu.n; i++) {
		const struct cpuid_entry *e = &l->cpu.entry[i];
		struct cpuid_entry *last = l->cpu.entry + n;

		if (n == 0 || compare_entries(last - 1, e) != 0)
			l->cpu.entry[n++] = *e;
		else if (memcmp(last[-1].reg, e->reg, sizeof(e->reg)) != 0)
			return -EEXIST;
	}
	l->cpu.n = n;
	qsort(l->msr, l->n_msrs, sizeof(l->msr[0]), compare_msrs);
	for (size_t i = 0; i < l->n_msrs; i++) {
		if (n_msrs == 0 || l->msr[n_msrs - 1].number != l->msr[i].number)
			l->msr[n_msrs++] = l->msr[i];
		else if (l->msr[n_msrs - 1].value != l->msr[i].value)
			return -EEXIST;
	}
	l->n_msrs = n_msrs;
	return 0;
}

const struct cpuid_entry *answers_find(const struct answers *l, uint32_t leaf, uint32_t subleaf)
{
	const struct cpuid_entry key = {.leaf = leaf, .subleaf = subleaf};

	return l->cpu.n ? bsearch(&key, l->cpu.entry, l->cpu.n, sizeof(key), compare_entries)
			: NULL;
}

/* ---- features ---- */

/* What is known of a leaf: its answer, that there is no such leaf, or nothing. */
enum told { TOLD, NO_SUCH_LEAF, NOT_TOLD };

/* Only CPUs by Centaur and Zhaoxin have leaves C0000000H and up (arch/x86/kernel/cpu/centaur.c and
 * zhaoxin.c, Linux 6.1); others answer these with another leaf's content. */
static bool lacks_range(const struct answers *l, uint32_t range)
{
	struct identity id;

	if (range != CENTAUR || !answers_find(l, 0, 0))
		return false;
	cpuid_identity(&l->cpu, &id);
	return strcmp(id.vendor, "CentaurHauls") != 0 && strcmp(id.vendor, "  Shanghai  ") != 0;
}

/* Subleaf 0 of these says in EAX which is the last one (SDM 2A, CPUID). */
static bool says_last(uint32_t leaf)
{
	return leaf == 0x7 || leaf == 0x14 || leaf == 0x1e || leaf == 0x24;
}

static enum told look_up(const struct answers *l, uint32_t leaf, uint32_t subleaf,
			 const struct cpuid_entry **answer)
{
	const struct cpuid_entry *first = answers_find(l, leaf & RANGE, 0);
	const struct cpuid_entry *zeroth = says_last(leaf) ? answers_find(l, leaf, 0) : NULL;

	/* where a range is missing, its "highest leaf" lies outside of it (SDM 2A, CPUID) */
	if (lacks_range(l, leaf & RANGE) ||
	    (first &&
	     (leaf > first->reg[REG_EAX] || (first->reg[REG_EAX] & RANGE) != (leaf & RANGE))) ||
	    (zeroth && subleaf > zeroth->reg[REG_EAX]))
		return NO_SUCH_LEAF;
	*answer = answers_find(l, leaf, subleaf);
	return *answer ? TOLD : NOT_TOLD;
}

bool answers_deny(const struct answers *l, uint32_t leaf, uint32_t subleaf)
{
	const struct cpuid_entry *answer;

	return look_up(l, leaf, subleaf, &answer) == NO_SUCH_LEAF;
}

/* What the feature @needed, by which a leaf or an MSR comes, says of one that wasn't told. */
static enum told by_need(const struct host_view *view, int needed)
{
	bool absent = needed >= 0 && featset_has(&view->known, (size_t)needed) &&
		      !featset_has(&view->has, (size_t)needed);

	return absent ? NO_SUCH_LEAF : NOT_TOLD;
}

static void add(struct host_view *view, size_t i, enum told told, uint64_t value)
{
	if (told == NOT_TOLD)
		return;
	featset_add(&view->known, i);
	if (told == TOLD && (value >> features[i].bit & 1))
		featset_add(&view->has, i);
}

/* The features of one leaf stand together. */
static void view_leaves(const struct answers *l, struct host_view *view)
{
	const struct cpuid_entry *answer = NULL;
	const struct feature *last = NULL;
	enum told told = NOT_TOLD;

	for (size_t i = 0; i < n_features; i++) {
		const struct feature *f = &features[i];

		if (f->kind != FEATURE_CPUID)
			continue;
		if (!last || last->leaf != f->leaf || last->subleaf != f->subleaf) {
			told = look_up(l, f->leaf, f->subleaf, &answer);
			last = f;
		}
		add(view, i, told, told == TOLD ? answer->reg[f->reg] : 0);
	}
	/* needed features stand in other leaves, before or behind */
	for (size_t i = 0; i < n_features; i++)
		if (features[i].kind == FEATURE_CPUID && !featset_has(&view->known, i))
			add(view, i, by_need(view, feature_needs(i)), 0);
}

/* What is known of an MSR that wasn't told, by the feature that it comes with (SDM 4, table 2-2). */
static enum told look_up_msr(const struct host_view *view, uint32_t number)
{
	static const struct {
		uint32_t first, last;
		const char *feature;
	} needs[] = {
		{0xcf, 0xcf, "core-capability"},
		{0x10a, 0x10a, "arch-capabilities"},
		{0x345, 0x345, "pdcm"},
		{0x480, 0x491, "vmx"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(needs); i++)
		if (number >= needs[i].first && number <= needs[i].last)
			return by_need(view,
				       feature_find(needs[i].feature, strlen(needs[i].feature)));
	return NOT_TOLD;
}

static void view_msrs(const struct answers *l, struct host_view *view)
{
	for (size_t i = 0; i < n_features; i++) {
		const struct feature *f = &features[i];
		const struct msr key = {.number = f->leaf}, *m;

		if (f->kind != FEATURE_MSR)
			continue;
		m = bsearch(&key, l->msr, l->n_msrs, sizeof(key), compare_msrs);
		if (m)
			add(view, i, TOLD, f->reg == REG_EDX ? m->value >> 32 : m->value);
		else
			add(view, i, look_up_msr(view, f->leaf), 0);
	}
}

/* An Intel CPU shows SYSCALL in 64-bit mode alone, where each one with lm has it (SDM 2A, CPUID,
 * 80000001H:EDX): a program of 32 bits has recorded it as absent. */
static void view_syscall(const struct answers *l, struct host_view *view)
{
	size_t lm = (size_t)feature_find("lm", 2), syscall = (size_t)feature_find("syscall", 7);
	struct identity id;

	if (!featset_has(&view->has, lm) || !answers_find(l, 0, 0))
		return;
	cpuid_identity(&l->cpu, &id);
	if (strcmp(id.vendor, "GenuineIntel") == 0)
		featset_add(&view->has, syscall);
}

void answers_view(const struct answers *l, struct host_view *view)
{
	*view = (struct host_view){0};
	view_leaves(l, view);
	view_syscall(l, view);
	view_msrs(l, view);
}

/* ---- the rest ---- */

char *answers_brand(const struct answers *l)
{
	char brand[3 * 16 + 1] = "", *from = brand;
	size_t len;

	for (uint32_t i = 0; i < 3; i++) {
		const struct cpuid_entry *e = answers_find(l, EXTENDED + 2 + i, 0);

		if (!e || look_up(l, EXTENDED + 2 + i, 0, &e) != TOLD)
			return NULL;
		memcpy(brand + i * sizeof(e->reg), e->reg, sizeof(e->reg));
	}
	while (*from == ' ')
		from++;
	for (len = strlen(from); len && from[len - 1] == ' '; len--)
		;
	return len ? strndup(from, len) : NULL;
}

unsigned int answers_physbits(const struct answers *l)
{
	const struct cpuid_entry *e = NULL, *first = answers_find(l, 1, 0);
	enum told told = look_up(l, EXTENDED + 8, 0, &e);

	if (told == TOLD)
		return e->reg[REG_EAX] & 0xff;
	if (told == NOT_TOLD || !first)
		return 0;
	return first->reg[REG_EDX] >> 6 & 1 ? 36 : 32;
}

void answers_host(const struct answers *l, struct host *h)
{
	if (!answers_find(l, 0, 0))
		return;
	cpuid_identity(&l->cpu, &h->id);
	if (!answers_find(l, 1, 0))
		h->id.family = h->id.model = h->id.stepping = -1;
	answers_view(l, &h->view[HOST_CPU]);
	h->physbits = answers_physbits(l);
	free(h->brand);
	h->brand = answers_brand(l);
}
