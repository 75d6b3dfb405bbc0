/* SPDX-License-Identifier: Apache-2.0 */
#include "guestwish.h"

#include <errno.h>

#include "cpumap/core/paths.h"
#include "hook/worker/decide.h"

enum host_accel guestwish_accel(const struct domain *d)
{
	return d->kvm ? HOST_KVM : HOST_TCG;
}

/* QEMU gives a guest no fewer physical address bits (x86_cpu_realizefn, target/i386/cpu.c, 7.2 to 11.0). */
#define PHYSBITS_LEAST 32

/* What libvirt wouldn't define, or not for QEMU on x86, has no place to go. */
static int check_valid(const struct domain *d, struct error *err)
{
	char shown[64];

	if (!d->type || (!d->kvm && strcmp(d->type, "qemu") != 0))
		return error_set(
			err, -ENOTSUP, d->name, 0, "its type is %s, and not kvm or qemu",
			d->type ? text_escape(shown, sizeof(shown), d->type, strlen(d->type))
				: "not said");
	if (d->arch && strcmp(d->arch, "x86_64") != 0 && strcmp(d->arch, "i686") != 0)
		return error_set(err, -ENOTSUP, d->name, 0, "its architecture is %s, and not x86",
				 text_escape(shown, sizeof(shown), d->arch, strlen(d->arch)));
	if (d->bad_number)
		return error_set(err, -EINVAL, d->name, 0,
				 "the number in %s= can't be one: libvirt doesn't take it",
				 d->bad_number);
	if (d->bad_address)
		return error_set(err, -EINVAL, d->name, 0,
				 "libvirt doesn't take its <maxphysaddr>: %s", d->bad_address);
	if (d->physbits && d->physbits < PHYSBITS_LEAST)
		return error_set(err, -EINVAL, d->name, 0,
				 "asks for %u physical address bits: QEMU gives no fewer than %d",
				 d->physbits, PHYSBITS_LEAST);
	return 0;
}

static bool is_policy(const char *policy)
{
	static const char *const policies[] = {"force", "require", "optional", "disable", "forbid"};

	for (size_t i = 0; i < ARRAY_SIZE(policies); i++)
		if (strcmp(policies[i], policy) == 0)
			return true;
	return false;
}

/* virCPUDefParseXML (libvirt 9.0) refuses other policies, and a feature that is named twice. */
static int check_features(const struct domain *d, struct error *err)
{
	char shown[64];

	for (size_t i = 0; i + 1 < d->own.n; i += 2) {
		const char *name = d->own.item[i], *policy = d->own.item[i + 1];

		if (!is_policy(policy))
			return error_set(err, -EINVAL, d->name, 0,
					 "there is no policy '%s' for a feature",
					 text_escape(shown, sizeof(shown), policy, strlen(policy)));
		for (size_t k = 0; k < i; k += 2)
			if (strcmp(d->own.item[k], name) == 0)
				return error_set(
					err, -EINVAL, d->name, 0,
					"the feature '%s' is named twice: libvirt doesn't take it",
					text_escape(shown, sizeof(shown), name, strlen(name)));
	}
	return 0;
}

static int check_asks(const struct domain *d, struct error *err)
{
	char shown[64];

	if (d->model && (!d->match || strcmp(d->match, "strict") != 0))
		return 0;
	if (d->model)
		return error_set(err, -ENOTSUP, d->name, 0,
				 "asks for a host with exactly its features (match='strict')");
	return error_set(
		err, -ENOTSUP, d->name, 0,
		"names no CPU model%s%s%s: it has what its host has, so a list of features "
		"can't tell where it may go",
		d->mode ? " (mode='" : "",
		d->mode ? text_escape(shown, sizeof(shown), d->mode, strlen(d->mode)) : "",
		d->mode ? "')" : "");
}

/* What the hook would say that no host changes: a definition that is refused, a bad policy. Features are
 * judged for each host. */
static void ask_hook(const struct domain *d, struct reasons *reasons)
{
	_cleanup_free_ char *path = root_path(TABLE_PATH);
	_cleanup_table_ struct table t = {0};
	struct domain any = *d;
	struct facts facts = {.table = &t};

	if (!path || table_load(&t, path, NULL) < 0)
		return;
	facts.row = table_find(&t, d->model, strlen(d->model), d->emulator);
	if (!facts.row)
		facts.row = table_find(&t, d->model, strlen(d->model), NULL);
	any.kvm = true; /* and what KVM offers isn't among the facts */
	if (facts.row)
		decide_request(&any, &facts, reasons);
}

/* Does libvirt compare the host with the vendor and with the features that the guest forbids? Not under TCG,
 * unless check= asks for it (qemuDomainDefCPUPostParse and qemuProcessUpdateGuestCPU, 9.0 and 11.3). */
static bool compares(const struct domain *d)
{
	return d->check && strcmp(d->check, "default") != 0 ? strcmp(d->check, "none") != 0
							    : d->kvm;
}

/* A host isn't needed for what isn't part of a CPU: hypervisor, topology, paravirtual features. */
static void only_of_hosts(struct featset *set)
{
	for (size_t i = 0; i < n_features; i++)
		if (features[i].kind == FEATURE_OTHER)
			featset_remove(set, i);
}

/* libvirt's own model may be weakened by force; with a site model QEMU insists on it (enforce). */
static void add_own(struct fit_wish *wish, const struct domain *d, bool site)
{
	for (size_t i = 0; i + 1 < d->own.n; i += 2) {
		int f = feature_find(d->own.item[i], strlen(d->own.item[i]));
		const char *policy = d->own.item[i + 1];

		if (f < 0)
			continue;
		featset_remove(&wish->needs, (size_t)f);
		if (strcmp(policy, "require") == 0 || (site && strcmp(policy, "force") == 0))
			featset_add(&wish->needs, (size_t)f);
		else if (strcmp(policy, "forbid") == 0 && compares(d))
			featset_add(&wish->forbids, (size_t)f);
	}
}

/* A feature that features[] lacks, of a later libvirt: no host is known to have it. */
static int check_known(const struct domain *d, struct error *err)
{
	for (size_t i = 0; i + 1 < d->own.n; i += 2) {
		const char *name = d->own.item[i], *policy = d->own.item[i + 1];
		char shown[64];

		if (feature_find(name, strlen(name)) < 0 && !policy_is_off(policy) &&
		    strcmp(policy, "optional") != 0)
			return error_set(err, -ENOTSUP, d->name, 0,
					 "asks for the feature '%s', which isn't known here",
					 text_escape(shown, sizeof(shown), name, strlen(name)));
	}
	return 0;
}

int guestwish_find(struct fit_wish *wish, const struct catalogue_model **model,
		   const struct domain *d, struct catalogue *c, struct reasons *reasons,
		   struct error *err)
{
	const char *asked = compares(d) ? d->vendor : NULL;
	const char *vendor = asked ? libvirtmap_vendor(NULL, asked) : NULL;
	int r = check_valid(d, err);

	if (r == 0)
		r = check_features(d, err);
	if (r == 0)
		r = check_asks(d, err);
	*wish = (struct fit_wish){.physbits = d->physbits,
				  .physbits_host = d->physbits_host,
				  .physbits_limit = d->physbits_limit,
				  .tsc_hz = d->tsc_hz};
	if (r == 0 && asked && !vendor)
		r = error_set(err, -ENOTSUP, d->name, 0,
			      "asks for a host of a vendor that isn't known here");
	if (r == 0)
		r = check_known(d, err);
	if (r < 0)
		return r;
	*model = catalogue_named(c, d->model, err);
	if (!*model)
		return -ENOENT;
	if ((*model)->from == CATALOGUE_SITE)
		ask_hook(d, reasons);
	wish->needs = (*model)->needs;
	(void)snprintf(wish->vendor, sizeof(wish->vendor), "%s", vendor ? vendor : "");
	add_own(wish, d, (*model)->from == CATALOGUE_SITE);
	only_of_hosts(&wish->needs);
	if (wish->physbits && !featset_has(&wish->needs, (size_t)feature_find("lm", 2)))
		return error_set(err, -ENOTSUP, d->name, 0,
				 "asks for physical address bits, and QEMU takes none for a CPU "
				 "without lm");
	only_of_hosts(&wish->forbids);
	return 0;
}
