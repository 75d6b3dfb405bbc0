/* SPDX-License-Identifier: Apache-2.0 */
#include "baseline.h"

#include <errno.h>

#include "kvmgives.h"

const char *left_why(enum left kind)
{
	static const char *const why[LEFT_KINDS] = {
		[LEFT_OTHER] = "topology, the guest's system or the hypervisor decide it",
		[LEFT_MSR] = "it lives in an MSR, where no guest can prove it by CPUID",
		[LEFT_QEMU] = "QEMU has no property for it",
		[LEFT_KVM] = "no KVM gives it to a guest",
		[LEFT_STAYS] = "no guest can migrate with it",
		[LEFT_UNSEEN] = "no guest sees it without a feature that isn't shared",
	};

	return why[kind];
}

/* ---- what is shared ---- */

/* Adds @n to the count of each feature of @set. */
static void count(size_t *counts, const struct featset *set, size_t n)
{
	for (size_t w = 0; w < ARRAY_SIZE(set->word); w++)
		for (uint64_t bits = set->word[w]; bits; bits &= bits - 1)
			counts[w * 64 + (size_t)__builtin_ctzll(bits)] += n;
}

static void count_all(struct baseline *b)
{
	struct featset all = {0}, withheld = {0};

	for (size_t i = 0; i < n_features; i++)
		featset_add(&all, i);
	for (size_t i = 0; i < b->rows->n; i++) {
		const struct fleet_row *row = &b->rows->row[i];
		struct featset unknown = all;

		featset_subtract(&unknown, &row->view.known);
		featset_union(&withheld, &row->withheld);
		count(b->has, &row->view.has, row->n);
		count(b->unknown_hosts, &unknown, row->n);
	}
	for (size_t i = 0; i < n_features; i++) {
		if (b->rows->n_hosts && b->has[i] == b->rows->n_hosts)
			featset_add(&b->common, i);
		else if ((b->has[i] || featset_has(&withheld, i)) &&
			 b->has[i] + b->unknown_hosts[i] == b->rows->n_hosts)
			featset_add(&b->unknown, i);
	}
}

/* ---- what a definition can have ---- */

/* Why no definition should have the feature; LEFT_KINDS: it may. QEMU blocks migrations of guests with
 * invtsc (kvm_arch_init_vcpu, target/i386/kvm/kvm.c), and libvirt's map says so, too. */
static enum left unfit(size_t i, enum host_accel accel, const struct featset *never)
{
	if (features[i].kind == FEATURE_OTHER)
		return LEFT_OTHER;
	if (features[i].kind == FEATURE_MSR)
		return LEFT_MSR;
	if (!features[i].qemu)
		return LEFT_QEMU;
	if (accel != HOST_TCG && featset_has(never, i))
		return LEFT_KVM;
	return strcmp(features[i].name, "invtsc") == 0 ? LEFT_STAYS : LEFT_KINDS;
}

static void sort_out(struct baseline *b)
{
	struct featset never;

	kvmgives_never(&never);
	for (size_t i = 0; i < n_features; i++) {
		enum left why = unfit(i, b->rows->accel, &never);

		if (why == LEFT_KINDS)
			featset_add(&b->possible, i);
		else if (featset_has(&b->common, i))
			featset_add(&b->left[why], i);
	}
	b->model.features = b->common;
	featset_intersect(&b->model.features, &b->possible);
}

/* A feature in a leaf that shows with another feature, which the definition hasn't. Takes them away
 * until none is left: such a feature may be what another one needs. */
static void drop_unseen(struct baseline *b)
{
	struct featset *have = &b->model.features;
	int lm = feature_find("lm", 2), syscall = feature_find("syscall", 7);
	bool again = true;

	while (again) {
		again = false;
		for (size_t i = 0; i < n_features; i++) {
			int need = (int)i == syscall ? lm : feature_needs(i);

			if (!featset_has(have, i) || need < 0 || featset_has(have, (size_t)need))
				continue;
			featset_remove(have, i);
			featset_add(&b->left[LEFT_UNSEEN], i);
			again = true;
		}
	}
}

/* ---- identity ---- */

static void find_vendor(struct baseline *b)
{
	for (size_t i = 0; i < b->rows->n; i++)
		if (strcmp(b->rows->row[i].vendor, b->rows->row[0].vendor) != 0)
			return;
	if (b->rows->n)
		memcpy(b->vendor, b->rows->row[0].vendor, sizeof(b->vendor));
}

/* The lowest signature; none if a host doesn't tell its own. */
static struct identity oldest(const struct fleet_rows *r)
{
	struct identity id = IDENTITY_NONE;

	for (size_t i = 0; i < r->n_hosts; i++) {
		const struct fleet_host *h = r->host[i];
		int stepping = h->stepping < 0 ? 0 : h->stepping;
		bool lower =
			h->family < id.family ||
			(h->family == id.family &&
			 (h->model < id.model || (h->model == id.model && stepping < id.stepping)));

		if (h->family < 0 || h->model < 0)
			return IDENTITY_NONE;
		if (i == 0 || lower)
			id = (struct identity){"", h->family, h->model, stepping};
	}
	return id;
}

/* kvm64's own signature is an Intel's; QEMU's qemu64 (1.3 to 11.0) has this AMD's. */
static const struct identity amd = {"", 15, 107, 1};

static bool is_amd(const char *vendor)
{
	return strcmp(vendor, "AuthenticAMD") == 0 || strcmp(vendor, "HygonGenuine") == 0;
}

static void identify(struct baseline *b, const struct baseline_wish *wish)
{
	const char *vendor = wish->vendor ? wish->vendor : b->vendor;
	struct identity *id = &b->model.id;

	*id = IDENTITY_NONE;
	if (!*vendor)
		return;
	if (strcmp(vendor, b->vendor) == 0)
		*id = oldest(b->rows);
	if (id->family < 0 && is_amd(vendor))
		*id = amd;
	(void)snprintf(id->vendor, sizeof(id->vendor), "%s", vendor);
}

int baseline_find(struct baseline *b, const struct fleet_rows *rows,
		  const struct baseline_wish *wish, struct error *err)
{
	*b = (struct baseline){.rows = rows};
	b->model.name = strdup(wish->name);
	b->model.base = strdup("kvm64");
	b->model.origin = strdup("baseline");
	if (!b->model.name || !b->model.base || !b->model.origin) {
		baseline_free(b);
		return error_set(err, -ENOMEM, NULL, 0, "out of memory");
	}
	count_all(b);
	sort_out(b);
	drop_unseen(b);
	find_vendor(b);
	identify(b, wish);
	return 0;
}

void baseline_free(struct baseline *b)
{
	model_free(&b->model);
}
