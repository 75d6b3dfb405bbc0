/* SPDX-License-Identifier: Apache-2.0 */
#include "decide.h"

#include "cpumap/core/cpuarg.h"
#include "cpumap/core/emulator.h"
#include "cpumap/core/model.h"
#include "cpumap/qemu/kvm.h"
#include "hook/domain/mark.h"

/* what to do with a guest that arrives with another CPU than it asks for */
#define BOOT_ANEW                                                                                  \
	"boot it anew instead of restoring or migrating it (a managed save goes by `virsh "        \
	"managedsave-remove`)"

static void names_of(struct text *out, const struct featset *set)
{
	text_adds(out, "");
	featset_print(out, set, " ");
}

static size_t first_of(const struct featset *set)
{
	size_t i = 0;

	while (i + 1 < n_features && !featset_has(set, i))
		i++;
	return i;
}

static void check_emulator(const struct facts *f, struct reasons *reasons)
{
	if (!f->emulator || f->native)
		return;
	if (!f->wrapper)
		because(reasons, head("not our wrapper"),
			"its emulator %s isn't cpushim's wrapper, so QEMU wouldn't know the model; "
			"`cpushim ready` puts it there, or use the emulator of the table",
			f->emulator);
	else if (!table_has_emulator(f->table, f->emulator))
		because(reasons, head("not compiled"),
			"the table has no models for its emulator %s; `cpushim compile --emulator "
			"%s`",
			f->emulator, f->emulator);
}

static void check_policies(const struct domain *d, struct reasons *reasons)
{
	static const char *const known[] = {"require", "optional", "disable", "forbid", "force"};

	for (size_t i = 0; i + 1 < d->own.n; i += 2) {
		bool found = false;

		for (size_t p = 0; p < ARRAY_SIZE(known); p++)
			found |= strcmp(known[p], d->own.item[i + 1]) == 0;
		if (!found)
			because(reasons, head("unknown policy"),
				"its feature '%s' has an unknown policy '%s'", d->own.item[i],
				d->own.item[i + 1]);
		if (!feature_name_valid(d->own.item[i]))
			because(reasons, head("no such feature"), "'%s' isn't a feature's name",
				d->own.item[i]);
	}
}

void decide_qemu(const struct facts *f, struct reasons *reasons)
{
	if (f->was && model_is_computed(f->row->base))
		because(reasons, head("QEMU changed"),
			"its QEMU isn't the one that the table was made from (%s), and base '%s' "
			"is another CPU with each QEMU; " EMULATOR_COMPILE,
			f->was->version, f->row->base);
}

/* Adds a reason if the accelerator can't give features that the guest needs. What TCG lacks is known
 * of the table's QEMU alone. */
static void check_features(const struct domain *d, const struct facts *f, struct reasons *reasons)
{
	_cleanup_text_ struct text names = {0};
	struct featset lacks;
	struct own own;
	const char *source = d->kvm ? f->row->features : f->row->tcg_lacks;

	if ((d->kvm ? !f->kvm : !!f->was) ||
	    featset_parse(&lacks, source, strlen(source), ',', NULL) < 0)
		return;
	domain_own(d, &own);
	if (d->kvm)
		featset_subtract(&lacks, f->kvm);
	featset_subtract(&lacks, &own.off);
	featset_subtract(&lacks, &own.optional); /* libvirt drops an optional feature that the host
						  * lacks */
	if (featset_count(&lacks) == 0)
		return;
	names_of(&names, &lacks);
	because(reasons,
		head("no %s in %s", features[first_of(&lacks)].name, d->kvm ? "KVM" : "TCG"),
		"%s can't provide: %s; choose a model without, or another host",
		d->kvm ? "this host's KVM" : "TCG of this QEMU", names.data ? names.data : "");
}

/* Adds a reason if the guest would read apic without asking for it: each CPU of several has an APIC in
 * QEMU, and KVM shows it, whatever -cpu says (kvm_update_cpuid_runtime, arch/x86/kvm/cpuid.c; Linux
 * 6.1 and QEMU 7.2 measured). */
static void check_apic(const struct domain *d, const struct facts *f, struct reasons *reasons)
{
	int apic = feature_find("apic", 4);
	struct featset has;
	struct own own;

	if (!d->kvm || d->vcpus < 2 ||
	    featset_parse(&has, f->row->features, strlen(f->row->features), ',', NULL) < 0)
		return;
	domain_own(d, &own);
	featset_subtract(&has, &own.off);
	featset_union(&has, &own.on);
	if (!featset_has(&has, (size_t)apic))
		because(reasons, head("apic in KVM"),
			"KVM shows apic to a guest of several CPUs, and the model has none; "
			"give it one CPU, or a model with apic");
}

/* How a domain's XML switches a paravirtual feature off. libvirt has no name for most of them, so
 * there are three ways. */
static const char *cure_of(const char *feature)
{
	if (strcmp(feature, "kvmclock") == 0)
		return "<timer name='kvmclock' present='no'/> in its <clock>";
	if (strcmp(feature, "kvm-pv-eoi") == 0)
		return "<apic eoi='off'/> in its <features>";
	return "<kvm><hidden state='on'/></kvm> in its <features>";
}

/*
 * Adds a reason if this KVM lacks a paravirtual feature that QEMU adds to every named model:
 * enforce insists on it, though it is no part of the definition. If this KVM reports no such
 * feature at all QEMU asks in another way (get_para_features, target/i386/kvm/kvm.c), and nothing
 * is refused here. Nor is it with a base that isn't one of QEMU's named models.
 */
static void check_paravirtual(const struct domain *d, const struct facts *f,
			      struct reasons *reasons)
{
	struct featset lacks, offered;
	struct own own;

	kvm_defaults(&lacks);
	offered = lacks;
	if (!d->kvm || !f->kvm || d->kvm_hidden || strcmp(f->row->base, "max") == 0)
		return;
	featset_intersect(&offered, f->kvm);
	if (featset_count(&offered) == 0)
		return;
	domain_own(d, &own);
	featset_subtract(&lacks, f->kvm);
	featset_subtract(&lacks, &own.off);
	featset_subtract(&lacks, &own.optional);
	featset_subtract(&lacks, &d->pv_off);
	for (size_t i = 0; i < n_features; i++)
		if (featset_has(&lacks, i))
			because(reasons, head("no %s in KVM", features[i].name),
				"this host's KVM lacks %s, which QEMU adds to every model, so that "
				"enforce refuses it, though it is no part of the model; leave it "
				"out by %s, or, where libvirt knows that name, "
				"<feature policy='disable' name='%s'/> in its <cpu>",
				features[i].name, cure_of(features[i].name), features[i].name);
}

/* Does QEMU set the feature itself (hypervisor, ht and the like)? Paravirtual features don't count:
 * only KVM has them. */
static bool comes_by_itself(const struct feature *f)
{
	return f->kind == FEATURE_OTHER && f->leaf >> 28 != 4;
}

/* Would nothing change without this feature of the domain? */
static bool is_needless(const char *name, const char *policy, const struct featset *model)
{
	int k = feature_find(name, strlen(name));

	if (strcmp(policy, "optional") == 0)
		return true;
	if (k >= 0 && features[k].kind == FEATURE_CPUID)
		return featset_has(model, (size_t)k) == !policy_is_off(policy);
	return k >= 0 && comes_by_itself(&features[k]) && !policy_is_off(policy);
}

/* libvirt 1.2.10 (445a09bdc) to 2.2 passes a TCG domain's model on without the domain's features
 * (featCpu = guest in qemuBuildCpuModelArgStr, src/qemu/qemu_command.c, 1.3.1); 2.3 (7ce711a30e)
 * passes them.  */
static void check_dropped(const struct domain *d, const struct facts *f, struct reasons *reasons)
{
	_cleanup_text_ struct text names = {0};
	const char *first = NULL;
	struct featset model;

	if (d->kvm || f->libvirt < LIBVIRT_RELEASE(1, 2, 10) ||
	    f->libvirt >= LIBVIRT_RELEASE(2, 3, 0) ||
	    featset_parse(&model, f->row->features, strlen(f->row->features), ',', NULL) < 0)
		return;
	for (size_t i = 0; i + 1 < d->own.n; i += 2) {
		if (is_needless(d->own.item[i], d->own.item[i + 1], &model))
			continue;
		text_addf(&names, "%s%s", first ? " " : "", d->own.item[i]);
		first = first ? first : d->own.item[i];
	}
	if (names.data)
		because(reasons, head("%s is dropped", first),
			"libvirt %lu.%lu.%lu drops a TCG domain's own features: %s; define a model "
			"of its own with them (in /etc/cpushim/models.d), and use that",
			f->libvirt / 1000000, f->libvirt / 1000 % 1000, f->libvirt % 1000,
			names.data);
}

void decide_request(const struct domain *d, const struct facts *f, struct reasons *reasons)
{
	check_emulator(f, reasons);
	check_policies(d, reasons);
	if (d->match && strcmp(d->match, "minimum") == 0)
		because(reasons, head("match='minimum'"),
			"match='minimum' adds what the host has, which isn't the model; "
			"use match='exact'");
	if (!f->row)
		return;
	if (*f->row->refused) {
		because(reasons, head("bad definition"), "its definition is refused (%s): %s",
			f->row->origin, f->row->refused);
	} else {
		decide_qemu(f, reasons);
		check_features(d, f, reasons);
		check_apic(d, f, reasons);
		/* without enforce QEMU drops the ones that KVM lacks */
		if (!f->native)
			check_paravirtual(d, f, reasons);
		check_dropped(d, f, reasons);
	}
}

bool decide_same(const struct facts *f, const struct record *r, struct reasons *reasons)
{
	if (!f->row) {
		because(reasons, head("not in table"),
			"the table has no row for it any more; `cpushim compile`");
		return false;
	}
	if (strcmp(f->row->digest, r->digest) == 0)
		return true;
	because(reasons, head("was redefined"),
		"its definition changed while the domain was starting; start it again");
	return false;
}

static const char *or_nothing(const char *s)
{
	return s && *s ? s : "nothing";
}

static bool list_has(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = list; *at; at += strcspn(at, ",") + (at[strcspn(at, ",")] == ','))
		if (strcspn(at, ",") == len && memcmp(at, name, len) == 0)
			return true;
	return false;
}

/* Does the request, or else the definition, explain a feature that the domain has at start?
 * Features that aren't part of a definition need no explanation. An unknown name is explained only
 * if the domain itself asked for it. */
static bool is_explained(const char *name, bool off, const struct featset *model,
			 const struct own *own)
{
	int k = feature_find(name, strlen(name));
	bool on;

	if (k < 0)
		return off || list_has(own->other, name);
	if (features[k].kind != FEATURE_CPUID || featset_has(&own->optional, (size_t)k))
		return true;
	on = featset_has(&own->on, (size_t)k) ||
	     (featset_has(model, (size_t)k) && !featset_has(&own->off, (size_t)k));
	return on == !off;
}

/* Adds a reason for features that libvirt, or the node where the guest ran, added. */
static void check_additions(const struct domain *d, const struct featset *model,
			    const struct own *own, struct reasons *reasons)
{
	for (size_t i = 0; i + 1 < d->own.n; i += 2) {
		const char *name = d->own.item[i], *policy = d->own.item[i + 1];

		if (!is_explained(name, policy_is_off(policy), model, own))
			because(reasons, head("%s was added", name),
				"libvirt added feature '%s' (%s), which neither the domain nor the "
				"model has",
				name, policy);
	}
}

/* Adds a reason for features that an arrival asks for and that its recorded CPU lacks. */
static void check_losses(const struct domain *d, const struct featset *model, const struct own *own,
			 struct reasons *reasons)
{
	_cleanup_text_ struct text names = {0};
	struct featset lost = own->on, off = own->off;
	struct own now;

	domain_own(d, &now);
	featset_subtract(&lost, model);
	featset_intersect(&off, model);
	featset_union(&lost, &off);
	featset_subtract(&lost, &now.on);
	featset_subtract(&lost, &now.off);
	featset_subtract(&lost, &now.optional);
	for (size_t k = 0; k < n_features; k++)
		if (features[k].kind != FEATURE_CPUID || !features[k].qemu)
			featset_remove(&lost, k);
	if (featset_count(&lost) == 0)
		return;
	names_of(&names, &lost);
	because(reasons, head("lost %s", features[first_of(&lost)].name),
		"its CPU as recorded where it comes from says nothing of the features that it asks "
		"for itself: %s; " BOOT_ANEW,
		names.data ? names.data : "");
}

void decide_arrival(const struct domain *d, const struct facts *f, const struct record *r,
		    struct reasons *reasons)
{
	struct featset model;

	if (!d->model || strcmp(d->model, r->model) != 0)
		because(reasons, head("was another CPU"),
			"it asks for it, but its CPU was recorded as '%s' where it comes from, so "
			"it didn't run on the model there; " BOOT_ANEW,
			or_nothing(d->model));
	else if (decide_same(f, r, reasons) &&
		 featset_parse(&model, f->row->features, strlen(f->row->features), ',', NULL) == 0)
		check_losses(d, &model, &r->own, reasons);
}

/* So much of a digest is shown. */
#define DIGEST_SHOWN "%.12s"

void decide_mark(const struct domain *d, const struct table_row *row, struct reasons *reasons)
{
	if (!mark_has(d, row->model) || strcmp(d->mark_digest, row->digest) == 0)
		return;
	because(reasons, head("another meaning"),
		"it was started with another definition of that name (digest " DIGEST_SHOWN
		", here " DIGEST_SHOWN "), so its CPU would change while it runs; give the name "
		"one definition here and there, or " BOOT_ANEW,
		d->mark_digest, row->digest);
}

static void check_vendor(const struct domain *d, const struct record *r, struct reasons *reasons)
{
	const char *vendor = d->vendor_id ? d->vendor_id : "";

	if (strcmp(vendor, r->vendor) != 0)
		because(reasons, head("vendor changed"), "its own vendor became '%s' and was '%s'",
			or_nothing(vendor), or_nothing(r->vendor));
}

/* Adds reasons if libvirt doesn't pass on all of the request, or passes on more. */
static void check_whole(const struct domain *d, const struct facts *f, const struct record *r,
			struct reasons *reasons)
{
	struct featset model;

	if (featset_parse(&model, f->row->features, strlen(f->row->features), ',', NULL) < 0)
		return;
	check_additions(d, &model, &r->own, reasons);
	check_vendor(d, r, reasons);
}

void decide_start(const struct domain *d, const struct facts *f, const struct record *r,
		  struct reasons *reasons)
{
	if (!d->model || strcmp(d->model, r->model) != 0)
		because(reasons, head("was translated"),
			"libvirt doesn't pass it on but translates it to '%s': it doesn't know "
			"that QEMU has the model; restart libvirt, or `touch` the emulator and "
			"restart libvirt",
			or_nothing(d->model));
	else if (decide_same(f, r, reasons))
		check_whole(d, f, r, reasons);
}

/* Can an argument state the feature @k? The guest decides about osxsave and the like, and a feature
 * without a QEMU name is off anyway. */
static bool is_sayable(size_t k, bool on)
{
	return features[k].qemu || (on && features[k].kind == FEATURE_CPUID);
}

static void add_own(struct text *props, const struct featset *set, bool on)
{
	for (size_t k = 0; k < n_features; k++)
		if (featset_has(set, k) && is_sayable(k, on))
			text_addf(props, ",%s=%s",
				  features[k].qemu ? features[k].qemu : features[k].name,
				  on ? "on" : "off");
}

/* The expansion that this domain should get: its own vendor and features win. */
static void expected(struct text *out, const struct facts *f, const struct record *r)
{
	_cleanup_text_ struct text props = {0};

	text_adds(&props, "");
	if (*r->vendor)
		text_addf(&props, ",vendor=%s", r->vendor);
	add_own(&props, &r->own.on, true);
	add_own(&props, &r->own.off, false);
	if (!props.failed)
		cpuarg_merge(out, f->row->cpu, props.data);
}

void decide_started(const char *arg, const struct facts *f, const struct record *r,
		    struct reasons *reasons)
{
	_cleanup_text_ struct text want = {0}, why = {0};

	if (!decide_same(f, r, reasons))
		return;
	expected(&want, f, r);
	if (want.failed || !want.data)
		because(reasons, head("out of memory"), "out of memory");
	else if (!arg)
		because(reasons, head("no -cpu in QEMU"), "its QEMU was started without -cpu");
	else if (!cpuarg_matches(want.data, arg, &r->own.optional, &why))
		because(reasons, head("another -cpu"), "its QEMU has another -cpu: %s",
			why.data ? why.data : "");
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
	domain_own(d, &r->own);
}
