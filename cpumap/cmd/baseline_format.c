/* SPDX-License-Identifier: Apache-2.0 */
#include "baseline_format.h"

#include <errno.h>

#include "cpumap/define/compile.h"
#include "cpumap/define/expand.h"
#include "cpumap/fleet/write.h"
#include "hook/domain/domain.h"

static int no_qemu(const struct fleet_findings *f, struct error *err)
{
	const struct error *why = &f->catalogue.missing[CATALOGUE_QEMU];

	return error_set(err, -ENOENT, why->where, 0, "%s; --format cpu needs a QEMU", why->what);
}

/* libvirt's <cpu>, for nodes without cpushim: the base, what it lacks, and what it may have too much. */
static int write_cpu(struct text *out, const struct fleet_findings *f, struct error *err)
{
	const bool no_map = f->catalogue.missing[CATALOGUE_LIBVIRT].code;
	_cleanup_text_ struct text on = {0}, off = {0};
	struct model m = f->baseline.model;
	struct featset brings = {0};
	int r = f->catalogue.missing[CATALOGUE_QEMU].code
			? no_qemu(f, err)
			: expand_identity(&m, &f->catalogue.qemu, err);

	if (r < 0)
		return r;
	compile_brings(&brings, &m, &f->catalogue.qemu, no_map ? NULL : &f->catalogue.map);
	text_adds(&on, "");
	text_adds(&off, "");
	featset_print(&on, &m.features, ",");
	featset_print(&off, &brings, ",");
	if (on.failed || off.failed)
		return error_set(err, -ENOMEM, NULL, 0, "out of memory");
	r = domain_print_cpu(out,
			     &(struct table_row){.model = m.name,
						 .base = m.base,
						 .vendor = m.id.vendor,
						 .features = on.data,
						 .brings = off.data},
			     err);
	text_adds(out, "\n");
	return r;
}

static int write_nova_conf(struct text *out, const struct fleet_findings *f, struct error *err)
{
	(void)err;
	write_nova(out, f);
	return 0;
}

static int write_argument(struct text *out, const struct fleet_findings *f, struct error *err)
{
	int r = write_qemu(out, f, err);

	text_adds(out, "\n");
	return r;
}

static const struct {
	const char *name;
	int (*write)(struct text *out, const struct fleet_findings *f, struct error *err);
} formats[] = {
	{"definition", write_definition}, {"cpu", write_cpu},       {"map", write_map},
	{"nova", write_nova_conf},        {"qemu", write_argument}, {"proxmox", write_proxmox},
};

bool baseline_format_valid(const char *format)
{
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		if (strcmp(formats[i].name, format) == 0)
			return true;
	return false;
}

int baseline_format(struct text *out, const char *format, const struct fleet_findings *f,
		    struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		if (strcmp(formats[i].name, format) == 0)
			return formats[i].write(out, f, err);
	return error_set(err, -EINVAL, NULL, 0, "--format is " BASELINE_FORMATS);
}
