/* SPDX-License-Identifier: Apache-2.0 */
/* Writing a dump of this host (dump.h). */
#include <inttypes.h>

#include "cpumap/core/show.h"
#include "dump.h"
#include "thishost.h"

static void add_text(struct text *out, const char *key, const char *value)
{
	if (!value || !*value)
		return;
	text_addf(out, "%s ", key);
	(void)show(out, value, strlen(value), SHOWN_WHOLE);
	text_adds(out, "\n");
}

static void add_msrs(struct text *out, const struct answers *a)
{
	for (size_t i = 0; i < a->n_msrs; i++)
		text_addf(out, "msr %08x %016" PRIx64 "\n", a->msr[i].number, a->msr[i].value);
}

static void add_group(struct text *out, const struct cpu_group *g)
{
	text_adds(out, "cpus ");
	cpulist_print(out, &g->cpus);
	text_adds(out, "\n");
	for (size_t i = 0; i < g->answers.cpu.n; i++) {
		const struct cpuid_entry *e = &g->answers.cpu.entry[i];

		text_addf(out, "leaf %08x %08x %08x %08x %08x %08x\n", e->leaf, e->subleaf,
			  e->reg[REG_EAX], e->reg[REG_EBX], e->reg[REG_ECX], e->reg[REG_EDX]);
	}
	add_msrs(out, &g->answers);
}

static void add_features(struct text *out, const char *accel, const char *verb,
			 const struct featset *set)
{
	text_addf(out, "%s %s ", accel, verb);
	featset_print(out, set, " ");
	text_adds(out, "\n");
}

static void add_view(struct text *out, const struct host *h, enum host_accel accel)
{
	struct featset lacks = h->view[accel].known;

	if (!host_tells(h, accel))
		return;
	featset_subtract(&lacks, &h->view[accel].has);
	add_features(out, host_accel_name(accel), "has", &h->view[accel].has);
	add_features(out, host_accel_name(accel), "lacks", &lacks);
}

void thishost_dump(struct text *out, const struct thishost *h)
{
	text_adds(out, DUMP_MAGIC "\n");
	add_text(out, "name", h->host.name);
	add_text(out, "cpushim", CPUSHIM_VERSION);
	add_text(out, "kernel", h->host.kernel);
	add_text(out, "microcode", h->host.microcode);
	add_text(out, "qemu", h->host.qemu_version);
	add_text(out, "libvirt", h->host.libvirt_version);
	if (h->host.tsc_hz)
		text_addf(out, "tsc %" PRIu64 "\n", h->host.tsc_hz);
	if (h->host.tsc_scaling >= 0)
		text_addf(out, "tsc-scaling %s\n", h->host.tsc_scaling ? "yes" : "no");
	for (size_t i = 0; i < h->n_groups; i++)
		add_group(out, &h->group[i]);
	add_view(out, &h->host, HOST_KVM);
	add_view(out, &h->host, HOST_TCG);
	text_adds(out, "end\n");
}
