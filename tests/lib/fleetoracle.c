/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fleetoracle baseline SAMPLES SEED HOST...: random samples of hosts of one vendor, whose common features
 * libvirt (virConnectBaselineCPU of test:///default, expanded) and cpushim find from the same hosts.
 * fleetoracle compare HOST...: each of libvirt's models against each host, by libvirt's own code
 * (virCPUCompareXML, a call that only its drivers use otherwise) and by cpushim.
 *
 * A host goes to libvirt as a <cpu> with the features that both know. Both print what they compared, and
 * exit with 1 if something differs.
 */
#include <dlfcn.h>
#include <errno.h>

#include "cpumap/core/paths.h"
#include "cpumap/fleet/baseline.h"
#include "cpumap/fleet/catalogue.h"
#include "cpumap/fleet/fit.h"
#include "cpumap/fleet/read.h"
#include "cpumap/libvirt/libvirtmap.h"

#define SAMPLE_MAX      8
#define EXPAND_FEATURES 1 /* VIR_CONNECT_BASELINE_CPU_EXPAND_FEATURES */
#define TYPE_HOST       0 /* VIR_CPU_TYPE_HOST, src/conf/cpu_conf.h, 7.0 to 11.3 */
#define INCOMPATIBLE    0 /* VIR_CPU_COMPARE_INCOMPATIBLE */

/* ---- libvirt ---- */

/* An argument more than a release takes does no harm. */
static struct {
	void *(*open)(const char *uri);
	char *(*baseline)(void *conn, const char **cpus, unsigned int n, unsigned int flags);
	const char *(*message)(void);
	int (*arch_of)(const char *name);
	int (*parse)(const char *xml, int type, void **cpu, bool validate);
	int (*compare)(int arch, void *host, const char *xml, bool fail, bool validate);
} libvirt;

static void silence(void *data, void *err)
{
	(void)data;
	(void)err;
}

static bool load_libvirt(void)
{
	void *lib = dlopen("libvirt.so.0", RTLD_NOW);
	void (*handler)(void *, void (*)(void *, void *)) =
		lib ? dlsym(lib, "virSetErrorFunc") : NULL;

	if (!lib)
		return false;
	libvirt.open = dlsym(lib, "virConnectOpen");
	libvirt.baseline = dlsym(lib, "virConnectBaselineCPU");
	libvirt.message = dlsym(lib, "virGetLastErrorMessage");
	libvirt.arch_of = dlsym(lib, "virArchFromString");
	libvirt.parse = dlsym(lib, "virCPUDefParseXMLString");
	libvirt.compare = dlsym(lib, "virCPUCompareXML");
	if (handler)
		handler(NULL, silence);
	return handler && libvirt.open && libvirt.baseline && libvirt.message && libvirt.arch_of &&
	       libvirt.parse && libvirt.compare;
}

/* ---- hosts ---- */

static struct libvirtmap map;

static struct oracle_host {
	struct host host;
	char *xml; /* NULL: no model of the map is part of it */
} * all;
static size_t n_hosts;

static int take(struct host *h, void *data)
{
	struct oracle_host *grown = reallocarray(all, n_hosts + 1, sizeof(*all));

	(void)data;
	if (!grown)
		return -ENOMEM;
	all = grown;
	all[n_hosts++] = (struct oracle_host){.host = *h};
	*h = HOST_UNKNOWN;
	return 0;
}

static struct featset known_features(const struct host *h)
{
	struct featset set = h->view[HOST_CPU].has;

	featset_intersect(&set, &map.features);
	return set;
}

static bool is_part(const struct featset *a, const struct featset *b)
{
	struct featset rest = *a;

	featset_subtract(&rest, b);
	return featset_count(&rest) == 0;
}

/* libvirt's names, where it has one for the vendor. */
static const char *vendor_name(const char *vendor)
{
	for (size_t i = 0; i + 1 < map.vendors.n; i += 2)
		if (strcmp(map.vendors.item[i + 1], vendor) == 0)
			return map.vendors.item[i];
	return NULL;
}

/* The smallest model that the host has, and all its features beside. libvirt refuses a host whose model
 * is of another vendor. */
static char *xml_of(const struct host *h)
{
	struct featset set = known_features(h);
	const char *vendor = vendor_name(h->id.vendor);
	const struct model *base = NULL;
	_cleanup_text_ struct text out = {0};

	for (size_t i = 0; i < map.models.n; i++) {
		const struct model *m = &map.models.item[i];

		if (is_part(&m->features, &set) &&
		    (!*m->id.vendor || strcmp(m->id.vendor, h->id.vendor) == 0) &&
		    (!base || featset_count(&m->features) < featset_count(&base->features)))
			base = m;
	}
	if (!base)
		return NULL;
	text_addf(&out, "<cpu><arch>x86_64</arch><model>%s</model>", base->name);
	if (vendor)
		text_addf(&out, "<vendor>%s</vendor>", vendor);
	for (size_t i = 0; i < n_features; i++)
		if (featset_has(&set, i) && !featset_has(&base->features, i))
			text_addf(&out, "<feature name='%s'/>", features[i].name);
	text_adds(&out, "</cpu>");
	return out.failed ? NULL : steal_pointer(&out.data);
}

static int read_hosts(char **path, int n)
{
	struct error err = {0};
	struct read r = {.take = take};
	char line[2048];

	for (int i = 0; i < n; i++)
		if (read_path(&r, path[i], &err) < 0) {
			error_line(&err, line, sizeof(line));
			fputs(line, stderr);
			return -EINVAL;
		}
	for (size_t i = 0; i < n_hosts; i++)
		all[i].xml = xml_of(&all[i].host);
	return 0;
}

/* ---- baselines ---- */

static uint64_t random_next(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *state >> 33;
}

/* Hosts of the vendor of a random one. */
static size_t choose(const struct oracle_host **sample, uint64_t *state)
{
	size_t n = 1, want = 2 + random_next(state) % (SAMPLE_MAX - 1);

	do
		sample[0] = &all[random_next(state) % n_hosts];
	while (!sample[0]->xml);
	for (size_t tries = 0; n < want && tries < 1000; tries++) {
		const struct oracle_host *h = &all[random_next(state) % n_hosts];

		if (h->xml && strcmp(h->host.id.vendor, sample[0]->host.id.vendor) == 0)
			sample[n++] = h;
	}
	return n;
}

/* The features that libvirt's answer requires. */
static struct featset required(const char *xml)
{
	static const char before[] = "<feature policy='require' name='";
	struct featset set = {0};

	while ((xml = strstr(xml, before))) {
		int f;

		xml += strlen(before);
		f = feature_find(xml, strcspn(xml, "'"));
		if (f >= 0)
			featset_add(&set, (size_t)f);
	}
	return set;
}

static int ask_libvirt(struct featset *set, void *conn, const struct oracle_host *const *sample,
		       size_t n)
{
	const char *cpus[SAMPLE_MAX];
	char *answer;

	for (size_t i = 0; i < n; i++)
		cpus[i] = sample[i]->xml;
	answer = libvirt.baseline(conn, cpus, (unsigned int)n, EXPAND_FEATURES);
	if (!answer)
		return -EINVAL;
	*set = required(answer);
	free(answer);
	return 0;
}

/* Of what both know, and without what libvirt wasn't told for want of knowledge. */
static int ask_cpushim(struct featset *set, const struct oracle_host *const *sample, size_t n)
{
	_cleanup_fleet_ struct fleet f = {0};
	_cleanup_fleet_rows_ struct fleet_rows rows = {0};
	_cleanup_baseline_ struct baseline b = {0};

	for (size_t i = 0; i < n; i++)
		if (fleet_add(&f, &sample[i]->host, NULL) < 0)
			return -ENOMEM;
	if (fleet_rows(&rows, &f, HOST_CPU, NULL) < 0 ||
	    baseline_find(&b, &rows, &(struct baseline_wish){.name = "x"}, NULL) < 0)
		return -ENOMEM;
	*set = b.common;
	featset_intersect(set, &map.features);
	return 0;
}

static void show_set(const char *what, const struct featset *set)
{
	_cleanup_text_ struct text t = {0};

	featset_print(&t, set, " ");
	printf("  %s: %s\n", what, t.data ? t.data : "");
}

static bool same(const struct featset *theirs, const struct featset *ours,
		 const struct oracle_host *const *sample, size_t n)
{
	struct featset a = *theirs, b = *ours;

	if (featset_equal(theirs, ours))
		return true;
	featset_subtract(&a, ours);
	featset_subtract(&b, theirs);
	for (size_t i = 0; i < n; i++)
		printf("%s%s", i ? ", " : "differs: ", sample[i]->host.name);
	printf("\n");
	show_set("libvirt alone", &a);
	show_set("cpushim alone", &b);
	return false;
}

static int compare_baselines(size_t samples, uint64_t state)
{
	void *conn = libvirt.open("test:///default");
	size_t differ = 0, hosts = 0;

	if (!conn) {
		printf("test:///default: %s\n", libvirt.message());
		return 2;
	}
	for (size_t i = 0; i < samples; i++) {
		const struct oracle_host *sample[SAMPLE_MAX];
		size_t n = choose(sample, &state);
		struct featset theirs, ours;

		hosts += n;
		if (ask_libvirt(&theirs, conn, sample, n) < 0) {
			printf("libvirt refuses: %s\n", libvirt.message());
			differ++;
		} else if (ask_cpushim(&ours, sample, n) < 0) {
			return 2;
		} else if (!same(&theirs, &ours, sample, n)) {
			differ++;
		}
	}
	printf("%zu samples of %zu hosts each on average, of %zu: %zu differ\n", samples,
	       hosts / (samples ? samples : 1), n_hosts, differ);
	return differ > 0;
}

/* ---- comparing ---- */

static enum fit_verdict ask_check(const struct oracle_host *h, const struct catalogue_model *m)
{
	_cleanup_fleet_ struct fleet f = {0};
	_cleanup_fleet_rows_ struct fleet_rows rows = {0};
	_cleanup_fits_ struct fits fits = {0};

	if (fleet_add(&f, &h->host, NULL) < 0 || fleet_rows(&rows, &f, HOST_CPU, NULL) < 0 ||
	    fits_find(&fits, &rows, &(struct fit_wish){.needs = m->needs}, NULL) < 0)
		abort();
	return fits.item[0].verdict;
}

static size_t compare_host(const struct oracle_host *h, const struct catalogue *c, size_t *count)
{
	int arch = libvirt.arch_of("x86_64");
	size_t differ = 0;
	void *cpu = NULL;

	if (libvirt.parse(h->xml, TYPE_HOST, &cpu, false) < 0) {
		printf("%s: libvirt doesn't take it: %s\n", h->host.name, libvirt.message());
		return 1;
	}
	for (size_t i = 0; i < c->n; i++) {
		enum fit_verdict ours = ask_check(h, c->item[i]);
		_cleanup_free_ char *xml = NULL;
		int theirs;

		if (asprintf(&xml, "<cpu match='exact'><model>%s</model></cpu>", c->item[i]->name) <
		    0)
			abort();
		theirs = libvirt.compare(arch, cpu, xml, false, false);
		count[ours]++;
		/* libvirt takes for absent what wasn't told */
		if (theirs >= 0 && (theirs == INCOMPATIBLE) == (ours != FIT_YES))
			continue;
		differ++;
		printf("differs: %s on %s: libvirt %d, cpushim %s\n", c->item[i]->name,
		       h->host.name, theirs, fit_verdict_name(ours));
	}
	return differ;
}

static int compare_all(void)
{
	_cleanup_catalogue_ struct catalogue c = {.accel = HOST_CPU, .emulator = EMULATOR_DEFAULT};
	size_t differ = 0, left = 0, count[FIT_YES + 1] = {0};

	if (catalogue_load(&c, CATALOGUE_LIBVIRT, NULL) < 0)
		return 2;
	for (size_t i = 0; i < n_hosts; i++) {
		if (all[i].xml)
			differ += compare_host(&all[i], &c, count);
		else
			left++;
	}
	printf("%zu models on %zu hosts, %zu yes, %zu no, %zu not known: %zu differ; %zu hosts "
	       "lack "
	       "each model\n",
	       c.n, n_hosts - left, count[FIT_YES], count[FIT_NO], count[FIT_UNKNOWN], differ,
	       left);
	return differ > 0;
}

int main(int argc, char **argv)
{
	_cleanup_free_ char *dir = root_path(LIBVIRTMAP_DIR);
	bool baselines = argc > 4 && strcmp(argv[1], "baseline") == 0;

	if (argc < 3 || !dir || libvirtmap_load(&map, dir, LIBVIRTMAP_OURS, NULL) < 0 ||
	    !load_libvirt()) {
		fprintf(stderr, "no libvirt whose calls are known\n");
		return 2;
	}
	if (read_hosts(argv + (baselines ? 4 : 2), argc - (baselines ? 4 : 2)) < 0)
		return 2;
	return baselines ? compare_baselines((size_t)atol(argv[2]), (uint64_t)atol(argv[3]))
			 : compare_all();
}
