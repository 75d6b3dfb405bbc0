/* SPDX-License-Identifier: Apache-2.0 */
#include "native.h"

#include <errno.h>

#include "cpumap/core/emulator.h"
#include "cpumap/core/paths.h"
#include "cpumap/guest/cpuid.h"
#include "cpumap/guest/guest.h"
#include "hook/domain/machine.h"

bool native_node(void)
{
	_cleanup_free_ char *mark = root_path(NATIVE_MARK);

	return mark && access(mark, F_OK) == 0;
}

/* ---- what libvirt passes ---- */

/* @policy: as libvirt acts on it. libvirt has already turned optional into another policy */
static const char *value_of(const char *policy)
{
	if (strcmp(policy, "force") == 0 || strcmp(policy, "require") == 0)
		return "on";
	if (strcmp(policy, "disable") == 0 || strcmp(policy, "forbid") == 0)
		return "off";
	return NULL;
}

int native_argument(struct text *out, const struct domain *d, struct error *err)
{
	if (!d->model || !model_name_valid(d->model, strlen(d->model)))
		return error_set(err, -ENOTSUP, NULL, 0, "its <cpu> names no model of QEMU's");
	text_adds(out, d->model);
	for (size_t i = 0; i + 1 < d->own.n; i += 2) {
		const char *name = d->own.item[i], *value = value_of(d->own.item[i + 1]);
		int f = feature_find(name, strlen(name));
		char shown[128];

		if (f < 0)
			return error_set(err, -ENOTSUP, NULL, 0,
					 "libvirt says feature '%s', which cpushim doesn't know",
					 text_escape(shown, sizeof(shown), name, strlen(name)));
		if (value && features[f].kind == FEATURE_CPUID && features[f].qemu)
			text_addf(out, ",%s=%s", features[f].qemu, value);
	}
	return out->failed ? error_set(err, -ENOMEM, NULL, 0, "out of memory") : 0;
}

/* ---- judging ---- */

static void add_error(struct reasons *reasons, struct head head, const struct error *err)
{
	because(reasons, head, "%s%s%s", err->where, *err->where ? ": " : "", err->what);
}

/* The model's features, with those that the domain adds, without those that it takes away. */
static int wanted(struct model *m, const struct table_row *row, const struct record *r,
		  struct error *err)
{
	*m = (struct model){.id = IDENTITY_NONE};
	if (featset_parse(&m->features, row->features, strlen(row->features), ',', err) < 0)
		return -EINVAL;
	featset_union(&m->features, &r->own.on);
	featset_subtract(&m->features, &r->own.off);
	for (size_t i = 0; i < n_features; i++)
		if (features[i].kind != FEATURE_CPUID)
			featset_remove(&m->features, i);
	return 0;
}

static void add_names(struct text *t, const char *what, const struct featset *set)
{
	if (featset_count(set) == 0)
		return;
	text_addf(t, "%s", what);
	featset_print(t, set, " ");
}

static void say_difference(const struct cpuid_diff *diff, const struct guest_run *run,
			   struct reasons *reasons)
{
	_cleanup_text_ struct text t = {0};
	char shown[512];

	text_addf(&t, "libvirt makes '-cpu %s' of it, which isn't the model under %s",
		  text_escape(shown, sizeof(shown), run->cpu, strlen(run->cpu)), run->accel);
	add_names(&t, "; lacking: ", &diff->missing);
	add_names(&t, "; beyond it: ", &diff->extra);
	for (size_t i = 0; i < diff->other.n; i++)
		text_addf(&t, "; %s", diff->other.item[i]);
	text_adds(&t, "; choose a model that QEMU can be, or run "
		      "`cpushim ready`, which puts the wrapper there");
	because(reasons, head("not exact here"), "%s", t.failed ? "out of memory" : t.data);
}

static void judge(const char *cpu, const char *machine, const char *accel, const struct facts *f,
		  const struct record *r, struct reasons *reasons)
{
	struct error err = {0};
	_cleanup_free_ char *qemu = emulator_real(f->row->emulator, &err);
	_cleanup_cpuid_dump_ struct cpuid_dump words = {0};
	_cleanup_cpuid_diff_ struct cpuid_diff diff = {0};
	struct guest_run run = {.emulator = qemu,
				.cpu = cpu,
				.accel = accel,
				.machine = machine,
				.cpus = 1,
				.timeout_ms = GUEST_TIMEOUT_MS};
	struct model want;
	int rc = qemu ? wanted(&want, f->row, r, &err) : -ENOENT;

	if (rc == 0)
		rc = guest_words(&run, &words, &err);
	if (rc == 0 && cpuid_compare(&words, &want, &diff) < 0)
		rc = error_set(&err, -ENOMEM, NULL, 0, "out of memory");
	featset_subtract(&diff.missing, &r->own.optional);
	featset_subtract(&diff.extra, &r->own.optional);
	if (rc < 0)
		add_error(reasons, head("not checked"), &err);
	else if (!cpuid_diff_none(&diff))
		say_difference(&diff, &run, reasons);
}

void native_arrival(const struct domain *d, const struct facts *f, const struct record *r,
		    struct reasons *reasons)
{
	if (!d->model || strcmp(d->model, r->model) != 0)
		(void)decide_same(f, r, reasons);
	else
		because(reasons, head("needs a wrapper"),
			"it ran on the model itself where it comes from; on this node, which has "
			"no wrapper, it would become another CPU while it runs");
}

void native_start(const struct domain *d, const struct facts *f, const struct record *r,
		  struct reasons *reasons)
{
	_cleanup_text_ struct text cpu = {0};
	struct error err = {0};

	if ((d->model && strcmp(d->model, r->model) == 0) || !decide_same(f, r, reasons))
		return;
	if (d->machine && !model_name_valid(d->machine, strlen(d->machine)))
		because(reasons, head("no machine type"), "its machine type isn't a name");
	else if (native_argument(&cpu, d, &err) < 0)
		add_error(reasons, head("no such -cpu"), &err);
	else
		judge(cpu.data, d->machine, d->kvm ? "kvm" : "tcg", f, r, reasons);
}

void native_started(const struct process *qemu, const struct facts *f, const struct record *r,
		    struct reasons *reasons)
{
	struct machine m;
	struct error err = {0};

	if (!decide_same(f, r, reasons))
		return;
	if (machine_read(&m, qemu, &err) < 0)
		add_error(reasons, head("unclear QEMU"), &err);
	else
		judge(m.cpu, m.type, m.accel, f, r, reasons);
}
