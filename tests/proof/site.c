/* SPDX-License-Identifier: Apache-2.0 */
#include "site.h"

#define HIGHEST_FAMILY (0xf + 0xff)
#define MAX_LEVELS     4

/* Spellings that differ by more than `_` and `-` (target/i386/cpu.c, x86_cpu_initfn). */
static const char *const aliases[][2] = {
	{"pni", "sse3"},       {"sse4.1", "sse4-1"}, {"sse4.1", "sse4_1"},
	{"sse4.2", "sse4-2"},  {"sse4.2", "sse4_2"}, {"nx", "xd"},
	{"fxsr_opt", "ffxsr"}, {"lm", "i64"},        {"pclmuldq", "pclmulqdq"},
};

/* What a model is made of, at every model that it starts from in turn. */
struct maker {
	const struct oracle *o;
	struct site *s;
	uint64_t random;
	unsigned int index;
	enum { OFFERED, NEARLY, FROM_MAP, UNKNOWN, N_KINDS } kind;
};

/* splitmix64: good enough, and the same everywhere */
static uint64_t next(struct maker *m)
{
	uint64_t z = m->random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* From 0 to @n - 1. */
static unsigned int below(struct maker *m, size_t n)
{
	return (unsigned int)(next(m) % n);
}

static bool percent(struct maker *m, unsigned int p)
{
	return below(m, 100) < p;
}

/* ---- parts of the XML ---- */

static void add_escaped(struct text *t, const char *s)
{
	for (; *s; s++) {
		if (strchr("&<'\"", *s))
			text_addf(t, "&#%d;", *s);
		else
			text_add(t, s, 1);
	}
}

/* One of the ways to write a name. */
static void add_spelling(struct maker *m, const struct name *n)
{
	_cleanup_free_ char *name = strdup(percent(m, 25) ? n->qemu : n->name);

	if (!name)
		die("out of memory");
	for (size_t i = 0; i < ARRAY_SIZE(aliases); i++)
		if (strcmp(aliases[i][0], n->name) == 0 && percent(m, 25)) {
			text_adds(&m->s->xml, aliases[i][1]);
			return;
		}
	if (percent(m, 10))
		for (char *c = name; *c; c++)
			*c = *c == '_' ? '-' : *c == '-' ? '_' : *c;
	text_adds(&m->s->xml, name);
}

static void add_feature(struct maker *m, size_t i, bool on)
{
	text_adds(&m->s->xml, "    <feature ");
	if (!on)
		text_adds(&m->s->xml, "policy='disable' ");
	else if (percent(m, 10))
		text_adds(&m->s->xml, "policy='require' ");
	text_adds(&m->s->xml, "name='");
	add_spelling(m, &m->o->name[i]);
	text_adds(&m->s->xml, "'/>\n");
}

static void raw_vendor(struct maker *m, char vendor[13])
{
	for (size_t i = 0; i < 12; i++)
		do
			vendor[i] = (char)(' ' + below(m, '~' - ' ' + 1));
		while (vendor[i] == ',');
	vendor[12] = '\0';
}

static void choose_vendor(struct maker *m)
{
	static const char *const known[][2] = {
		{"Intel", "GenuineIntel"}, {"AMD", "AuthenticAMD"}, {"Hygon", "HygonGenuine"}};
	unsigned int which = below(m, 8);
	char raw[13];

	if (which < 6) {
		(void)snprintf(m->s->id.vendor, sizeof(m->s->id.vendor), "%s", known[which % 3][1]);
		text_addf(&m->s->xml, "    <vendor name='%s'/>\n", known[which % 3][which / 3]);
	} else {
		raw_vendor(m, raw);
		memcpy(m->s->id.vendor, raw, sizeof(raw));
		text_adds(&m->s->xml, "    <vendor name='");
		add_escaped(&m->s->xml, raw);
		text_adds(&m->s->xml, "'/>\n");
	}
	m->s->host_vendor = false;
}

/* Anywhere in its range, and often at its ends and where it takes another register field. */
static int choose_number(struct maker *m, int max)
{
	const int edges[] = {0, 1, 0xe, 0xf, 0x10, max - 1, max};
	int edge = edges[below(m, ARRAY_SIZE(edges))];

	return percent(m, 50) && edge <= max ? edge : (int)below(m, (size_t)max + 1);
}

static void choose_signature(struct maker *m, bool all)
{
	struct identity_words *id = &m->s->id;
	bool hex = percent(m, 30);

	id->family = choose_number(m, HIGHEST_FAMILY);
	/* QEMU takes family 0 of max for none */
	if (all && id->family == 0)
		id->family = 6;
	id->model = choose_number(m, 0xff);
	text_addf(&m->s->xml,
		  hex ? "    <signature family='%#x' model='%d'"
		      : "    <signature family='%d' model='%d'",
		  id->family, id->model);
	if (all || percent(m, 50)) {
		id->stepping = choose_number(m, 0xf);
		text_addf(&m->s->xml, " stepping='%d'", id->stepping);
	}
	text_adds(&m->s->xml, "/>\n");
}

/* ---- features ---- */

static bool may_add(const struct maker *m, size_t i)
{
	const struct name *n = &m->o->name[i];

	return !n->open && (n->offered || m->kind == UNKNOWN || (n->known && m->kind != OFFERED));
}

/* How likely is a feature in this model? Most models would be refused if features that nobody can provide were frequent. */
static unsigned int likely(const struct maker *m, size_t i, unsigned int density)
{
	const struct name *n = &m->o->name[i];

	return n->offered ? density : n->known ? 1 : 20;
}

/* What this definition says of its features, on top of what it starts from. */
static void choose_features(struct maker *m, struct nameset *on, struct nameset *off)
{
	unsigned int density = below(m, m->kind == FROM_MAP ? 5 : 100);
	int fpu = oracle_name(m->o, "fpu", 3);

	for (size_t i = 0; i < m->o->n_names; i++) {
		if (m->s->features.has[i])
			off->has[i] = percent(m, 8);
		else if (percent(m, 3) && !m->o->name[i].open)
			off->has[i] = true;
		else
			on->has[i] = may_add(m, i) && percent(m, likely(m, i, density));
	}
	/* a definition without any feature is none */
	on->has[fpu] = true;
	off->has[fpu] = false;
}

/* Only what the accelerator offers, and nothing without what it needs. */
static void make_startable(struct maker *m, struct nameset *on, struct nameset *off)
{
	const struct oracle *o = m->o;

	for (size_t i = 0; i < o->n_names; i++) {
		int need = oracle_need(o, i, "GenuineIntel");
		bool is = (m->s->features.has[i] || on->has[i]) && !off->has[i];

		if (is && !o->name[i].offered) {
			on->has[i] = false;
			off->has[i] = true;
		} else if (is && need >= 0) {
			on->has[need] = true;
			off->has[need] = false;
		}
	}
}

static void write_features(struct maker *m, const struct nameset *on, const struct nameset *off)
{
	size_t n = m->o->n_names, first = below(m, n);

	for (size_t k = 0; k < n; k++) {
		size_t i = (first + k) % n;

		if (on->has[i] || off->has[i])
			add_feature(m, i, on->has[i]);
		else if (m->o->name[i].open && percent(m, 5))
			add_feature(m, i, true); /* ignored */
		if (on->has[i])
			m->s->features.has[i] = true;
		if (off->has[i])
			m->s->features.has[i] = false;
	}
}

/* ---- models ---- */

/* The model of libvirt's that this begins with. True: QEMU has it, too, so that no other base is
 * needed. */
static bool start_from_map(struct maker *m)
{
	const struct map_model *map = &m->o->map[m->index % m->o->n_map];
	const struct qemu_base *base = oracle_base(m->o, map->name);

	m->s->features = map->features;
	if (base)
		m->s->base = base;
	text_addf(&m->s->xml, "    <model name='%s'/>\n", map->name);
	return base;
}

static void write_qemu(struct maker *m, bool base, bool host)
{
	if (!base && !host)
		return;
	text_adds(&m->s->xml, "    <shim:qemu");
	if (base)
		text_addf(&m->s->xml, " base='%s'", m->s->base->name);
	if (host) {
		text_adds(&m->s->xml, " vendor='host'");
		m->s->host_vendor = true;
	}
	text_adds(&m->s->xml, "/>\n");
}

/* One definition; @level 0 is the last, whose name is the site model's own. */
static void make_level(struct maker *m, unsigned int level, bool first)
{
	struct nameset on = {0}, off = {0};
	bool map = first && (m->kind == FROM_MAP || percent(m, 50));
	bool need_base = first, own_vendor, all;

	text_addf(&m->s->xml, "  <model name='%s", m->s->name);
	text_addf(&m->s->xml, level ? ".%u'>\n" : "'>\n", level);
	if (map)
		need_base = !start_from_map(m);
	else if (!first)
		text_addf(&m->s->xml, "    <model name='%s.%u'/>\n", m->s->name, level + 1);
	need_base |= percent(m, first ? 50 : 20);
	if (need_base)
		m->s->base = &m->o->base[(m->index * 7 + level) % m->o->n_bases];
	/* for want of the base's own */
	all = level == 0 && oracle_computed(m->s->base);
	own_vendor = all || percent(m, 40);
	write_qemu(m, need_base, !own_vendor && percent(m, 10));
	if (own_vendor)
		choose_vendor(m);
	if (all || percent(m, 40))
		choose_signature(m, all);
	choose_features(m, &on, &off);
	if (m->kind == OFFERED || (level && m->kind != FROM_MAP))
		make_startable(m, &on, &off);
	write_features(m, &on, &off);
	text_adds(&m->s->xml, "  </model>\n");
}

/* What nobody said is the base's own. */
static void finish_identity(struct site *s, const struct oracle *o)
{
	const struct identity_words *own = &s->base->id;

	if (s->host_vendor && strcmp(o->accel, "kvm") == 0)
		memcpy(s->id.vendor, o->host_vendor, sizeof(s->id.vendor));
	else if (!*s->id.vendor || s->host_vendor)
		memcpy(s->id.vendor, own->vendor, sizeof(s->id.vendor));
	if (s->id.family < 0)
		s->id.family = own->family;
	if (s->id.model < 0)
		s->id.model = own->model;
	if (s->id.stepping < 0)
		s->id.stepping = own->stepping;
}

void site_make(struct site *s, const struct oracle *o, uint64_t seed, unsigned int index)
{
	static const unsigned int kinds[] = {OFFERED, OFFERED,  OFFERED,  OFFERED, OFFERED,
					     OFFERED, OFFERED,  OFFERED,  OFFERED, NEARLY,
					     NEARLY,  FROM_MAP, FROM_MAP, UNKNOWN};
	struct maker m = {.o = o, .s = s, .random = seed * 1000003 + index, .index = index};
	unsigned int levels;

	*s = (struct site){.id = {.family = -1, .model = -1, .stepping = -1}};
	(void)snprintf(s->name, sizeof(s->name), "exact-%llu-%u", (unsigned long long)seed, index);
	m.kind = kinds[below(&m, ARRAY_SIZE(kinds))];
	levels = percent(&m, 30) ? 2 + below(&m, MAX_LEVELS - 1) : 1;
	for (unsigned int level = levels; level-- > 0;)
		make_level(&m, level, level + 1 == levels);
	finish_identity(s, o);
	s->all_offered = true;
	for (size_t i = 0; i < o->n_names; i++) {
		int need = oracle_need(o, i, s->id.vendor);

		s->all_offered &= !s->features.has[i] ||
				  (o->name[i].offered && (need < 0 || s->features.has[need]));
	}
	s->cpus = percent(&m, 25) ? 4 : 1;
	s->machine = percent(&m, 50) ? NULL : o->machine[below(&m, o->n_machines)];
	if (s->xml.failed)
		die("out of memory");
}

void site_free(struct site *s)
{
	text_free(&s->xml);
}
