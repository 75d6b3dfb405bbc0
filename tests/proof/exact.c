/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exact: site models at random, each the whole way: its definition compiled, started through the
 * wrapper on the real QEMU, and what a guest reads by CPUID compared with the definition, bit for
 * bit. What the bits mean is read from libvirt's cpu_map and asked of QEMU here, by nothing of
 * cpushim's (oracle.c). tests/exact starts it, once for each processor.
 */
#include <errno.h>
#include <getopt.h>

#include "judge.h"

#define BATCH 40

struct options {
	const char *root; /* a staged root for this process */
	const char *accel;
	uint64_t seed, models;
	uint64_t share, shares; /* every shares'th model, from number share on */
	uint64_t only;          /* this one alone, if not UINT64_MAX */
};

struct totals {
	size_t n[WRONG + 1];
};

static uint64_t number_of(const char *text)
{
	uint64_t n;

	if (number_parse(text, strlen(text), 10, UINT32_MAX, &n) < 0)
		die("'%s' isn't a number", text);
	return n;
}

static void parse_options(int argc, char **argv, struct options *o)
{
	static const struct option options[] = {
		{"root", required_argument, NULL, 'r'},  {"accel", required_argument, NULL, 'a'},
		{"seed", required_argument, NULL, 's'},  {"models", required_argument, NULL, 'm'},
		{"share", required_argument, NULL, 'i'}, {"shares", required_argument, NULL, 'n'},
		{"only", required_argument, NULL, 'o'},  {0}};
	int opt;

	*o = (struct options){.accel = "tcg", .models = 1, .shares = 1, .only = UINT64_MAX};
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'r')
			o->root = optarg;
		else if (opt == 'a')
			o->accel = optarg;
		else if (opt == 's')
			o->seed = number_of(optarg);
		else if (opt == 'm')
			o->models = number_of(optarg);
		else if (opt == 'i')
			o->share = number_of(optarg);
		else if (opt == 'n')
			o->shares = number_of(optarg);
		else if (opt == 'o')
			o->only = number_of(optarg);
		else
			exit(2);
	}
	if (!o->root || !o->shares || optind != argc)
		die("is started by tests/exact");
}

static char *in_root(const char *root, const char *path)
{
	char *all;

	if (asprintf(&all, "%s%s", root, path) < 0)
		die("out of memory");
	return all;
}

/* The batch's definitions, compiled. Status 1 says that some were refused. */
static void compile(const struct options *o, const struct site *site, size_t n)
{
	_cleanup_free_ char *path = in_root(o->root, "/etc/cpushim/models.d/exact.xml");
	_cleanup_free_ char *command = in_root(o->root, "/usr/bin/cpushim");
	_cleanup_text_ struct text xml = {0};
	_cleanup_outcome_ struct outcome end;
	struct error err = {0};

	text_adds(&xml, "<cpus xmlns:shim='urn:cpushim:1'>\n");
	for (size_t i = 0; i < n; i++)
		text_add(&xml, site[i].xml.data, site[i].xml.len);
	text_adds(&xml, "</cpus>\n");
	if (xml.failed || file_write(path, 0644, xml.data, xml.len, NULL, &err) < 0)
		die("%s: %s", path, err.what);
	if (setenv("CPUSHIM_ROOT", o->root, 1) < 0)
		die("out of memory");
	run(&end, (const char *const[]){command, "compile", NULL}, "");
	if (end.status != 0 && end.status != 1)
		die("compile: %s", end.err.data);
}

static void tell(const struct options *o, const struct site *s, const struct text *why)
{
	printf("wrong: %s, machine %s, %u vCPUs (tests/exact --accel %s --seed %llu --only "
	       "%s)\n%s%s\n",
	       s->name, s->machine ? s->machine : "default", s->cpus, o->accel,
	       (unsigned long long)o->seed, strrchr(s->name, '-') + 1, s->xml.data, why->data);
}

static void judge_batch(const struct options *o, const struct court *c, struct site *site, size_t n,
			struct totals *totals)
{
	compile(o, site, n);
	for (size_t i = 0; i < n; i++) {
		_cleanup_text_ struct text why = {0};
		enum verdict v = judge(c, &site[i], &why);

		totals->n[v]++;
		if (v == WRONG)
			tell(o, &site[i], &why);
		site_free(&site[i]);
	}
}

static void judge_all(const struct options *o, const struct court *c, struct totals *totals)
{
	static struct site site[BATCH];
	size_t n = 0;

	for (uint64_t i = o->share; i < o->models; i += o->shares) {
		if (o->only != UINT64_MAX && i != o->only)
			continue;
		site_make(&site[n++], c->oracle, o->seed, (unsigned int)i);
		if (n == BATCH) {
			judge_batch(o, c, site, n, totals);
			n = 0;
		}
	}
	if (n)
		judge_batch(o, c, site, n, totals);
}

int main(int argc, char **argv)
{
	static struct oracle oracle;
	struct options o;
	struct totals totals = {0};
	struct court court = {.oracle = &oracle};
	_cleanup_free_ char *wrapper = NULL, *guest = NULL, *real = NULL, *map = NULL;

	parse_options(argc, argv, &o);
	wrapper = in_root(o.root, "/usr/bin/qemu-system-x86_64");
	guest = in_root(o.root, "/usr/lib/cpushim/guest");
	real = in_root(o.root, "/usr/bin/qemu-system-x86_64.distrib");
	map = in_root(o.root, "/usr/share/libvirt/cpu_map");
	oracle.emulator = real;
	oracle.accel = o.accel;
	court.wrapper = wrapper;
	court.guest = guest;
	oracle_load(&oracle, map);
	court_open(&court);
	judge_all(&o, &court, &totals);
	if (court.by_words)
		printf("judged by QEMU's feature words: guests read the host's CPU here\n");
	printf("%zu exact, %zu refused and proven, %zu wrong\n", totals.n[EXACT], totals.n[REFUSED],
	       totals.n[WRONG]);
	return totals.n[WRONG] ? 1 : 0;
}
