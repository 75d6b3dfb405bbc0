/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fleetgen FORMAT N PERCENT SEED HOST...: N hosts on standard output, one behind the other, made of the
 * real ones that the files HOST hold; PERCENT of them lack one or two features more, by chance. FORMAT is
 * dump (as `cpushim host --dump` writes it, with what KVM gives) or cpu (libvirt's <cpu>).
 */
#include <errno.h>

#include "cpumap/core/paths.h"
#include "cpumap/core/util.h"
#include "cpumap/fleet/dump.h"
#include "cpumap/fleet/kvmgives.h"
#include "cpumap/fleet/read.h"
#include "cpumap/libvirt/libvirtmap.h"

static struct host *all;
static size_t n_hosts;
static struct libvirtmap map;

static int take(struct host *h, void *data)
{
	struct host *grown = reallocarray(all, n_hosts + 1, sizeof(*all));

	(void)data;
	if (!grown)
		return -ENOMEM;
	all = grown;
	all[n_hosts++] = *h;
	*h = HOST_UNKNOWN;
	return 0;
}

static uint64_t random_next(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *state >> 33;
}

/* ---- a dump ---- */

static uint32_t word_of(const char *text, size_t at)
{
	uint32_t word = 0;

	for (size_t i = 0; i < 4; i++)
		word |= (uint32_t)(unsigned char)(strlen(text) > at + i ? text[at + i] : ' ')
			<< 8 * i;
	return word;
}

static void add_leaf(struct text *out, uint32_t leaf, uint32_t subleaf, const uint32_t *reg)
{
	text_addf(out, "leaf %08x %08x %08x %08x %08x %08x\n", leaf, subleaf, reg[0], reg[1],
		  reg[2], reg[3]);
}

static uint32_t signature_of(const struct identity *id)
{
	uint32_t family = id->family < 0 ? 6 : (uint32_t)id->family;
	uint32_t model = id->model < 0 ? 0 : (uint32_t)id->model;
	uint32_t low = family > 15 ? 15 : family;

	return (family - low) << 20 | (model >> 4) << 16 | low << 8 | (model & 15) << 4 |
	       (id->stepping < 0 ? 0 : (uint32_t)id->stepping);
}

/* The leaves with the features, and those that say how many there are. */
static void add_leaves(struct text *out, const struct host *h, const struct featset *has)
{
	uint32_t highest[2] = {0, 0x80000008}, reg[4];
	size_t end;

	for (size_t i = 0; i < n_features; i++)
		if (featset_has(has, i) && features[i].leaf < 0x80000000u)
			highest[0] = features[i].leaf > highest[0] ? features[i].leaf : highest[0];
	add_leaf(out, 0, 0,
		 (const uint32_t[]){highest[0] < 7 ? 7 : highest[0], word_of(h->id.vendor, 0),
				    word_of(h->id.vendor, 8), word_of(h->id.vendor, 4)});
	for (size_t i = 0; i < n_features; i = end) {
		const struct feature *f = &features[i];

		memset(reg, 0, sizeof(reg));
		for (end = i;
		     end < n_features && features[end].leaf == f->leaf &&
		     features[end].subleaf == f->subleaf && features[end].kind != FEATURE_MSR;
		     end++)
			if (featset_has(has, end))
				reg[features[end].reg] |= UINT32_C(1) << features[end].bit;
		if (f->kind == FEATURE_MSR || f->leaf >> 28 == 4 || f->leaf >= 0xc0000000u) {
			end = end > i ? end : i + 1;
			continue;
		}
		if (f->leaf == 1)
			reg[0] = signature_of(&h->id);
		if (f->leaf == 7 && f->subleaf == 0)
			reg[0] = 2;
		add_leaf(out, f->leaf, f->subleaf, reg);
	}
	add_leaf(out, 0x80000000, 0, (const uint32_t[]){0x80000022, 0, 0, 0});
	for (uint32_t i = 0; h->brand && i < 3; i++)
		add_leaf(out, 0x80000002 + i, 0,
			 (const uint32_t[]){
				 word_of(h->brand, 16 * i), word_of(h->brand, 16 * i + 4),
				 word_of(h->brand, 16 * i + 8), word_of(h->brand, 16 * i + 12)});
}

static void add_dump(struct text *out, const struct host *h, const struct featset *has, size_t i)
{
	struct host_view cpu = {.has = *has, .known = h->view[HOST_CPU].known}, kvm;
	struct featset lacks;

	kvmgives_view(&kvm, &cpu);
	lacks = kvm.known;
	featset_subtract(&lacks, &kvm.has);
	text_addf(out,
		  DUMP_MAGIC "\nname node%zu.example.org\nkernel 6.1.0-28-amd64\nqemu 7.2.22\n", i);
	text_adds(out, "libvirt 9.0.0\ntsc 2195000000\ntsc-scaling yes\ncpus 0-63\n");
	add_leaves(out, h, has);
	text_adds(out, "kvm has ");
	featset_print(out, &kvm.has, " ");
	text_adds(out, "\nkvm lacks ");
	featset_print(out, &lacks, " ");
	text_adds(out, "\nend\n");
}

/* ---- a <cpu> ---- */

static bool is_part(const struct featset *a, const struct featset *b)
{
	struct featset rest = *a;

	featset_subtract(&rest, b);
	return featset_count(&rest) == 0;
}

/* libvirt's smallest model that the host has, and the rest; Intel's alone, as libvirt refuses vendors
 * that differ. */
static void add_cpu(struct text *out, const struct featset *has)
{
	const struct model *base = NULL;
	struct featset set = *has;

	featset_intersect(&set, &map.features);
	for (size_t i = 0; i < map.models.n; i++)
		if (is_part(&map.models.item[i].features, &set) && !*map.models.item[i].id.vendor &&
		    (!base ||
		     featset_count(&map.models.item[i].features) < featset_count(&base->features)))
			base = &map.models.item[i];
	if (!base)
		return;
	text_addf(out, "<cpu>\n<arch>x86_64</arch>\n<model>%s</model>\n<vendor>Intel</vendor>\n",
		  base->name);
	for (size_t i = 0; i < n_features; i++)
		if (featset_has(&set, i) && !featset_has(&base->features, i))
			text_addf(out, "<feature name='%s'/>\n", features[i].name);
	text_adds(out, "</cpu>\n");
}

/* ---- all ---- */

/* One or two features less. */
static void vary(struct featset *has, uint64_t *state)
{
	for (size_t n = 1 + random_next(state) % 2, tries = 0; n && tries < 2000; tries++) {
		size_t i = random_next(state) % n_features;

		if (featset_has(has, i)) {
			featset_remove(has, i);
			n--;
		}
	}
}

int main(int argc, char **argv)
{
	_cleanup_free_ char *dir = root_path(LIBVIRTMAP_DIR);
	bool cpu = argc > 5 && strcmp(argv[1], "cpu") == 0;
	struct read r = {.take = take};
	struct error err = {0};
	uint64_t state;
	char line[2048];

	if (argc < 6 || !dir || (cpu && libvirtmap_load(&map, dir, LIBVIRTMAP_OURS, NULL) < 0)) {
		fprintf(stderr, "usage: fleetgen dump|cpu N PERCENT SEED HOST...\n");
		return 2;
	}
	for (int i = 5; i < argc; i++)
		if (read_path(&r, argv[i], &err) < 0) {
			error_line(&err, line, sizeof(line));
			fputs(line, stderr);
			return 2;
		}
	state = (uint64_t)atol(argv[4]);
	for (size_t i = 0; i < (size_t)atol(argv[2]); i++) {
		const struct host *h = &all[random_next(&state) % n_hosts];
		struct featset has = h->view[HOST_CPU].has;
		_cleanup_text_ struct text out = {0};

		if (random_next(&state) % 100 < (uint64_t)atol(argv[3]))
			vary(&has, &state);
		if (cpu)
			add_cpu(&out, &has);
		else
			add_dump(&out, h, &has, i);
		if (out.failed || (out.len && fwrite(out.data, 1, out.len, stdout) != out.len))
			return 2;
	}
	return fflush(stdout) == 0 ? 0 : 2;
}
