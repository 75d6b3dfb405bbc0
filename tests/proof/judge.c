/* SPDX-License-Identifier: Apache-2.0 */
#include "judge.h"

#define MAX_CPUS  8
#define EXIT_READ 99 /* cpumap/guest/guest.S, by isa-debug-exit */
#define FEWEST    "486"

/* APM 3, E.4.2: AMD's 0x80000001.EDX repeats these bits of leaf 1's. */
#define AMD_COPIES UINT32_C(0x0183f3ff)

static const char *const reg_names[] = {"EAX", "EBX", "ECX", "EDX"};

/* What one vCPU got. */
struct cpu {
	char vendor[13];
	uint32_t signature; /* leaf 1, EAX */
	uint32_t word[MAX_WORDS];
};

struct reading {
	struct cpu cpu[MAX_CPUS];
	size_t n;
};

/* ---- reading ---- */

static void set_register(const struct oracle *o, struct cpu *cpu, uint32_t leaf, uint32_t subleaf,
			 enum reg reg, uint32_t value)
{
	for (size_t i = 0; i < o->n_words; i++)
		if (o->word[i].leaf == leaf && o->word[i].subleaf == subleaf &&
		    o->word[i].reg == reg)
			cpu->word[i] = value;
	if (leaf == 0 && subleaf == 0 && reg != EAX)
		memcpy(cpu->vendor + (reg == EBX ? 0 : reg == EDX ? 4 : 8), &value, 4);
	if (leaf == 1 && reg == EAX)
		cpu->signature = value;
}

/* "LEAF SUBLEAF EAX EBX ECX EDX" */
static bool read_line(const struct oracle *o, struct cpu *cpu, const char *line)
{
	uint32_t field[6];

	for (size_t i = 0; i < ARRAY_SIZE(field); i++) {
		char *end;

		field[i] = (uint32_t)strtoul(line, &end, 16);
		if (end != line + 8)
			return false;
		line = end + (*end == ' ');
	}
	for (enum reg reg = EAX; reg <= EDX; reg++)
		set_register(o, cpu, field[0], field[1], reg, field[2 + reg]);
	return true;
}

static bool read_dump(const struct oracle *o, struct reading *r, char *dump)
{
	char *line;
	bool ended = false;

	*r = (struct reading){0};
	while ((line = strsep(&dump, "\n"))) {
		line[strcspn(line, "\r")] = '\0';
		if (strncmp(line, "cpu ", 4) == 0 && r->n < MAX_CPUS)
			r->n++;
		else if (strcmp(line, "end") == 0)
			ended = true;
		else if (*line && strcmp(line, "cpushim-guest 1") != 0 &&
			 (r->n == 0 || !read_line(o, &r->cpu[r->n - 1], line)))
			return false;
	}
	return ended && r->n > 0;
}

static uint32_t signature_of(const struct identity_words *id)
{
	uint32_t above = id->family > 0xf ? (uint32_t)id->family - 0xf : 0;
	uint32_t model = (uint32_t)id->model;

	return above << 20 | ((uint32_t)id->family - above) << 8 | (model >> 4) << 16 |
	       (model & 0xf) << 4 | (uint32_t)id->stepping;
}

#define QOM_GET(property)                                                                          \
	"{\"execute\": \"qom-get\", \"arguments\": {\"path\": "                                    \
	"\"/machine/unattached/device[0]\", \"property\": \"" property "\"}}"

/* What QEMU means to give, instead of what a guest reads. */
static bool read_words(const struct oracle *o, struct reading *r, json_t *answers)
{
	struct cpu *cpu = &r->cpu[0];
	struct identity_words id;
	const json_t *w;
	size_t i;

	*r = (struct reading){.n = 1};
	(void)snprintf(cpu->vendor, sizeof(cpu->vendor), "%s",
		       json_string_value(json_array_get(answers, 0)) ?: "");
	id.family = (int)json_number_value(json_array_get(answers, 1));
	id.model = (int)json_number_value(json_array_get(answers, 2));
	id.stepping = (int)json_number_value(json_array_get(answers, 3));
	cpu->signature = signature_of(&id);
	json_array_foreach(json_array_get(answers, 4), i, w)
	{
		const char *name = json_string_value(json_object_get(w, "cpuid-register"));

		for (enum reg reg = EAX; name && reg <= EDX; reg++)
			if (strcmp(name, reg_names[reg]) == 0)
				set_register(o, cpu,
					     (uint32_t)json_number_value(
						     json_object_get(w, "cpuid-input-eax")),
					     (uint32_t)json_number_value(
						     json_object_get(w, "cpuid-input-ecx")),
					     reg,
					     (uint32_t)json_number_value(
						     json_object_get(w, "features")));
	}
	return json_is_array(json_array_get(answers, 4));
}

/* ---- starting ---- */

static bool start_words(const struct court *c, const char *emulator, const char *cpu,
			const char *machine, struct reading *r, struct outcome *end)
{
	json_t *answers = ask(emulator,
			      (const char *const[]){"-accel", c->oracle->accel, "-cpu", cpu,
						    machine ? "-machine" : NULL, machine, NULL},
			      QOM_GET("vendor") QOM_GET("family") QOM_GET("model")
				      QOM_GET("stepping") QOM_GET("feature-words"),
			      end);
	bool ok = answers && read_words(c->oracle, r, answers);

	json_decref(answers);
	return ok;
}

static bool start_guest(const struct court *c, const char *emulator, const char *cpu,
			const char *machine, unsigned int cpus, struct reading *r,
			struct outcome *end)
{
	char smp[32], append[32];

	(void)snprintf(smp, sizeof(smp), "%u,sockets=%u", cpus, cpus);
	(void)snprintf(append, sizeof(append), "cpus=%u", cpus);
	run(end,
	    (const char *const[]){emulator,
				  "-nodefaults",
				  "-no-user-config",
				  "-display",
				  "none",
				  "-no-reboot",
				  "-m",
				  "64",
				  "-smp",
				  smp,
				  "-accel",
				  c->oracle->accel,
				  "-cpu",
				  cpu,
				  "-kernel",
				  c->guest,
				  "-append",
				  append,
				  "-debugcon",
				  "stdio",
				  "-device",
				  "isa-debug-exit,iobase=0xf4",
				  machine ? "-machine" : NULL,
				  machine,
				  NULL},
	    "");
	return end->status == EXIT_READ && read_dump(c->oracle, r, end->out.data);
}

void court_open(struct court *c)
{
	_cleanup_outcome_ struct outcome end = {0}, words_end = {0};
	struct reading read, words;

	if (strcmp(c->oracle->accel, "tcg") == 0)
		return;
	if (!start_words(c, c->oracle->emulator, "kvm64", NULL, &words, &words_end))
		die("%s: plain kvm64 doesn't start: %s", c->oracle->emulator, words_end.err.data);
	c->by_words = !start_guest(c, c->oracle->emulator, "kvm64", NULL, 1, &read, &end) ||
		      memcmp(read.cpu[0].word, words.cpu[0].word, sizeof(read.cpu[0].word)) != 0;
}

/* ---- comparing ---- */

static void name_bits(const struct oracle *o, size_t word, uint32_t bits, struct text *why)
{
	for (unsigned int bit = 0; bit < 32; bit++) {
		const char *name = "unnamed";

		if (!(bits >> bit & 1))
			continue;
		for (size_t i = 0; i < o->n_names; i++)
			if (o->name[i].word == word && o->name[i].bit == bit)
				name = o->name[i].name;
		text_addf(why, " %s[%u]", name, bit);
	}
}

/* Which bits of AMD's second copy must be there, going by what leaf 1 has. */
static uint32_t copies(const struct cpu *cpu, uint32_t leaf1, uint32_t there)
{
	if (strcmp(cpu->vendor, "AuthenticAMD") == 0)
		return leaf1 & AMD_COPIES;
	/* real ones have it, QEMU's don't */
	return strcmp(cpu->vendor, "HygonGenuine") == 0 && (there & AMD_COPIES) ? leaf1 & AMD_COPIES
										: 0;
}

static void expect(const struct oracle *o, const struct site *s, const struct cpu *cpu,
		   uint32_t words[MAX_WORDS])
{
	size_t leaf1 = 0, edx = 0;
	bool extended = false;

	memset(words, 0, MAX_WORDS * sizeof(*words));
	for (size_t i = 0; i < o->n_names; i++)
		if (s->features.has[i])
			words[o->name[i].word] |= UINT32_C(1) << o->name[i].bit;
	for (size_t i = 0; i < o->n_words; i++) {
		const struct word *w = &o->word[i];

		if (w->leaf == 1 && w->reg == EDX)
			leaf1 = i;
		if (w->leaf == 0x80000001 && w->reg == EDX)
			edx = i;
		extended |= w->leaf >> 31 && w->leaf < 0xc0000000 && words[i];
	}
	/* a guest that sees no leaf 0x80000001 sees no copy */
	if (extended || cpu->word[edx])
		words[edx] |= copies(cpu, words[leaf1], cpu->word[edx]);
}

static void compare_cpu(const struct court *c, const struct site *s, const struct cpu *cpu,
			size_t number, struct text *why)
{
	const struct oracle *o = c->oracle;
	uint32_t want[MAX_WORDS], signature = signature_of(&s->id);

	expect(o, s, cpu, want);
	for (size_t i = 0; i < o->n_words; i++) {
		const struct word *w = &o->word[i];
		uint32_t have = cpu->word[i] & ~w->open, diff = have ^ want[i];

		if (!diff)
			continue;
		text_addf(why, "vCPU %zu: leaf %08x.%x %s: %08x, not %08x:", number, w->leaf,
			  w->subleaf, reg_names[w->reg], have, want[i]);
		name_bits(o, i, diff, why);
		text_adds(why, "\n");
	}
	if (memcmp(cpu->vendor, s->id.vendor, sizeof(cpu->vendor)) != 0)
		text_addf(why, "vCPU %zu: leaf 0: vendor '%.12s', not '%s'\n", number, cpu->vendor,
			  s->id.vendor);
	if (cpu->signature != signature)
		text_addf(why, "vCPU %zu: leaf 1 EAX: %08x, not %08x\n", number, cpu->signature,
			  signature);
}

static bool has_apic(const struct court *c, const struct site *s)
{
	return s->features.has[oracle_name(c->oracle, "apic", 4)];
}

static enum verdict compare(const struct court *c, const struct site *s, const struct reading *r,
			    struct text *why)
{
	/* nobody can start another vCPU without apic */
	size_t cpus = c->by_words || !has_apic(c, s) ? 1 : s->cpus;

	if (r->n != cpus)
		text_addf(why, "%zu vCPUs told what they read, not %zu\n", r->n, cpus);
	for (size_t i = 0; i < r->n; i++)
		compare_cpu(c, s, &r->cpu[i], i, why);
	return why->len ? WRONG : EXACT;
}

/* ---- refusals, and their proofs ---- */

/* What the real QEMU says of an argument by hand: its words, or "" if it starts. Remembered. */
static const char *by_hand(const struct oracle *o, const char *cpu)
{
	static struct strv asked, said;
	struct outcome end;

	for (size_t i = 0; i < asked.n; i++)
		if (strcmp(asked.item[i], cpu) == 0)
			return said.item[i];
	json_decref(ask(o->emulator, (const char *const[]){"-accel", o->accel, "-cpu", cpu, NULL},
			"", &end));
	if (strv_add(&asked, cpu, strlen(cpu)) < 0 ||
	    strv_add(&said, end.err.data, end.status == 0 ? 0 : end.err.len) < 0)
		die("out of memory");
	outcome_free(&end);
	return said.item[said.n - 1];
}

/* Does QEMU by hand refuse @feature, of -cpu 486,@features,enforce, with @words? */
static bool refuses(const struct oracle *o, const char *features, const char *feature,
		    const char *words)
{
	_cleanup_free_ char *cpu = NULL, *bit = NULL, *said = NULL;
	char *rest, *line;

	if (asprintf(&cpu, FEWEST ",pmu=on,%s,enforce", features) < 0 ||
	    asprintf(&bit, ".%s [bit ", feature) < 0 || !(said = strdup(by_hand(o, cpu))))
		die("out of memory");
	for (rest = said; (line = strsep(&rest, "\n"));)
		if (strstr(line, bit) && strstr(line, words))
			return true;
	return false;
}

static bool refuses_alone(const struct oracle *o, const char *feature)
{
	_cleanup_free_ char *on = NULL;

	if (asprintf(&on, "%s=on", feature) < 0)
		die("out of memory");
	return refuses(o, on, feature, "feature");
}

/* All of the definition's features by QEMU's names, on. */
static void add_all(struct text *cpu, const struct oracle *o, const struct site *s)
{
	for (size_t i = 0; i < o->n_names; i++)
		if (s->features.has[i])
			text_addf(cpu, ",%s=on", o->name[i].qemu);
}

static bool refuses_among_all(const struct oracle *o, const struct site *s, const char *feature,
			      const char *words)
{
	_cleanup_text_ struct text on = {0};

	text_addf(&on, "%s=on", feature);
	add_all(&on, o, s);
	return refuses(o, on.data, feature, words);
}

/* One line of QEMU's: "warning: TCG doesn't support requested feature: CPUID.01H:ECX.pcid [bit
 * 17]", or "This feature depends on other features that were not requested: ..." */
static bool is_proven(const struct court *c, const struct site *s, const char *line,
		      struct text *why)
{
	static const char depends[] = "depends on other features";
	const struct oracle *o = c->oracle;
	bool dependent = strstr(line, depends);
	const char *bit = strstr(line, " [bit "), *dot = bit;
	_cleanup_free_ char *feature = NULL;
	int i;

	/* the register and ")" of an MSR stand before the dot; names may have one, too */
	while (dot && dot > line && !(dot[0] == '.' && strchr("X)", dot[-1])))
		dot--;
	/* what follows from features (XSAVE's parts), or of an MSR: another line must prove it */
	if (!bit || dot == line || dot[-1] == ')')
		return false;
	feature = strndup(dot + 1, (size_t)(bit - dot - 1));
	if (!feature)
		die("out of memory");
	i = oracle_name(o, feature, strlen(feature));
	if (strncmp(feature, "kvm", 3) == 0 && refuses_alone(o, feature))
		return true;
	if (i < 0 || !s->features.has[i]) {
		text_addf(why, "refused for what it hasn't: %s\n", line);
		return false;
	}
	/* what depends on something must lack it also by hand, whatever else the definition has */
	if (refuses_alone(o, feature) && (!dependent || refuses_among_all(o, s, feature, depends)))
		return true;
	text_addf(why, "QEMU by hand doesn't refuse it: %s\n", line);
	return false;
}

static enum verdict judge_refusal(const struct court *c, const struct site *s, char *said,
				  struct text *why)
{
	size_t proven = 0;
	char *line;

	while ((line = strsep(&said, "\n"))) {
		if (!strstr(line, "requested feature:") &&
		    !strstr(line, "depends on other features"))
			continue;
		proven += is_proven(c, s, line, why);
	}
	return why->len || !proven ? WRONG : REFUSED;
}

/* "...: QEMU 7.2.22 doesn't know its features: cmt pconfig": by hand, QEMU must not know them. */
static enum verdict judge_unknown(const struct court *c, const struct site *s, char *names,
				  struct text *why)
{
	const struct oracle *o = c->oracle;
	size_t proven = 0;
	char *name;

	names[strcspn(names, "\n")] = '\0';
	while ((name = strsep(&names, " "))) {
		int i = oracle_name(o, name, strlen(name));
		_cleanup_free_ char *cpu = NULL;

		if (asprintf(&cpu, FEWEST ",%s=on", i < 0 ? name : o->name[i].qemu) < 0)
			die("out of memory");
		if (i >= 0 && s->features.has[i] && strstr(by_hand(o, cpu), "not found"))
			proven++;
		else
			text_addf(why, "QEMU by hand knows %s, or the model hasn't it\n", name);
	}
	return why->len || !proven ? WRONG : REFUSED;
}

/* "...: no guest sees its feature 'xgetbv1' without 'xsave': ...": neither may one by hand. */
static enum verdict judge_unseen(const struct court *c, const struct site *s, const char *quoted,
				 struct text *why)
{
	const struct oracle *o = c->oracle;
	int i = oracle_name(o, quoted, strcspn(quoted, "'")), need;
	_cleanup_free_ char *cpu = NULL;
	_cleanup_outcome_ struct outcome end = {0};
	struct reading r;

	need = i < 0 ? -1 : oracle_need(o, (size_t)i, s->id.vendor);
	if (need < 0 || !s->features.has[i] || s->features.has[need]) {
		text_adds(why, "the definition hasn't this feature, or has what it needs\n");
		return WRONG;
	}
	if (c->by_words)
		return REFUSED;
	if (asprintf(&cpu, FEWEST ",vendor=%s,min-level=0xd,min-xlevel=0x8000000a,%s=on,enforce",
		     strcmp(s->id.vendor, "GenuineIntel") == 0 ? s->id.vendor : "AuthenticAMD",
		     o->name[i].qemu) < 0)
		die("out of memory");
	if (start_guest(c, o->emulator, cpu, NULL, 1, &r, &end) &&
	    r.cpu[0].word[o->name[i].word] >> o->name[i].bit & 1 &&
	    /* QEMU before 10 shows it */
	    strcmp(o->name[i].name, "syscall") != 0)
		text_addf(why, "a guest by hand sees %s\n", o->name[i].name);
	return why->len ? WRONG : REFUSED;
}

/* Why it didn't start. */
static enum verdict judge_end(const struct court *c, const struct site *s,
			      const struct outcome *end, struct text *why)
{
	static const char unknown[] = "doesn't know its features: ";
	static const char unseen[] = "no guest sees its feature '";
	_cleanup_free_ char *said = strdup(end->err.data);
	char *words;

	if (!said)
		die("out of memory");
	if ((words = strstr(said, unknown)))
		return judge_unknown(c, s, words + strlen(unknown), why);
	if ((words = strstr(said, unseen)))
		return judge_unseen(c, s, words + strlen(unseen), why);
	return judge_refusal(c, s, said, why);
}

/* QEMU dies by hand, too, of the base (11.1 of YongFeng-v3) or of the definition's features (of
 * arch-capabilities under a KVM that has half of it). */
static bool dies_by_hand(const struct court *c, const struct site *s, int status)
{
	_cleanup_outcome_ struct outcome plain = {0}, all = {0};
	_cleanup_text_ struct text cpu = {0};
	struct reading r;

	if (status <= 128)
		return false;
	text_adds(&cpu, FEWEST);
	add_all(&cpu, c->oracle, s);
	(void)start_guest(c, c->oracle->emulator, s->base->name, s->machine, 1, &r, &plain);
	(void)start_guest(c, c->oracle->emulator, cpu.data, s->machine, 1, &r, &all);
	return plain.status == status || all.status == status;
}

/* Under KVM several CPUs read apic, whatever a model says. The hook refuses that, and isn't on this way. */
static unsigned int vcpus_of(const struct court *c, const struct site *s)
{
	return strcmp(c->oracle->accel, "kvm") == 0 && !has_apic(c, s) ? 1 : s->cpus;
}

enum verdict judge(const struct court *c, const struct site *s, struct text *why)
{
	_cleanup_outcome_ struct outcome end = {0};
	struct reading r;

	if (c->by_words ? start_words(c, c->wrapper, s->name, s->machine, &r, &end)
			: start_guest(c, c->wrapper, s->name, s->machine, vcpus_of(c, s), &r, &end))
		return compare(c, s, &r, why);
	if (end.status == 1 && !s->all_offered && judge_end(c, s, &end, why) == REFUSED)
		return REFUSED;
	if (dies_by_hand(c, s, end.status))
		return REFUSED;
	text_addf(why, "%s, status %d: %s", s->all_offered ? "must start" : "not proven",
		  end.status, end.err.data);
	return WRONG;
}
