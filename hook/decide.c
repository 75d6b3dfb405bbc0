/* SPDX-License-Identifier: Apache-2.0 */
#include "decide.h"

#include "cpumap/cpuarg.h"

static void __attribute__((format(printf, 2, 3)))
because(struct strv *reasons, const char *fmt, ...)
{
	_cleanup_free_ char *line = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&line, fmt, ap);
	va_end(ap);
	if (n < 0) {
		line = NULL;
		(void)strv_add(reasons, "out of memory", strlen("out of memory"));
		return;
	}
	(void)strv_add(reasons, line, strlen(line));
}

static void names_of(struct text *out, const struct featset *set)
{
	text_adds(out, "");
	featset_print(out, set, " ");
}

static void check_emulator(const struct facts *f, struct strv *reasons)
{
	if (!f->emulator)
		return;
	if (!f->wrapper)
		because(reasons,
			"its emulator %s isn't cpushim's wrapper, so QEMU wouldn't know the model; "
			"install cpushim (install.sh), or use the emulator of the table",
			f->emulator);
	else if (!table_has_emulator(f->table, f->emulator))
		because(reasons,
			"the table has no models for its emulator %s; `cpushim compile --emulator "
			"%s`",
			f->emulator, f->emulator);
}

static void check_policies(const struct domain *d, struct strv *reasons)
{
	static const char *const known[] = {"require", "optional", "disable", "forbid", "force"};

	for (size_t i = 0; i + 1 < d->own.n; i += 2) {
		bool found = false;

		for (size_t p = 0; p < ARRAY_SIZE(known); p++)
			found |= strcmp(known[p], d->own.item[i + 1]) == 0;
		if (!found)
			because(reasons, "its feature '%s' has an unknown policy '%s'",
				d->own.item[i], d->own.item[i + 1]);
	}
}

/* What libvirt itself leaves out where the host lacks it. */
static void subtract_optional(struct featset *set, const struct domain *d)
{
	for (size_t i = 0; i + 1 < d->own.n; i += 2) {
		int f = feature_find(d->own.item[i], strlen(d->own.item[i]));

		if (f >= 0 && strcmp(d->own.item[i + 1], "optional") == 0)
			featset_remove(set, (size_t)f);
	}
}

/* What the accelerator can't give of what the guest is to have. */
static void check_features(const struct domain *d, const struct facts *f, struct strv *reasons)
{
	_cleanup_text_ struct text names = {0};
	struct featset lacks, own_on, own_off;
	const char *source = d->kvm ? f->row->features : f->row->tcg_lacks;

	if ((d->kvm && !f->kvm) || featset_parse(&lacks, source, strlen(source), ',', NULL) < 0)
		return;
	domain_own(d, &own_on, &own_off);
	if (d->kvm)
		featset_subtract(&lacks, f->kvm);
	featset_subtract(&lacks, &own_off);
	subtract_optional(&lacks, d);
	if (featset_count(&lacks) == 0)
		return;
	names_of(&names, &lacks);
	because(reasons, "%s can't provide: %s; choose a model without, or another host",
		d->kvm ? "this host's KVM" : "TCG of this QEMU", names.data ? names.data : "");
}

void decide_request(const struct domain *d, const struct facts *f, struct strv *reasons)
{
	check_emulator(f, reasons);
	check_policies(d, reasons);
	if (d->match && strcmp(d->match, "minimum") == 0)
		because(reasons, "match='minimum' adds what the host has, which isn't the model; "
				 "use match='exact'");
	if (!f->row)
		return;
	if (*f->row->refused)
		because(reasons, "its definition is refused (%s): %s", f->row->origin,
			f->row->refused);
	else
		check_features(d, f, reasons);
}

static bool same_digest(const struct facts *f, const struct record *r, struct strv *reasons)
{
	if (!f->row) {
		because(reasons, "the table has no row for it any more; `cpushim compile`");
		return false;
	}
	if (strcmp(f->row->digest, r->digest) == 0)
		return true;
	because(reasons, "its definition changed while the domain was starting; start it again");
	return false;
}

/* Features that libvirt added beyond the request and that contradict the definition. */
static void check_additions(const struct domain *d, const struct facts *f, const struct record *r,
			    struct strv *reasons)
{
	struct featset has;

	if (featset_parse(&has, f->row->features, strlen(f->row->features), ',', NULL) < 0)
		return;
	for (size_t i = 0; i + 1 < d->own.n; i += 2) {
		const char *name = d->own.item[i], *policy = d->own.item[i + 1];
		bool off = strcmp(policy, "disable") == 0 || strcmp(policy, "forbid") == 0;
		int k = feature_find(name, strlen(name));

		if (k < 0 || features[k].kind != FEATURE_CPUID)
			continue;
		if (featset_has(&r->on, (size_t)k) || featset_has(&r->off, (size_t)k) ||
		    featset_has(&has, (size_t)k) == !off)
			continue;
		because(reasons,
			"libvirt added feature '%s' (%s), which neither the domain nor the model "
			"has",
			name, policy);
	}
}

void decide_start(const struct domain *d, const struct facts *f, const struct record *r,
		  struct strv *reasons)
{
	if (!d->model || strcmp(d->model, r->model) != 0)
		because(reasons,
			"libvirt doesn't pass it on but translates it to '%s': it doesn't know "
			"that QEMU has the model; restart libvirt, or `touch` the emulator and "
			"restart libvirt",
			d->model ? d->model : "nothing");
	else if (same_digest(f, r, reasons))
		check_additions(d, f, r, reasons);
}

/* The expansion as this domain gets it: a vendor of its own is its own affair. */
static void expected(struct text *out, const struct facts *f, const struct record *r)
{
	_cleanup_text_ struct text props = {0};

	text_adds(&props, "");
	if (*r->vendor)
		text_addf(&props, ",vendor=%s", r->vendor);
	if (!props.failed)
		cpuarg_merge(out, f->row->cpu, props.data);
}

void decide_started(const char *arg, const struct facts *f, const struct record *r,
		    struct strv *reasons)
{
	_cleanup_text_ struct text want = {0}, why = {0};
	struct featset own = r->on;

	if (!same_digest(f, r, reasons))
		return;
	featset_union(&own, &r->off);
	expected(&want, f, r);
	if (want.failed || !want.data)
		because(reasons, "out of memory");
	else if (!arg)
		because(reasons, "its QEMU was started without -cpu");
	else if (!cpuarg_matches(want.data, arg, &own, &why))
		because(reasons, "its QEMU has another -cpu: %s", why.data ? why.data : "");
}

static void copy(char *to, size_t size, const char *from)
{
	(void)snprintf(to, size, "%s", from ? from : "");
}

void decide_record(const struct domain *d, const struct table_row *row, struct record *r)
{
	*r = (struct record){0};
	copy(r->model, sizeof(r->model), row->model);
	copy(r->digest, sizeof(r->digest), row->digest);
	copy(r->vendor, sizeof(r->vendor), d->vendor_id);
	domain_own(d, &r->on, &r->off);
}
