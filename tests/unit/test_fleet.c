/* SPDX-License-Identifier: Apache-2.0 */
/* A fleet: grouping, what KVM is guessed to give, baselines, costs, splits; each for the same hosts in
 * another order. */
#include "cpumap/core/util.h"
#include "cpumap/fleet/baseline.h"
#include "cpumap/fleet/costs.h"
#include "cpumap/fleet/fit.h"
#include "cpumap/fleet/fleet.h"
#include "cpumap/fleet/kvmgives.h"
#include "cpumap/fleet/split.h"
#include "check.h"

static struct featset set(const char *names)
{
	struct featset s = {0};

	CHECK(featset_parse(&s, names, strlen(names), ' ', NULL) == 0);
	return s;
}

static const char *shown(const struct featset *s)
{
	static char buf[4][4096];
	static unsigned int turn;
	char *b = buf[turn++ % ARRAY_SIZE(buf)];
	_cleanup_text_ struct text t = {0};

	text_adds(&t, "");
	featset_print(&t, s, " ");
	(void)snprintf(b, sizeof(buf[0]), "%s", t.data);
	return b;
}

static int find(const char *name)
{
	return feature_find(name, strlen(name));
}

/* ---- hosts ---- */

/* What a host tells of its CPU: features, and those that it is known to lack; "*": all others. */
struct told {
	const char *name, *vendor, *has, *lacks;
	int family, model;
};

static struct host host_of(const struct told *t)
{
	struct host h = HOST_UNKNOWN;

	h.name = (char *)t->name;
	(void)snprintf(h.id.vendor, sizeof(h.id.vendor), "%s", t->vendor);
	h.id.family = t->family;
	h.id.model = t->model;
	h.view[HOST_CPU].has = set(t->has);
	if (strcmp(t->lacks, "*") == 0)
		for (size_t i = 0; i < n_features; i++)
			featset_add(&h.view[HOST_CPU].known, i);
	else
		h.view[HOST_CPU].known = set(t->lacks);
	featset_union(&h.view[HOST_CPU].known, &h.view[HOST_CPU].has);
	return h;
}

static void add_all(struct fleet *f, const struct told *t, size_t n, bool backwards)
{
	for (size_t i = 0; i < n; i++) {
		struct host h = host_of(&t[backwards ? n - 1 - i : i]);

		CHECK(fleet_add(f, &h, NULL) == 0);
	}
}

static const struct told six[] = {
	{"c", "GenuineIntel", "fpu sse lm aes avx", "*", 6, 85},
	{"a", "GenuineIntel", "fpu sse lm aes avx", "*", 6, 79},
	{"b", "GenuineIntel", "fpu sse lm aes avx", "*", 6, 85},
	{"old", "GenuineIntel", "fpu sse lm", "*", 6, 15},
	{"amd", "AuthenticAMD", "fpu sse lm aes sse4a", "*", 23, 1},
	{"vague", "GenuineIntel", "fpu sse lm", "avx sse4a", 6, 60},
};

static void test_rows(void)
{
	for (int turn = 0; turn < 2; turn++) {
		_cleanup_fleet_ struct fleet f = {0};
		_cleanup_fleet_rows_ struct fleet_rows r = {0};
		size_t n = 0;

		add_all(&f, six, ARRAY_SIZE(six), turn);
		CHECK(f.n_hosts == 6 && f.n_groups == 4);
		CHECK(fleet_accel(&f) == HOST_CPU);
		CHECK(fleet_doubled(&f, &n) == NULL);
		CHECK(fleet_rows(&r, &f, HOST_CPU, NULL) == 0);
		CHECK(r.n == 4 && r.n_hosts == 6 && r.n_silent == 0 && r.n_guessed == 0);
		/* the most hosts first, by name; then the most features */
		CHECK(r.row[0].n == 3);
		CHECK_STR(fleet_text(&f, r.host[r.row[0].first]->name), "a");
		CHECK_STR(fleet_text(&f, r.host[r.row[0].first + 2]->name), "c");
		CHECK_STR(r.row[1].vendor, "AuthenticAMD");
		CHECK(featset_count(&r.row[1].view.has) == 5);
	}
}

static void test_names(void)
{
	static const struct told twins[] = {{"x", "", "fpu", "*", 6, 1},
					    {"y", "", "fpu", "*", 6, 1},
					    {"x", "", "sse", "*", 6, 1},
					    {"y", "", "mmx", "*", 6, 1},
					    {"y", "", "fpu", "*", 6, 1}};
	_cleanup_fleet_ struct fleet f = {0};
	size_t n = 0;

	add_all(&f, twins, ARRAY_SIZE(twins), false);
	CHECK_STR(fleet_doubled(&f, &n), "x");
	CHECK(n == 2);
}

/* So many that every table grows, and each host different from the others. */
static void test_many(void)
{
	_cleanup_fleet_ struct fleet f = {0};
	_cleanup_fleet_rows_ struct fleet_rows r = {0};
	size_t n = 5000;

	for (size_t i = 0; i < 2 * n; i++) {
		struct host h = HOST_UNKNOWN;
		char name[32];

		(void)snprintf(name, sizeof(name), "host-%zu", i);
		h.name = name;
		h.brand = (char *)(i % 3 ? "Some CPU" : "Another CPU");
		h.view[HOST_KVM].known.word[0] = UINT64_MAX;
		h.view[HOST_KVM].has.word[0] = i % n + 1;
		CHECK(fleet_add(&f, &h, NULL) == 0);
	}
	CHECK(f.n_groups == n && f.n_hosts == 2 * n && f.texts.n == 2 * n + 2);
	CHECK(fleet_accel(&f) == HOST_KVM);
	CHECK(fleet_rows(&r, &f, HOST_KVM, NULL) == 0);
	CHECK(r.n == n && r.n_hosts == 2 * n);
	for (size_t i = 0; i < r.n; i++)
		CHECK(r.row[i].n == 2);
}

static void test_brand(void)
{
	static const char *const brands[] = {"B", "A", NULL, "C", "C", "A"};
	_cleanup_fleet_ struct fleet f = {0};
	_cleanup_fleet_rows_ struct fleet_rows r = {0};
	struct fleet_brand brand;

	for (size_t i = 0; i < ARRAY_SIZE(brands); i++) {
		struct host h = host_of(&six[0]);

		h.brand = (char *)brands[i];
		CHECK(fleet_add(&f, &h, NULL) == 0);
	}
	CHECK(fleet_rows(&r, &f, HOST_CPU, NULL) == 0 && r.n == 1);
	brand = fleet_row_brand(&r, &r.row[0]);
	CHECK_STR(brand.name, "A");
	CHECK(brand.others == 2);
}

/* ---- KVM ---- */

static void test_guess(void)
{
	struct host h = host_of(
		&(struct told){"h", "GenuineIntel", "fpu monitor vmx pni spec-ctrl", "*", 6, 1});
	struct host_view kvm;
	struct featset never;

	kvmgives_never(&never);
	CHECK(featset_count(&never) == 33);
	kvmgives_view(&kvm, &h.view[HOST_CPU]);
	CHECK_STR(shown(&kvm.has), "arat fpu pni spec-ctrl tsc-deadline tsc_adjust x2apic");
	/* never, whatever the CPU has; known to be absent */
	CHECK(featset_has(&kvm.known, (size_t)find("monitor")));
	CHECK(featset_has(&kvm.known, (size_t)find("avx")));
	/* it may be withheld, or synthesized */
	CHECK(!featset_has(&kvm.known, (size_t)find("vmx")));
	CHECK(!featset_has(&kvm.known, (size_t)find("ibpb")));
	CHECK(!featset_has(&kvm.known, (size_t)find("vmx-ept")));
	/* without the CPU nobody needs to ask */
	CHECK(featset_has(&kvm.known, (size_t)find("svm")));
}

/* A host that tells of KVM is taken at its word, one that doesn't by its CPU. */
static void test_mixed(void)
{
	_cleanup_fleet_ struct fleet f = {0};
	_cleanup_fleet_rows_ struct fleet_rows r = {0};
	struct host asked = host_of(&six[0]), guessed = host_of(&six[0]), silent = HOST_UNKNOWN;

	asked.name = (char *)"asked";
	asked.view[HOST_KVM].has = set("fpu vmx");
	asked.view[HOST_KVM].known = set("fpu vmx aes");
	silent.name = (char *)"silent";
	CHECK(fleet_add(&f, &guessed, NULL) == 0);
	CHECK(fleet_add(&f, &silent, NULL) == 0);
	CHECK(fleet_accel(&f) == HOST_CPU);
	CHECK(fleet_add(&f, &asked, NULL) == 0);
	CHECK(fleet_accel(&f) == HOST_KVM);
	CHECK(fleet_rows(&r, &f, HOST_KVM, NULL) == 0);
	CHECK(r.n == 3 && r.n_guessed == 1 && r.n_silent == 1);
	fleet_rows_free(&r);
	CHECK(fleet_rows(&r, &f, HOST_TCG, NULL) == 0);
	CHECK(r.n_silent == 3);
}

/* ---- baseline ---- */

static void test_baseline(void)
{
	for (int turn = 0; turn < 2; turn++) {
		_cleanup_fleet_ struct fleet f = {0};
		_cleanup_fleet_rows_ struct fleet_rows r = {0};
		_cleanup_baseline_ struct baseline b = {0};
		_cleanup_costs_ struct costs c = {0};

		add_all(&f, six, ARRAY_SIZE(six), turn);
		CHECK(fleet_rows(&r, &f, HOST_CPU, NULL) == 0);
		CHECK(baseline_find(&b, &r, &(struct baseline_wish){.name = "n"}, NULL) == 0);
		CHECK_STR(shown(&b.model.features), "fpu lm sse");
		/* vague doesn't tell of aes, but old lacks it */
		CHECK(featset_count(&b.unknown) == 0);
		CHECK(b.has[find("aes")] == 4 && b.unknown_hosts[find("aes")] == 1);
		CHECK_STR(b.vendor, "");
		CHECK_STR(b.model.id.vendor, "");
		CHECK(b.model.id.family == -1);
		CHECK_STR(b.model.base, "kvm64");
		CHECK(costs_find(&c, &b, NULL) == 0);
		/* aes: old and vague; avx: those and amd; sse4a: all but amd */
		CHECK(c.n == 3 && c.n_gains == 0);
		CHECK_STR(shown(&c.cost[0].features), "aes");
		CHECK(c.cost[0].n_hosts == 2 && c.cost[0].n_rows == 2);
		CHECK_STR(shown(&c.cost[2].features), "sse4a");
		CHECK(c.cost[2].n_hosts == 5);
	}
}

/* What one row alone costs. */
static void test_gains(void)
{
	static const struct told hosts[] = {
		{"a", "GenuineIntel", "fpu sse lm aes avx syscall", "*", 6, 85},
		{"b", "GenuineIntel", "fpu sse lm syscall", "*", 6, 15},
		{"c", "GenuineIntel", "fpu sse lm aes avx", "aes", 6, 60}};
	_cleanup_fleet_ struct fleet f = {0};
	_cleanup_fleet_rows_ struct fleet_rows r = {0};
	_cleanup_baseline_ struct baseline b = {0};
	_cleanup_costs_ struct costs c = {0};

	add_all(&f, hosts, ARRAY_SIZE(hosts), false);
	CHECK(fleet_rows(&r, &f, HOST_CPU, NULL) == 0);
	CHECK(baseline_find(&b, &r, &(struct baseline_wish){.name = "n"}, NULL) == 0);
	CHECK_STR(shown(&b.model.features), "fpu lm sse");
	CHECK_STR(shown(&b.unknown), "syscall");
	CHECK(b.unknown_hosts[find("syscall")] == 1);
	/* all are Intel's: the oldest of them */
	CHECK_STR(b.model.id.vendor, "GenuineIntel");
	CHECK(b.model.id.family == 6 && b.model.id.model == 15);
	CHECK(costs_find(&c, &b, NULL) == 0);
	CHECK(c.n_gains == 2);
	CHECK_STR(shown(&c.gain[0].features), "aes avx");
	CHECK_STR(fleet_text(&f, r.host[r.row[c.gain[0].row].first]->name), "b");
	CHECK_STR(shown(&c.gain[1].features), "syscall");
	CHECK(costs_has_row(&c.cost[0], &r.row[c.cost[0].row]));
}

/* What no definition should have. */
static void test_left(void)
{
	static const struct told hosts[] = {
		{"a", "AuthenticAMD", "fpu hypervisor monitor invtsc cmt rdctl-no xsaveopt syscall",
		 "*", 23, 1}};
	_cleanup_fleet_ struct fleet f = {0};
	_cleanup_fleet_rows_ struct fleet_rows r = {0};
	_cleanup_baseline_ struct baseline b = {0}, none = {0};

	add_all(&f, hosts, ARRAY_SIZE(hosts), false);
	CHECK(fleet_rows(&r, &f, HOST_CPU, NULL) == 0);
	CHECK(baseline_find(&b, &r, &(struct baseline_wish){.name = "n"}, NULL) == 0);
	CHECK(featset_count(&b.common) == 8);
	CHECK_STR(shown(&b.model.features), "fpu");
	CHECK_STR(shown(&b.left[LEFT_OTHER]), "hypervisor");
	CHECK_STR(shown(&b.left[LEFT_MSR]), "rdctl-no");
	CHECK_STR(shown(&b.left[LEFT_QEMU]), "cmt");
	CHECK_STR(shown(&b.left[LEFT_KVM]), "monitor");
	CHECK_STR(shown(&b.left[LEFT_STAYS]), "invtsc");
	/* xsaveopt without xsave, syscall without lm */
	CHECK_STR(shown(&b.left[LEFT_UNSEEN]), "syscall xsaveopt");
	CHECK_STR(b.model.id.vendor, "AuthenticAMD");
	CHECK(baseline_find(&none, &r, &(struct baseline_wish){.name = "n", .vendor = ""}, NULL) ==
	      0);
	CHECK_STR(none.model.id.vendor, "");
	CHECK(none.model.id.family == -1);
}

/* Another vendor than the hosts' has no signature of theirs; AMD's then isn't an Intel's. */
static void test_vendor(void)
{
	static const struct told hosts[] = {{"a", "GenuineIntel", "fpu", "*", 6, 85}};
	_cleanup_fleet_ struct fleet f = {0};
	_cleanup_fleet_rows_ struct fleet_rows r = {0};
	_cleanup_baseline_ struct baseline b = {0};

	add_all(&f, hosts, ARRAY_SIZE(hosts), false);
	CHECK(fleet_rows(&r, &f, HOST_CPU, NULL) == 0);
	CHECK(baseline_find(&b, &r, &(struct baseline_wish){.name = "n", .vendor = "AuthenticAMD"},
			    NULL) == 0);
	CHECK_STR(b.model.id.vendor, "AuthenticAMD");
	CHECK(b.model.id.family == 15 && b.model.id.model == 107);
}

/* The family decides which host is the oldest, then the model. */
static void test_oldest(void)
{
	static const struct told hosts[] = {{"a", "AuthenticAMD", "fpu", "*", 25, 1},
					    {"b", "AuthenticAMD", "fpu", "*", 23, 49},
					    {"c", "AuthenticAMD", "fpu", "*", 25, 80},
					    {"d", "AuthenticAMD", "fpu", "*", 23, 113}};

	for (int backwards = 0; backwards < 2; backwards++) {
		_cleanup_fleet_ struct fleet f = {0};
		_cleanup_fleet_rows_ struct fleet_rows r = {0};
		_cleanup_baseline_ struct baseline b = {0};

		add_all(&f, hosts, ARRAY_SIZE(hosts), backwards);
		CHECK(fleet_rows(&r, &f, HOST_CPU, NULL) == 0);
		CHECK(baseline_find(&b, &r, &(struct baseline_wish){.name = "n"}, NULL) == 0);
		CHECK(b.model.id.family == 23 && b.model.id.model == 49);
	}
}

/* ---- splits ---- */

static uint64_t random_next(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *state >> 33;
}

#define FEW 7 /* rows whose every partition is tried */

static struct featset shared(const struct fleet_rows *r, const struct featset *possible,
			     unsigned int members)
{
	struct featset s = *possible;

	for (size_t i = 0; i < r->n; i++)
		if (members >> i & 1)
			featset_intersect(&s, &r->row[i].view.has);
	return s;
}

static size_t hosts_of(const struct fleet_rows *r, unsigned int members)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++)
		n += members >> i & 1 ? r->row[i].n : 0;
	return n;
}

/* Features summed over hosts, of the best two models that there are. */
static size_t best_of_two(const struct fleet_rows *r, const struct featset *possible)
{
	size_t best = 0;

	for (unsigned int a = 1; a < (1u << r->n) - 1; a++) {
		unsigned int b = ((1u << r->n) - 1) & ~a;
		struct featset x = shared(r, possible, a), y = shared(r, possible, b);
		size_t sum =
			featset_count(&x) * hosts_of(r, a) + featset_count(&y) * hosts_of(r, b);

		best = sum > best ? sum : best;
	}
	return best;
}

static size_t value_of(const struct split *s)
{
	size_t sum = 0;

	for (size_t i = 0; i < s->n; i++)
		sum += featset_count(&s->part[i].features) * s->part[i].n_hosts;
	return sum;
}

/* Random fleets that are alike in part, as generations of CPUs are. */
static void fill(struct fleet *f, uint64_t *state)
{
	static const char *const names[] = {"fpu",    "sse",    "sse2",  "pni",  "ssse3", "cx16",
					    "popcnt", "aes",    "avx",   "avx2", "bmi1",  "bmi2",
					    "movbe",  "fma",    "adx",   "erms", "smep",  "smap",
					    "rdseed", "rdrand", "sha-ni"};

	for (size_t i = 0; i < FEW; i++) {
		size_t n = 1 + random_next(state) % 4,
		       some = random_next(state) % ARRAY_SIZE(names);
		struct told t = {"h", "GenuineIntel", "", "*", 6, 1};
		struct host h = host_of(&t);

		for (size_t k = 0; k < ARRAY_SIZE(names); k++)
			if (k < some || random_next(state) % 4 == 0)
				featset_add(&h.view[HOST_CPU].has, (size_t)find(names[k]));
		for (size_t k = 0; k < n; k++)
			CHECK(fleet_add(f, &h, NULL) == 0);
	}
}

static void test_split(void)
{
	uint64_t state = 1;
	size_t best = 0, total = 0, got = 0, possible = 0;

	for (int turn = 0; turn < 300; turn++) {
		_cleanup_fleet_ struct fleet f = {0};
		_cleanup_fleet_rows_ struct fleet_rows r = {0};
		_cleanup_baseline_ struct baseline b = {0};
		struct split two, three;
		size_t value, most;

		fill(&f, &state);
		CHECK(fleet_rows(&r, &f, HOST_CPU, NULL) == 0);
		CHECK(baseline_find(&b, &r, &(struct baseline_wish){.name = "n"}, NULL) == 0);
		CHECK(split_find(&two, &b, 2, NULL) == 0);
		CHECK(split_find(&three, &b, 3, NULL) == 0);
		if (r.n < 3)
			continue;
		value = value_of(&two);
		most = best_of_two(&r, &b.possible);
		CHECK(value <= most && value_of(&three) >= value);
		CHECK(two.part[0].n_hosts + two.part[1].n_hosts == r.n_hosts);
		/* the last one runs everywhere if it is part of the first */
		CHECK(two.part[1].n_run >= two.part[1].n_hosts);
		best += value == most;
		total++;
		got += value;
		possible += most;
	}
	printf("two models: the best in %zu of %zu fleets, %.1f %% of the features in sum\n", best,
	       total, 100.0 * (double)got / (double)possible);
	CHECK(total > 200 && best * 100 >= total * 60 && got * 100 >= possible * 97);
}

/* ---- fits ---- */

static const struct fit *fit_of(const struct fits *fits, const struct fleet *f, const char *name)
{
	for (size_t i = 0; i < fits->n; i++)
		for (size_t k = 0; k < fits->item[i].n; k++)
			if (strcmp(fleet_text(f, fits->item[i].host[k]->name), name) == 0)
				return &fits->item[i];
	return NULL;
}

static void test_fits(void)
{
	for (int turn = 0; turn < 2; turn++) {
		_cleanup_fleet_ struct fleet f = {0};
		_cleanup_fleet_rows_ struct fleet_rows r = {0};
		_cleanup_fits_ struct fits fits = {0};
		struct fit_wish wish = {.needs = set("fpu aes")};

		add_all(&f, six, ARRAY_SIZE(six), turn);
		CHECK(fleet_rows(&r, &f, HOST_CPU, NULL) == 0);
		CHECK(fits_find(&fits, &r, &wish, NULL) == 0);
		CHECK(fits.count[FIT_YES] == 4 && fits.count[FIT_NO] == 1 &&
		      fits.count[FIT_UNKNOWN] == 1 && fits.n == 3);
		CHECK(fits.item[0].verdict == FIT_NO && fits.item[2].verdict == FIT_YES);
		CHECK_STR(shown(&fit_of(&fits, &f, "old")->why.lacks), "aes");
		CHECK_STR(shown(&fit_of(&fits, &f, "vague")->why.unknown), "aes");
		CHECK(fit_of(&fits, &f, "a") == fit_of(&fits, &f, "amd"));
		CHECK_STR(fleet_text(&f, fits.item[2].host[0]->name), "a");
		fits_free(&fits);
		/* forbidden, and another vendor */
		wish = (struct fit_wish){.forbids = set("sse4a"), .vendor = "GenuineIntel"};
		CHECK(fits_find(&fits, &r, &wish, NULL) == 0);
		CHECK_STR(shown(&fit_of(&fits, &f, "amd")->why.has), "sse4a");
		CHECK(fit_of(&fits, &f, "amd")->why.vendor);
		CHECK(fits.count[FIT_YES] == 5);
	}
}

/* What isn't the same for all hosts with the same features. */
static void test_own_facts(void)
{
	static const struct {
		const char *name;
		uint64_t tsc_hz;
		int scaling;
		unsigned int physbits;
		enum fit_verdict verdict;
	} hosts[] = {
		{"same", 2000000000, 0, 46, FIT_YES},
		{"near", 2000400000, 0, 46, FIT_YES},
		{"far", 2001000000, 0, 46, FIT_NO},
		/* 250 in 1000000 of both are 500125 Hz */
		{"edge", 2000500124, 0, 46, FIT_YES},
		{"beyond", 2000500126, 0, 46, FIT_NO},
		{"scales", 2600000000, 1, 46, FIT_YES},
		{"perhaps", 2600000000, -1, 46, FIT_UNKNOWN},
		{"untold", 0, 0, 46, FIT_UNKNOWN},
		{"narrow", 2000000000, 0, 40, FIT_NO},
		{"bits", 2000000000, 0, 0, FIT_UNKNOWN},
	};
	_cleanup_fleet_ struct fleet f = {0};
	_cleanup_fleet_rows_ struct fleet_rows r = {0};
	_cleanup_fits_ struct fits fits = {0};
	struct fit_wish wish = {.needs = set("fpu"), .physbits = 42, .tsc_hz = 2000000000};

	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
		struct host h = host_of(&six[0]);

		h.name = (char *)hosts[i].name;
		h.tsc_hz = hosts[i].tsc_hz;
		h.tsc_scaling = hosts[i].scaling;
		h.physbits = hosts[i].physbits;
		CHECK(fleet_add(&f, &h, NULL) == 0);
	}
	CHECK(f.n_groups == 1);
	CHECK(fleet_rows(&r, &f, HOST_CPU, NULL) == 0);
	CHECK(fits_find(&fits, &r, &wish, NULL) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++)
		if (!CHECK(fit_of(&fits, &f, hosts[i].name)->verdict == hosts[i].verdict))
			printf("  %s\n", hosts[i].name);
}

int main(void)
{
	test_rows();
	test_names();
	test_many();
	test_brand();
	test_guess();
	test_mixed();
	test_baseline();
	test_gains();
	test_left();
	test_vendor();
	test_oldest();
	test_split();
	test_fits();
	test_own_facts();
	return check_done();
}
