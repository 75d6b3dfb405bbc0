/* SPDX-License-Identifier: Apache-2.0 */
#include "oracle.h"

#include <cpuid.h>
#include <dirent.h>
#include <errno.h>
#include <libxml/parser.h>

/* What QEMU calls differently, beyond `-` for `_`. */
static const char *const renamed[][2] = {{"pclmuldq", "pclmulqdq"}};

/* Bits that no definition decides: the guest's CR4, the hypervisor, the topology (the design,
 * "What exact means"). */
static const char *const left_open[] = {"osxsave", "ospke", "hypervisor", "ht", "cmp_legacy"};

static char *copy(const char *s)
{
	char *c = strdup(s);

	if (!c)
		die("out of memory");
	return c;
}

/* ---- names and words ---- */

static size_t word_at(struct oracle *o, uint32_t leaf, uint32_t subleaf, enum reg reg)
{
	for (size_t i = 0; i < o->n_words; i++)
		if (o->word[i].leaf == leaf && o->word[i].subleaf == subleaf &&
		    o->word[i].reg == reg)
			return i;
	if (o->n_words == MAX_WORDS)
		die("more words than expected");
	o->word[o->n_words] = (struct word){.leaf = leaf, .subleaf = subleaf, .reg = reg};
	return o->n_words++;
}

static bool same(const char *known, const char *name, size_t len)
{
	if (strlen(known) != len)
		return false;
	for (size_t i = 0; i < len; i++)
		if (known[i] != name[i] &&
		    !(strchr("-_", known[i]) && (name[i] == '-' || name[i] == '_')))
			return false;
	return true;
}

int oracle_name(const struct oracle *o, const char *name, size_t len)
{
	for (size_t i = 0; i < o->n_names; i++)
		if (same(o->name[i].name, name, len) || same(o->name[i].qemu, name, len))
			return (int)i;
	return -1;
}

static char *qemu_spelling(const char *name)
{
	char *qemu;

	for (size_t i = 0; i < ARRAY_SIZE(renamed); i++)
		if (strcmp(renamed[i][0], name) == 0)
			return copy(renamed[i][1]);
	qemu = copy(name);
	for (char *s = qemu; *s; s++)
		if (*s == '_')
			*s = '-';
	return qemu;
}

static void add_name(struct oracle *o, const char *name, size_t word, unsigned int bit)
{
	struct name *n = &o->name[o->n_names];

	if (o->n_names == MAX_NAMES)
		die("more names than expected");
	*n = (struct name){
		.name = copy(name), .qemu = qemu_spelling(name), .word = word, .bit = bit};
	o->n_names++;
	for (size_t i = 0; i < ARRAY_SIZE(left_open); i++)
		n->open |= strcmp(left_open[i], name) == 0;
	o->word[word].named |= UINT32_C(1) << bit;
	if (n->open)
		o->word[word].open |= UINT32_C(1) << bit;
}

/* ---- libvirt's map ---- */

static bool is_element(const xmlNode *node, const char *name)
{
	return node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, name) == 0;
}

static char *attr(const xmlNode *node, const char *name)
{
	xmlChar *value = xmlGetProp((xmlNode *)node, (const xmlChar *)name);
	char *s = value ? copy((const char *)value) : NULL;

	xmlFree(value);
	return s;
}

static uint32_t number(const xmlNode *node, const char *name)
{
	_cleanup_free_ char *s = attr(node, name);

	return s ? (uint32_t)strtoul(s, NULL, 0) : 0;
}

/* <feature name=''><cpuid eax_in='' ecx_in='' edx=''/></feature>; features of MSRs have none */
static void read_feature(struct oracle *o, const xmlNode *node)
{
	static const char *const regs[] = {"eax", "ebx", "ecx", "edx"};
	_cleanup_free_ char *name = attr(node, "name");

	for (const xmlNode *n = node->children; name && n; n = n->next) {
		if (!is_element(n, "cpuid"))
			continue;
		for (enum reg reg = EAX; reg <= EDX; reg++) {
			uint32_t mask = number(n, regs[reg]);

			if (mask)
				add_name(o, name,
					 word_at(o, number(n, "eax_in"), number(n, "ecx_in"), reg),
					 (unsigned int)__builtin_ctz(mask));
		}
	}
}

static bool says_yes(const xmlNode *node, const char *name)
{
	_cleanup_free_ char *s = attr(node, name);

	return s && strcmp(s, "yes") == 0;
}

static bool map_has(const struct oracle *o, const char *name, struct nameset *features)
{
	for (size_t i = 0; i < o->n_map; i++)
		if (strcmp(o->map[i].name, name) == 0) {
			*features = o->map[i].features;
			return true;
		}
	return false;
}

/* False: its ancestor isn't known yet. */
static bool read_model(struct oracle *o, const xmlNode *node)
{
	struct map_model m = {.name = attr(node, "name")};
	struct nameset known;

	if (!m.name || map_has(o, m.name, &known))
		return true;
	for (const xmlNode *n = node->children; n; n = n->next) {
		_cleanup_free_ char *name = n->type == XML_ELEMENT_NODE ? attr(n, "name") : NULL;
		int i;

		if (is_element(n, "model") && !map_has(o, name, &m.features))
			return false;
		if (!is_element(n, "feature") || says_yes(n, "added") || says_yes(n, "removed"))
			continue;
		i = oracle_name(o, name, strlen(name));
		if (i >= 0)
			m.features.has[i] = !o->name[i].open;
	}
	if (o->n_map == MAX_MODELS)
		die("more models than expected");
	o->map[o->n_map++] = m;
	return true;
}

/* Returns whether everything in it was understood. */
static bool read_file(struct oracle *o, const char *path, bool models)
{
	xmlDoc *doc = xmlReadFile(path, NULL, XML_PARSE_NONET);
	const xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL;
	bool understood = true;

	if (!root)
		die("%s: no XML", path);
	for (const xmlNode *n = root->children; n; n = n->next) {
		if (models && is_element(n, "model"))
			understood &= read_model(o, n);
		else if (!models && is_element(n, "feature"))
			read_feature(o, n);
	}
	xmlFreeDoc(doc);
	return understood;
}

static int is_x86(const struct dirent *entry)
{
	return strncmp(entry->d_name, "x86_", 4) == 0 && !strstr(entry->d_name, "cpushim");
}

static bool read_files(struct oracle *o, const char *dir, bool models)
{
	struct dirent **entry = NULL;
	int n = scandir(dir, &entry, is_x86, alphasort);
	bool understood = true;

	if (n <= 0)
		die("%s: %s", dir, n < 0 ? strerror(errno) : "nothing of x86");
	for (int i = 0; i < n; i++) {
		_cleanup_free_ char *path = NULL;

		if (asprintf(&path, "%s/%s", dir, entry[i]->d_name) < 0)
			die("out of memory");
		understood &= read_file(o, path, models);
		free(entry[i]);
	}
	free(entry);
	return understood;
}

static void read_map(struct oracle *o, const char *dir)
{
	(void)read_files(o, dir, false);
	for (int round = 0; !read_files(o, dir, true); round++)
		if (round == 8)
			die("%s: a model's ancestor isn't there", dir);
}

/* ---- QEMU's own word ---- */

#define CPU0 "/machine/unattached/device[0]"

static json_t *qom_get(const struct oracle *o, const char *cpu)
{
	return ask(o->emulator, (const char *const[]){"-accel", o->accel, "-cpu", cpu, NULL},
		   "{\"execute\": \"qom-get\", \"arguments\": {\"path\": \"" CPU0
		   "\", \"property\": \"feature-words\"}}"
		   "{\"execute\": \"qom-get\", \"arguments\": {\"path\": \"" CPU0
		   "\", \"property\": \"filtered-features\"}}",
		   NULL);
}

static enum reg reg_of(const json_t *word)
{
	const char *name = json_string_value(json_object_get(word, "cpuid-register"));

	return !name || strcmp(name, "EAX") == 0 ? EAX
	       : strcmp(name, "EBX") == 0        ? EBX
	       : strcmp(name, "ECX") == 0        ? ECX
						 : EDX;
}

static uint32_t value_of(const json_t *word, const char *key)
{
	return (uint32_t)json_number_value(json_object_get(word, key));
}

#define MAX_QEMU_WORDS 128

/* Of each bit of QEMU's words: the rounds in which it was asked for. */
struct heard {
	uint32_t in[2][MAX_QEMU_WORDS][32];
};

/* Starts a CPU with those names whose number has this bit set, or clear. */
static void hear(struct oracle *o, struct heard *h, const struct strv *names, unsigned int round,
		 bool set, const json_t *without)
{
	_cleanup_text_ struct text cpu = {0};
	json_t *with;

	text_adds(&cpu, "486");
	for (size_t i = 0; i < names->n; i++)
		if ((i >> round & 1) == set)
			text_addf(&cpu, ",%s=on", names->item[i]);
	with = cpu.failed ? NULL : qom_get(o, cpu.data);
	if (!with || json_array_size(json_array_get(with, 0)) > MAX_QEMU_WORDS)
		die("%s: -cpu %s: doesn't start, or has too many words", o->emulator, cpu.data);
	for (size_t list = 0; list < 2; list++) {
		const json_t *before = json_array_get(without, list);
		size_t i;
		const json_t *w;

		json_array_foreach(json_array_get(with, list), i, w)
		{
			uint32_t more = value_of(w, "features") &
					~value_of(json_array_get(before, i), "features");

			for (unsigned int bit = 0; bit < 32; bit++)
				h->in[set][i][bit] |= (more >> bit & 1) << round;
		}
	}
	json_decref(with);
}

/* QEMU's name means the bit that is asked for with it and never without it. A bit that two names ask for is
 * asked for in both starts of some round. */
static void learn_names(struct oracle *o, const struct strv *names)
{
	static struct heard h;
	json_t *without = qom_get(o, "486");
	unsigned int rounds = 0;
	size_t i;
	const json_t *w;

	for (memset(&h, 0, sizeof(h)); names->n > (size_t)1 << rounds || rounds == 0; rounds++)
		for (int set = 0; set < 2; set++)
			hear(o, &h, names, rounds, set, without);
	json_array_foreach(json_array_get(without, 0), i, w)
	{
		uint32_t leaf = value_of(w, "cpuid-input-eax");

		for (unsigned int bit = 0; bit < 32; bit++) {
			uint32_t number = h.in[1][i][bit];

			/* 0x4000_0000...: the hypervisor's own, no part of a CPU */
			if ((number ^ h.in[0][i][bit]) == (UINT32_C(1) << rounds) - 1 &&
			    !(number & h.in[0][i][bit]) && number < names->n && leaf >> 28 != 4)
				add_name(
					o, names->item[number],
					word_at(o, leaf, value_of(w, "cpuid-input-ecx"), reg_of(w)),
					bit);
		}
	}
	json_decref(without);
}

static bool is_cpuid_flag(const char *word)
{
	return *word && strncmp(word, "vmx-", 4) != 0 && strncmp(word, "kvm", 3) != 0;
}

/* `-cpu help` ends with all names of features that this QEMU has. */
static void read_properties(struct oracle *o)
{
	_cleanup_strv_ struct strv all = {0}, unknown = {0};
	_cleanup_outcome_ struct outcome help;
	char *rest, *word;

	run(&help, (const char *const[]){o->emulator, "-cpu", "help", NULL}, "");
	rest = strstr(help.out.data, "Recognized CPUID flags:");
	if (help.status != 0 || !rest)
		die("%s: -cpu help doesn't tell its features", o->emulator);
	rest += strlen("Recognized CPUID flags:");
	while ((word = strsep(&rest, " \n")))
		if (is_cpuid_flag(word) && (strv_add(&all, word, strlen(word)) < 0 ||
					    (oracle_name(o, word, strlen(word)) < 0 &&
					     strv_add(&unknown, word, strlen(word)) < 0)))
			die("out of memory");
	learn_names(o, &unknown);
	for (size_t i = 0; i < all.n; i++) {
		int name = oracle_name(o, all.item[i], strlen(all.item[i]));

		if (name >= 0 && strcmp(o->name[name].qemu, all.item[i]) == 0)
			o->name[name].known = true;
	}
}

/* What QEMU warns of when everything is asked for isn't offered; the warnings come first, should
 * the accelerator be one that QEMU then dies of. */
static void read_offered(struct oracle *o)
{
	_cleanup_text_ struct text cpu = {0};
	_cleanup_outcome_ struct outcome start = {0};
	json_t *answer;

	/* without pmu QEMU drops some silently */
	text_adds(&cpu, "486,pmu=on");
	for (size_t i = 0; i < o->n_names; i++)
		if (o->name[i].known && !o->name[i].open)
			text_addf(&cpu, ",%s=on", o->name[i].qemu);
	answer = ask(o->emulator, (const char *const[]){"-accel", o->accel, "-cpu", cpu.data, NULL},
		     "", &start);
	if (!answer && !strstr(start.err.data, " [bit "))
		die("%s: doesn't start with all features: %s", o->emulator, start.err.data);
	json_decref(answer);
	for (size_t i = 0; i < o->n_names; i++) {
		_cleanup_free_ char *said = NULL;

		if (asprintf(&said, ".%s [bit", o->name[i].qemu) < 0)
			die("out of memory");
		o->name[i].offered =
			o->name[i].known && !o->name[i].open && !strstr(start.err.data, said);
	}
}

/* ---- QEMU's models ---- */

static int small_number(const json_t *props, const char *name)
{
	return (int)json_number_value(json_object_get(props, name));
}

static void add_base(struct oracle *o, const json_t *model)
{
	const json_t *props = json_object_get(model, "props");
	const char *name = json_string_value(json_object_get(model, "name"));
	const char *vendor = json_string_value(json_object_get(props, "vendor"));
	struct qemu_base *b = &o->base[o->n_bases];

	if (!name || !vendor || o->n_bases == MAX_MODELS)
		return;
	b->name = copy(name);
	(void)snprintf(b->id.vendor, sizeof(b->id.vendor), "%s", vendor);
	b->id.family = small_number(props, "family");
	b->id.model = small_number(props, "model");
	b->id.stepping = small_number(props, "stepping");
	o->n_bases++;
}

/* Every model with its own identity; not host, which is another on each machine. */
static void read_bases(struct oracle *o)
{
	static const char *const none[] = {"-machine", "none,accel=tcg", NULL};
	json_t *list = ask(o->emulator, none, "{\"execute\": \"query-cpu-definitions\"}", NULL);
	_cleanup_text_ struct text commands = {0};
	json_t *answers, *a;
	size_t i;

	json_array_foreach(json_array_get(list, 0), i, a)
	{
		const char *name = json_string_value(json_object_get(a, "name"));

		if (name && strcmp(name, "host") != 0)
			text_addf(&commands,
				  "{\"execute\": \"query-cpu-model-expansion\", \"arguments\": "
				  "{\"type\": \"full\", \"model\": {\"name\": \"%s\"}}}\n",
				  name);
	}
	answers = ask(o->emulator, none, commands.data ? commands.data : "", NULL);
	json_array_foreach(answers, i, a) add_base(o, json_object_get(a, "model"));
	json_decref(list);
	json_decref(answers);
	if (o->n_bases == 0)
		die("%s: has no models", o->emulator);
}

const struct qemu_base *oracle_base(const struct oracle *o, const char *name)
{
	for (size_t i = 0; i < o->n_bases; i++)
		if (strcmp(o->base[i].name, name) == 0)
			return &o->base[i];
	return NULL;
}

/* ---- machine types ---- */

/* The first and the last of `-machine help` that begin so. It lists the newest first
 * (pc-i440fx-7.2,
 * ..., -1.4), older QEMUs too. */
static void add_machines(struct oracle *o, char *help, const char *prefix)
{
	char *first = NULL, *last = NULL, *line, *lines = help;

	while ((line = strsep(&lines, "\n"))) {
		if (strncmp(line, prefix, strlen(prefix)) != 0)
			continue;
		line[strcspn(line, " ")] = '\0';
		first = first ? first : line;
		last = line;
	}
	if (first)
		o->machine[o->n_machines++] = copy(first);
	if (last && last != first)
		o->machine[o->n_machines++] = copy(last);
}

static void read_machines(struct oracle *o)
{
	static const char *const prefix[] = {"pc-i440fx-", "pc-q35-", "microvm"};

	o->machine[o->n_machines++] = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(prefix); i++) {
		_cleanup_outcome_ struct outcome help;

		run(&help, (const char *const[]){o->emulator, "-machine", "help", NULL}, "");
		add_machines(o, help.out.data, prefix[i]);
	}
}

/* ---- what needs what ---- */

bool oracle_computed(const struct qemu_base *b)
{
	return strcmp(b->name, "max") == 0 || strcmp(b->name, "base") == 0;
}

int oracle_need(const struct oracle *o, size_t name, const char *vendor)
{
	static const struct {
		uint32_t leaf;
		const char *feature;
	} needs[] = {{0xd, "xsave"},  {0x12, "sgx"},  {0x14, "intel-pt"}, {0x1e, "amx-tile"},
		     {0x24, "avx10"}, {0x29, "apxf"}, {0x8000000a, "svm"}};

	if (strcmp(o->name[name].name, "syscall") == 0 && strcmp(vendor, "GenuineIntel") == 0)
		return oracle_name(o, "lm", 2);
	for (size_t i = 0; i < ARRAY_SIZE(needs); i++)
		if (o->word[o->name[name].word].leaf == needs[i].leaf)
			return oracle_name(o, needs[i].feature, strlen(needs[i].feature));
	return -1;
}

static void read_host(struct oracle *o)
{
	unsigned int eax, reg[3];

	if (__get_cpuid(0, &eax, &reg[0], &reg[2], &reg[1]))
		memcpy(o->host_vendor, reg, sizeof(reg));
}

void oracle_load(struct oracle *o, const char *map_dir)
{
	read_map(o, map_dir);
	read_properties(o);
	read_offered(o);
	read_bases(o);
	read_machines(o);
	read_host(o);
}
