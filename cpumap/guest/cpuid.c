/* SPDX-License-Identifier: Apache-2.0 */
/* Parsing the guest's dump, and judging the CPU that it shows. */
#include "cpuid.h"

#include <ctype.h>
#include <errno.h>

#include "cpumap/define/digest.h"

#define HEADER      "cpushim-guest 1"
#define END         "end"
#define MAX_CPUS    4096
#define MAX_ENTRIES 4096 /* of one vCPU; the guest writes about 400 at most */
#define MAX_WORDS   128
#define MAX_WAYS    16 /* ways to be unlike the first vCPU that are told; others are only counted */

/* APM 3, E.4.2: 0x80000001.EDX repeats these bits of leaf 1's EDX */
#define AMD_COPIES UINT32_C(0x0183f3ff)

/* ---- text ---- */

struct line {
	const char *s;
	size_t len;
	unsigned int number;
};

struct parser {
	const char *text, *end;
	const char *name;
	unsigned int number; /* the next line's number, from 1 */
};

/* The next line. A line without a newline may be cut, and isn't one. */
static bool next_line(struct parser *p, struct line *l)
{
	const char *stop = memchr(p->text, '\n', (size_t)(p->end - p->text));

	if (!stop)
		return false;
	l->s = p->text;
	l->len = (size_t)(stop - p->text);
	if (l->len && l->s[l->len - 1] == '\r')
		l->len--;
	l->number = p->number++;
	p->text = stop + 1;
	return true;
}

static bool line_is(const struct line *l, const char *what)
{
	return l->len == strlen(what) && memcmp(l->s, what, l->len) == 0;
}

/* Moves @p behind the header of the last complete dump. */
static bool find_last_dump(struct parser *p)
{
	struct parser header = {0}, found = {0};
	struct line l;

	while (next_line(p, &l)) {
		if (line_is(&l, HEADER)) {
			header = *p;
		} else if (line_is(&l, END) && header.text) {
			found = header;
			header = (struct parser){0};
		}
	}
	if (found.text)
		*p = found;
	return found.text != NULL;
}

static int bad_line(const struct parser *p, const struct line *l, const char *why,
		    struct error *err)
{
	char shown[96];

	return error_set(err, -EINVAL, p->name, l->number, "%s: '%s'", why,
			 text_escape(shown, sizeof(shown), l->s, l->len));
}

/* Eight hexadecimal digits: no sign, no space, no 0x. */
static bool parse_hex8(const char *s, uint32_t *value)
{
	uint64_t v;

	for (size_t i = 0; i < 8; i++)
		if (!isxdigit((unsigned char)s[i]))
			return false;
	if (number_parse(s, 8, 16, UINT32_MAX, &v) < 0)
		return false;
	*value = (uint32_t)v;
	return true;
}

/* "LEAF SUBLEAF EAX EBX ECX EDX": six numbers of eight digits, one space between them. */
static bool parse_entry(const struct line *l, struct cpuid_entry *e)
{
	uint32_t *const field[] = {&e->leaf,         &e->subleaf,      &e->reg[REG_EAX],
				   &e->reg[REG_EBX], &e->reg[REG_ECX], &e->reg[REG_EDX]};

	if (l->len != ARRAY_SIZE(field) * 9 - 1)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(field); i++) {
		if (i && l->s[i * 9 - 1] != ' ')
			return false;
		if (!parse_hex8(l->s + i * 9, field[i]))
			return false;
	}
	return true;
}

/* ---- the dump ---- */

static int compare_keys(const struct cpuid_entry *a, const struct cpuid_entry *b)
{
	if (a->leaf != b->leaf)
		return a->leaf < b->leaf ? -1 : 1;
	return (a->subleaf > b->subleaf) - (a->subleaf < b->subleaf);
}

static int compare_entries(const void *a, const void *b)
{
	return compare_keys(a, b);
}

static int add_cpu(struct cpuid_dump *d)
{
	struct cpuid_cpu *grown = reallocarray(d->cpu, d->n + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	d->cpu = grown;
	d->cpu[d->n++] = (struct cpuid_cpu){0};
	return 0;
}

static int add_entry(struct cpuid_cpu *cpu, const struct cpuid_entry *e)
{
	/* the array grows when its size is a power of two */
	if ((cpu->n & (cpu->n - 1)) == 0) {
		struct cpuid_entry *grown =
			reallocarray(cpu->entry, cpu->n ? 2 * cpu->n : 1, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		cpu->entry = grown;
	}
	cpu->entry[cpu->n++] = *e;
	return 0;
}

static int parse_cpu_line(struct parser *p, const struct line *l, struct cpuid_dump *d,
			  struct error *err)
{
	uint64_t number;

	if (number_parse(l->s + 4, l->len - 4, 10, MAX_CPUS, &number) < 0 || number != d->n)
		return bad_line(p, l, "not the vCPU that comes next", err);
	if (add_cpu(d) < 0)
		return error_set(err, -ENOMEM, p->name, 0, "out of memory");
	return 0;
}

static int parse_entry_line(struct parser *p, const struct line *l, struct cpuid_dump *d,
			    struct error *err)
{
	struct cpuid_entry e;

	if (!parse_entry(l, &e))
		return bad_line(p, l, "neither a vCPU nor a leaf of it", err);
	if (d->n == 0)
		return bad_line(p, l, "a leaf in front of the first vCPU", err);
	if (d->cpu[d->n - 1].n == MAX_ENTRIES)
		return bad_line(p, l, "more leaves than any CPU has", err);
	if (add_entry(&d->cpu[d->n - 1], &e) < 0)
		return error_set(err, -ENOMEM, p->name, 0, "out of memory");
	return 0;
}

static int check_dump(struct cpuid_dump *d, const char *name, struct error *err)
{
	if (d->n == 0)
		return error_set(err, -EINVAL, name, 0, "a dump without a vCPU");
	for (size_t c = 0; c < d->n; c++) {
		struct cpuid_cpu *cpu = &d->cpu[c];

		if (cpu->n == 0)
			return error_set(err, -EINVAL, name, 0, "vCPU %zu has no leaf", c);
		qsort(cpu->entry, cpu->n, sizeof(*cpu->entry), compare_entries);
		for (size_t i = 1; i < cpu->n; i++)
			if (compare_keys(&cpu->entry[i - 1], &cpu->entry[i]) == 0)
				return error_set(err, -EINVAL, name, 0,
						 "vCPU %zu has leaf %08x, subleaf %08x twice", c,
						 cpu->entry[i].leaf, cpu->entry[i].subleaf);
		if (cpu->entry[0].leaf != 0)
			return error_set(err, -EINVAL, name, 0, "vCPU %zu has no leaf 0", c);
	}
	return 0;
}

int cpuid_parse(struct cpuid_dump *d, const char *text, size_t len, const char *name,
		struct error *err)
{
	struct parser p = {.text = text, .end = text + len, .name = name, .number = 1};
	struct line l;
	int r = 0;

	*d = (struct cpuid_dump){0};
	if (len == 0 || !find_last_dump(&p))
		return error_set(err, -ENODATA, name, 0,
				 "no complete dump of a guest that reads its CPUID");
	while (r == 0 && next_line(&p, &l) && !line_is(&l, END)) {
		if (l.len > 4 && memcmp(l.s, "cpu ", 4) == 0)
			r = parse_cpu_line(&p, &l, d, err);
		else
			r = parse_entry_line(&p, &l, d, err);
	}
	if (r == 0)
		r = check_dump(d, name, err);
	if (r < 0)
		cpuid_dump_free(d);
	return r;
}

void cpuid_dump_free(struct cpuid_dump *d)
{
	for (size_t i = 0; i < d->n; i++)
		free(d->cpu[i].entry);
	free(d->cpu);
	*d = (struct cpuid_dump){0};
}

/* ---- a CPU ---- */

static const struct cpuid_entry *find_entry(const struct cpuid_cpu *cpu, uint32_t leaf,
					    uint32_t subleaf)
{
	const struct cpuid_entry key = {.leaf = leaf, .subleaf = subleaf};

	return cpu->n ? bsearch(&key, cpu->entry, cpu->n, sizeof(key), compare_entries) : NULL;
}

uint32_t cpuid_word(const struct cpuid_cpu *cpu, uint32_t leaf, uint32_t subleaf,
		    enum cpuid_reg reg)
{
	const struct cpuid_entry *first = find_entry(cpu, leaf & UINT32_C(0xffff0000), 0);
	const struct cpuid_entry *e = find_entry(cpu, leaf, subleaf);

	if (!first || !e || leaf > first->reg[REG_EAX])
		return 0;
	/* leaf 7 says in EAX how far its own subleaves go (SDM 2A, CPUID) */
	if (leaf == 7 && subleaf > 0 && subleaf > cpuid_word(cpu, leaf, 0, REG_EAX))
		return 0;
	return e->reg[reg];
}

void cpuid_identity(const struct cpuid_cpu *cpu, struct identity *id)
{
	static const enum cpuid_reg order[] = {REG_EBX, REG_EDX, REG_ECX};
	uint32_t v = cpuid_word(cpu, 1, 0, REG_EAX);

	for (size_t i = 0; i < 12; i++)
		id->vendor[i] = (char)(cpuid_word(cpu, 0, 0, order[i / 4]) >> (i % 4 * 8));
	id->vendor[12] = '\0';
	id->family = (int)(v >> 8 & 0xf);
	if (id->family == 0xf)
		id->family += (int)(v >> 20 & 0xff);
	/* only families 6 and 15 have an extended model; elsewhere it is 0, or the CPU differs from
	 * the definition */
	id->model = (int)((v >> 4 & 0xf) | (v >> 12 & 0xf0));
	id->stepping = (int)(v & 0xf);
}

void cpuid_features(const struct cpuid_cpu *cpu, struct featset *set)
{
	*set = (struct featset){0};
	for (size_t i = 0; i < n_features; i++) {
		const struct feature *f = &features[i];

		if (f->kind == FEATURE_CPUID &&
		    (cpuid_word(cpu, f->leaf, f->subleaf, f->reg) >> f->bit & 1))
			featset_add(set, i);
	}
}

static bool is_copies_word(const struct feature_word *w)
{
	return w->leaf == 0x80000001 && w->subleaf == 0 && w->reg == REG_EDX;
}

/* The bits of 0x80000001.EDX that have to copy leaf 1: with vendor AMD all of AMD_COPIES, by QEMU's
 * own rule (x86_cpu_realizefn, 7.2). Real Hygon CPUs have the copies and QEMU's don't, so both are
 * right. */
static uint32_t copies(const struct cpuid_cpu *cpu)
{
	struct identity id;
	uint32_t leaf1 = cpuid_word(cpu, 1, 0, REG_EDX) & AMD_COPIES;
	uint32_t there = cpuid_word(cpu, 0x80000001, 0, REG_EDX) & AMD_COPIES;

	cpuid_identity(cpu, &id);
	if (strcmp(id.vendor, "AuthenticAMD") == 0)
		return cpuid_word(cpu, 0x80000000, 0, REG_EAX) >= 0x80000001 ? leaf1 : 0;
	return strcmp(id.vendor, "HygonGenuine") == 0 && there ? leaf1 : 0;
}

/* The bits of a word that the definition doesn't decide. */
static uint32_t others(const struct feature_word *w)
{
	/* 24H:EBX's low byte is AVX10's version, a number (SDM 2A, CPUID) */
	uint32_t mask = w->leaf == 0x24 && w->subleaf == 0 && w->reg == REG_EBX ? 0xff : 0;

	for (size_t i = 0; i < n_features; i++) {
		const struct feature *f = &features[i];

		if (f->kind == FEATURE_OTHER && f->leaf == w->leaf && f->subleaf == w->subleaf &&
		    f->reg == w->reg)
			mask |= UINT32_C(1) << f->bit;
	}
	return mask;
}

/* The bits of a feature word that the definition decides, as @cpu has them. */
static uint32_t own_word(const struct cpuid_cpu *cpu, const struct feature_word *w)
{
	uint32_t v = cpuid_word(cpu, w->leaf, w->subleaf, w->reg) & ~others(w);

	/* what shows here are the bits where the copies are wrong, so that each is a difference */
	return is_copies_word(w) ? v ^ copies(cpu) : v;
}

/* ---- comparing ---- */

static void add_line(struct cpuid_diff *diff, bool *failed, struct text *t)
{
	if (t->failed || strv_add(&diff->other, t->data, t->len) < 0)
		*failed = true;
}

static void compare_number(struct cpuid_diff *diff, bool *failed, const char *what, int is,
			   int wanted)
{
	_cleanup_text_ struct text t = {0};

	if (wanted < 0 || is == wanted)
		return;
	text_addf(&t, "%s: %d, not %d", what, is, wanted);
	add_line(diff, failed, &t);
}

static void compare_identity(struct cpuid_diff *diff, bool *failed, const struct cpuid_cpu *cpu,
			     const struct identity *wanted)
{
	_cleanup_text_ struct text t = {0};
	struct identity is;
	char shown[64];

	cpuid_identity(cpu, &is);
	if (*wanted->vendor && strcmp(wanted->vendor, "host") != 0 &&
	    memcmp(is.vendor, wanted->vendor, sizeof(is.vendor)) != 0) {
		text_addf(&t, "vendor: %s, not %s",
			  text_escape(shown, sizeof(shown), is.vendor, 12), wanted->vendor);
		add_line(diff, failed, &t);
	}
	compare_number(diff, failed, "family", is.family, wanted->family);
	compare_number(diff, failed, "model", is.model, wanted->model);
	compare_number(diff, failed, "stepping", is.stepping, wanted->stepping);
}

static void name_bit(struct text *t, const struct feature_word *w, unsigned int bit)
{
	static const char *const reg[] = {"EAX", "EBX", "ECX", "EDX"};

	text_addf(t, "CPUID.%02XH", w->leaf);
	if (w->subleaf)
		text_addf(t, ".%u", w->subleaf);
	text_addf(t, ":%s[%u]", reg[w->reg], bit);
}

static void compare_unnamed(struct cpuid_diff *diff, bool *failed, const struct cpuid_cpu *cpu,
			    const struct feature_word *w)
{
	uint32_t unnamed = own_word(cpu, w) & ~w->named;

	for (unsigned int bit = 0; bit < 32; bit++) {
		_cleanup_text_ struct text t = {0};

		if (!(unnamed >> bit & 1))
			continue;
		text_adds(&t, "a bit without a name: ");
		name_bit(&t, w, bit);
		if (is_copies_word(w) && (AMD_COPIES >> bit & 1))
			text_addf(&t, " (AMD's copy of leaf 1, not as its vendor has it)");
		add_line(diff, failed, &t);
	}
}

static void compare_cpu(struct cpuid_diff *diff, bool *failed, const struct cpuid_cpu *cpu,
			const struct model *m)
{
	struct feature_word word[MAX_WORDS];
	size_t n = feature_words(word, ARRAY_SIZE(word));
	struct featset is;

	cpuid_features(cpu, &is);
	diff->missing = m->features;
	featset_subtract(&diff->missing, &is);
	diff->extra = is;
	featset_subtract(&diff->extra, &m->features);
	compare_identity(diff, failed, cpu, &m->id);
	for (size_t i = 0; i < n; i++)
		compare_unnamed(diff, failed, cpu, &word[i]);
}

/* The text that a digest is made of, one part a line. Words that are 0 are left out, so that a
 * release that knows more words gives old CPUs the same digest. */
static void print_cpu(struct text *t, const struct cpuid_cpu *cpu)
{
	static const char *const reg[] = {"eax", "ebx", "ecx", "edx"};
	struct feature_word word[MAX_WORDS];
	size_t n = feature_words(word, ARRAY_SIZE(word));
	struct identity id;
	char shown[64];

	cpuid_identity(cpu, &id);
	text_addf(t, "vendor=%s\nfamily=%d\nmodel=%d\nstepping=%d\n",
		  text_escape(shown, sizeof(shown), id.vendor, 12), id.family, id.model,
		  id.stepping);
	for (size_t i = 0; i < n; i++) {
		uint32_t v = own_word(cpu, &word[i]);

		if (v)
			text_addf(t, "%08x.%x.%s=%08x\n", word[i].leaf, word[i].subleaf,
				  reg[word[i].reg], v);
	}
}

static bool same_cpu(const struct cpuid_cpu *a, const struct cpuid_cpu *b, bool *failed)
{
	_cleanup_text_ struct text x = {0}, y = {0};

	print_cpu(&x, a);
	print_cpu(&y, b);
	if (x.failed || y.failed) {
		*failed = true;
		return true;
	}
	return x.len == y.len && memcmp(x.data, y.data, x.len) == 0;
}

/* Adds how this vCPU, which is unlike the first, differs from the definition: a line for each
 * difference. */
static void describe_other_cpu(struct text *lines, bool *failed, const struct cpuid_cpu *cpu,
			       const struct model *m)
{
	_cleanup_cpuid_diff_ struct cpuid_diff own = {0};

	compare_cpu(&own, failed, cpu, m);
	if (cpuid_diff_none(&own))
		text_adds(lines, "none of the differences\n");
	else
		cpuid_diff_print(lines, &own);
	if (lines->failed)
		*failed = true;
}

/* vCPUs that are unlike the first in one way. */
struct unlike {
	struct text lines; /* the differences */
	size_t first, n;
};

static void say_unlike(struct cpuid_diff *diff, bool *failed, const struct unlike *u)
{
	_cleanup_text_ struct text who = {0};
	char *rest, *line;

	text_addf(&who, "vCPU %zu", u->first);
	if (u->n > 1)
		text_addf(&who, " and %zu like it", u->n - 1);
	for (rest = u->lines.data; rest && (line = strsep(&rest, "\n")) && *line;) {
		_cleanup_text_ struct text t = {0};

		text_addf(&t, "%s, unlike the first: %s", who.failed ? "" : who.data, line);
		add_line(diff, failed, &t);
	}
}

/* Adds a vCPU to those that are unlike the first in the same way. False: it is one way more than
 * can be told. */
static bool add_unlike(struct unlike ways[MAX_WAYS], size_t *n, size_t number, struct text *lines)
{
	for (size_t i = 0; i < *n; i++)
		if (strcmp(ways[i].lines.data, lines->data) == 0) {
			ways[i].n++;
			return true;
		}
	if (*n == MAX_WAYS)
		return false;
	ways[(*n)++] = (struct unlike){.lines = *lines, .first = number, .n = 1};
	*lines = (struct text){0};
	return true;
}

static void compare_other_cpus(struct cpuid_diff *diff, bool *failed, const struct cpuid_dump *d,
			       const struct model *m)
{
	struct unlike ways[MAX_WAYS];
	size_t n = 0, others = 0;

	for (size_t i = 1; i < d->n && !*failed; i++) {
		_cleanup_text_ struct text lines = {0};

		if (same_cpu(&d->cpu[0], &d->cpu[i], failed))
			continue;
		describe_other_cpu(&lines, failed, &d->cpu[i], m);
		if (!*failed && !add_unlike(ways, &n, i, &lines))
			others++;
	}
	for (size_t i = 0; i < n; i++) {
		say_unlike(diff, failed, &ways[i]);
		text_free(&ways[i].lines);
	}
	if (others) {
		_cleanup_text_ struct text t = {0};

		text_addf(&t, "%zu more vCPUs are unlike the first in other ways", others);
		add_line(diff, failed, &t);
	}
}

int cpuid_compare(const struct cpuid_dump *d, const struct model *m, struct cpuid_diff *diff)
{
	bool failed = false;

	*diff = (struct cpuid_diff){0};
	compare_cpu(diff, &failed, &d->cpu[0], m);
	compare_other_cpus(diff, &failed, d, m);
	if (!failed)
		return 0;
	cpuid_diff_free(diff);
	return -ENOMEM;
}

bool cpuid_diff_none(const struct cpuid_diff *diff)
{
	return diff->other.n == 0 && featset_count(&diff->missing) == 0 &&
	       featset_count(&diff->extra) == 0;
}

void cpuid_diff_free(struct cpuid_diff *diff)
{
	strv_free(&diff->other);
	*diff = (struct cpuid_diff){0};
}

void cpuid_diff_print(struct text *out, const struct cpuid_diff *diff)
{
	if (featset_count(&diff->missing)) {
		text_adds(out, "missing: ");
		featset_print(out, &diff->missing, "\nmissing: ");
		text_adds(out, "\n");
	}
	if (featset_count(&diff->extra)) {
		text_adds(out, "extra: ");
		featset_print(out, &diff->extra, "\nextra: ");
		text_adds(out, "\n");
	}
	for (size_t i = 0; i < diff->other.n; i++)
		text_addf(out, "%s\n", diff->other.item[i]);
}

int cpuid_digest(const struct cpuid_dump *d, char hex[DIGEST_HEX], struct error *err)
{
	_cleanup_text_ struct text t = {0};
	bool failed = false;

	for (size_t i = 1; i < d->n; i++)
		if (!same_cpu(&d->cpu[0], &d->cpu[i], &failed))
			return error_set(err, -EXDEV, NULL, 0, "vCPU %zu isn't like the first", i);
	print_cpu(&t, &d->cpu[0]);
	if (failed || t.failed)
		return error_set(err, -ENOMEM, NULL, 0, "out of memory");
	digest_of(&t, hex);
	return 0;
}
