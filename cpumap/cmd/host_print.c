/* SPDX-License-Identifier: Apache-2.0 */
#include "host_print.h"

#include <errno.h>
#include <inttypes.h>

#include "cpumap/fleet/psabi.h"
#include "cpumap/fleet/rawcpu.h"
#include "cmd.h"
#include "grid.h"

#define FIRST_UNKNOWN 6 /* of the features that aren't known */

/* ---- what is nearest ---- */

/* What guests get counts, where that is known. */
static enum host_accel guests_get(const struct host *h)
{
	return host_tells(h, HOST_KVM) ? HOST_KVM : HOST_CPU;
}

int host_compare(struct host_shown *s, const struct thishost *host)
{
	const struct host *h = &host->host;
	const struct host_view *view = &h->view[guests_get(h)];
	int r;

	*s = (struct host_shown){.host = host};
	r = stock_add_qemu(&s->stock, &host->qemu);
	if (r < 0)
		return r;
	s->n_nearest =
		nearest_find(s->nearest, HOST_NEAREST, &s->stock, view, h->id.vendor, false, NULL);
	if (nearest_find(&s->runs, 1, &s->stock, view, h->id.vendor, true, NULL) == 0)
		s->runs.model = NULL;
	for (size_t i = 0; i < s->n_nearest; i++)
		if (s->nearest[i].model == s->runs.model)
			s->runs.model = NULL;
	return 0;
}

void host_shown_free(struct host_shown *s)
{
	stock_free(&s->stock);
}

/* ---- what couldn't be asked ---- */

/* Features of which it isn't known whether the CPU has them. */
static struct featset unknown(const struct host *h)
{
	struct featset set = {0};

	for (size_t i = 0; i < n_features; i++)
		if (features[i].kind != FEATURE_OTHER && !featset_has(&h->view[HOST_CPU].known, i))
			featset_add(&set, i);
	return set;
}

struct unasked {
	const char *key, *what;
	const struct error *why;
};

#define UNASKED 5

static void list_unasked(struct unasked list[UNASKED], const struct thishost *h)
{
	const struct featset set = unknown(&h->host);
	static const struct error none;

	/* a CPU without such features has no such MSRs */
	list[0] = (struct unasked){"msr", "which of the features in MSRs there are",
				   featset_count(&set) ? &h->no_msrs : &none};
	list[1] = (struct unasked){"qemu", "what QEMU emulates", &h->no_qemu};
	list[2] = (struct unasked){"kvm", "what QEMU gives under KVM", &h->no_kvm};
	list[3] = (struct unasked){"tsc", "the TSC's frequency under KVM", &h->no_tsc};
	list[4] = (struct unasked){"libvirt", "libvirt's release", &h->no_libvirt};
}

void host_unasked(struct text *out, const struct thishost *h)
{
	struct unasked list[UNASKED];

	list_unasked(list, h);
	for (size_t i = 0; i < UNASKED; i++)
		if (list[i].why->code)
			text_addf(out, "%s isn't known: %s%s%s\n", list[i].what, list[i].why->where,
				  *list[i].why->where ? ": " : "", list[i].why->what);
}

/* ---- for people ---- */

static void add_line(struct grid *g, const char *label, const struct text *line)
{
	grid_add(g, label, COLOUR_NONE);
	grid_add(g, line->data ? line->data : "", COLOUR_NONE);
	g->failed |= line->failed;
}

static void add_error(struct grid *g, const char *label, const struct error *err)
{
	grid_add(g, label, COLOUR_NONE);
	grid_addf(g, "not asked: %s%s%s", err->where, *err->where ? ": " : "", err->what);
}

static void add_identity(struct grid *g, const struct thishost *h)
{
	const struct identity *id = &h->host.id;

	grid_add(g, "host", COLOUR_NONE);
	grid_add(g, h->host.name, COLOUR_NONE);
	grid_add(g, "cpu", COLOUR_NONE);
	grid_add(g, h->host.brand ? h->host.brand : "without a name", COLOUR_NONE);
	if (h->code_name) {
		grid_add(g, "", COLOUR_NONE);
		grid_addf(g, "taken for %s by libcpuid %s", h->code_name, rawcpu_library());
	}
	grid_add(g, "identity", COLOUR_NONE);
	grid_addf(g, "%s, family %d, model %d, stepping %d", id->vendor, id->family, id->model,
		  id->stepping);
	grid_add(g, "kernel", COLOUR_NONE);
	grid_addf(g, "%s%s%s", h->host.kernel, h->host.microcode ? ", microcode " : "",
		  h->host.microcode ? h->host.microcode : "");
}

static void add_list(struct text *line, const char *before, const struct cpulist *l,
		     const char *behind)
{
	if (cpulist_count(l) == 0)
		return;
	text_adds(line, before);
	cpulist_print(line, l);
	text_adds(line, behind);
}

/* Which CPUs were read, and whether they are alike. */
static void add_cpus(struct grid *g, const struct thishost *h)
{
	_cleanup_text_ struct text line = {0};

	text_addf(&line, "%u read, ", h->host.cpus);
	if (h->n_groups == 1)
		text_adds(&line, h->host.cpus == 1 ? "the only one" : "all alike");
	else
		text_adds(&line, h->host.uneven ? "unlike: " : "unlike, with the same features: ");
	for (size_t i = 0; i < h->n_groups && h->n_groups > 1; i++)
		add_list(&line, i ? " | " : "", &h->group[i].cpus, "");
	add_list(&line, "; offline: ", &h->offline, "");
	add_list(&line, "; not read, as this process may not run on them: ", &h->unbound, "");
	add_line(g, "cpus", &line);
	if (featset_count(&h->partly)) {
		_cleanup_text_ struct text partly = {0};

		text_adds(&partly, "only some CPUs have, so the host hasn't: ");
		featset_print(&partly, &h->partly, ", ");
		add_line(g, "", &partly);
	}
}

/* The psABI level, and what the next one lacks. */
static void add_level(struct grid *g, const struct host *h)
{
	const struct featset *has = &h->view[HOST_CPU].has;
	unsigned int level = psabi_level(has);
	_cleanup_text_ struct text line = {0};

	if (level)
		text_addf(&line, "x86-64-v%u", level);
	else
		text_adds(&line, "none");
	if (level < PSABI_LEVELS) {
		struct featset next;

		psabi_features(level + 1, &next);
		featset_subtract(&next, has);
		text_addf(&line, "; x86-64-v%u needs ", level + 1);
		featset_print(&line, &next, ", ");
	}
	add_line(g, "level", &line);
}

static void add_features(struct grid *g, const struct host *h)
{
	struct featset not_known = unknown(h), own = h->view[HOST_CPU].has;
	_cleanup_text_ struct text line = {0}, rest = {0};
	size_t n = featset_count(&not_known);

	text_addf(&line, "%zu: ", featset_count(&own));
	featset_print(&line, &own, ", ");
	add_line(g, "features", &line);
	if (n == 0)
		return;
	text_addf(&rest, "%zu: ", n);
	for (size_t i = 0, shown = 0; i < n_features && shown <= FIRST_UNKNOWN; i++)
		if (featset_has(&not_known, i) && ++shown <= n)
			text_addf(&rest, "%s%s", shown > 1 ? ", " : "",
				  shown > FIRST_UNKNOWN ? "..." : features[i].name);
	add_line(g, "unknown", &rest);
}

static void add_numbers(struct grid *g, const struct thishost *h)
{
	_cleanup_text_ struct text line = {0};

	if (h->host.physbits)
		text_addf(&line, "%u physical address bits", h->host.physbits);
	if (h->host.tsc_hz)
		text_addf(&line, "%sTSC at %" PRIu64 " Hz, which KVM %s scale",
			  line.len ? ", " : "", h->host.tsc_hz,
			  h->host.tsc_scaling ? "can" : "can't");
	if (line.len)
		add_line(g, "limits", &line);
}

/* How much an accelerator gives, and which of the CPU's features it doesn't. */
static void add_accel(struct grid *g, const struct host *h, enum host_accel accel)
{
	struct featset not_given = h->view[HOST_CPU].has;
	_cleanup_text_ struct text line = {0};

	featset_intersect(&not_given, &h->view[accel].known);
	featset_subtract(&not_given, &h->view[accel].has);
	text_addf(&line, "gives %zu features", featset_count(&h->view[accel].has));
	if (featset_count(&not_given)) {
		text_addf(&line, ", and of the CPU's not %s",
			  featset_count(&not_given) == 1 ? "" : "these: ");
		featset_print(&line, &not_given, ", ");
	}
	add_line(g, host_accel_name(accel), &line);
}

static void add_programs(struct grid *g, const struct thishost *h)
{
	if (h->no_qemu.code) {
		add_error(g, "qemu", &h->no_qemu);
	} else {
		grid_add(g, "qemu", COLOUR_NONE);
		grid_addf(g, "%s, %s", h->qemu.version, h->emulator);
		add_accel(g, &h->host, HOST_TCG);
	}
	if (h->no_kvm.code)
		add_error(g, "kvm", &h->no_kvm);
	else
		add_accel(g, &h->host, HOST_KVM);
	if (h->no_libvirt.code) {
		add_error(g, "libvirt", &h->no_libvirt);
	} else {
		grid_add(g, "libvirt", COLOUR_NONE);
		grid_add(g, h->host.libvirt_version, COLOUR_NONE);
	}
}

static void add_names(struct text *line, const char *before, const struct featset *set)
{
	if (featset_count(set) == 0)
		return;
	text_addf(line, "%s%s%zu: ", line->len ? "; " : "", before, featset_count(set));
	featset_print(line, set, ", ");
}

static void add_model(struct grid *g, const struct nearest *n, const char *host)
{
	_cleanup_text_ struct text line = {0}, more = {0};

	add_names(&line, "the host lacks ", &n->lacks);
	add_names(&line, "it isn't known of ", &n->unknown);
	text_addf(&more, "%s has besides ", host);
	add_names(&line, more.data ? more.data : "", &n->more);
	if (line.len == 0)
		text_adds(&line, "the same features");
	add_line(g, n->model->name, &line);
}

static void print_nearest(struct text *out, const struct host_shown *s,
			  const struct terminal *terminal)
{
	static const struct grid_column columns[] = {{NULL, GRID_WHOLE}, {NULL, GRID_FOLD}};
	_cleanup_grid_ struct grid g = {columns, ARRAY_SIZE(columns)};
	bool kvm = guests_get(&s->host->host) == HOST_KVM;

	if (s->n_nearest == 0)
		return;
	text_addf(out, "\nThe nearest models of QEMU %s, %s:\n", s->host->qemu.version,
		  kvm ? "by what KVM gives" : "by the CPU");
	for (size_t i = 0; i < s->n_nearest; i++)
		add_model(&g, &s->nearest[i], kvm ? "KVM" : "the CPU");
	grid_print(out, &g, terminal);
	if (s->runs.model)
		text_addf(out, "The nearest that lacks nothing: %s\n", s->runs.model->name);
}

void host_print(struct text *out, const struct host_shown *s, const struct terminal *terminal)
{
	static const struct grid_column columns[] = {{NULL, GRID_WHOLE}, {NULL, GRID_FOLD}};
	_cleanup_grid_ struct grid g = {columns, ARRAY_SIZE(columns)};
	const struct thishost *h = s->host;

	add_identity(&g, h);
	add_cpus(&g, h);
	add_numbers(&g, h);
	add_level(&g, &h->host);
	add_features(&g, &h->host);
	add_programs(&g, h);
	grid_print(out, &g, terminal);
	print_nearest(out, s, terminal);
}

/* ---- as JSON ---- */

static json_t *list_json(const struct cpulist *l)
{
	_cleanup_text_ struct text t = {0};

	cpulist_print(&t, l);
	return json_string(t.data ? t.data : "");
}

static json_t *cpu_json(const struct thishost *h)
{
	const struct identity *id = &h->host.id;

	return json_pack("{s:o, s:o, s:o, s:i, s:i, s:i, s:o}", "brand", cmd_foreign(h->host.brand),
			 "code_name", cmd_foreign(h->code_name), "vendor", cmd_foreign(id->vendor),
			 "family", id->family, "model", id->model, "stepping", id->stepping,
			 "physical_address_bits",
			 h->host.physbits ? json_integer(h->host.physbits) : json_null());
}

static json_t *cpus_json(const struct thishost *h)
{
	json_t *alike = json_array();

	for (size_t i = 0; i < h->n_groups; i++)
		(void)json_array_append_new(alike, list_json(&h->group[i].cpus));
	return json_pack("{s:i, s:b, s:o, s:o, s:o, s:o}", "read", (int)h->host.cpus, "uneven",
			 (int)h->host.uneven, "alike", alike, "offline", list_json(&h->offline),
			 "not_read", list_json(&h->unbound), "only_some_have",
			 cmd_features_json(&h->partly));
}

static json_t *view_json(const struct host *h, enum host_accel accel)
{
	return host_tells(h, accel) ? cmd_features_json(&h->view[accel].has) : json_null();
}

static json_t *unasked_json(const struct thishost *h)
{
	struct unasked list[UNASKED];
	json_t *all = json_object();

	list_unasked(list, h);
	for (size_t i = 0; i < UNASKED; i++) {
		_cleanup_text_ struct text why = {0};

		if (!list[i].why->code)
			continue;
		text_addf(&why, "%s%s%s", list[i].why->where, *list[i].why->where ? ": " : "",
			  list[i].why->what);
		(void)json_object_set_new(all, list[i].key, cmd_foreign(why.data));
	}
	return all;
}

static json_t *nearest_json(const struct host_shown *s)
{
	json_t *all = json_array();

	for (size_t i = 0; i < s->n_nearest; i++) {
		const struct nearest *n = &s->nearest[i];

		(void)json_array_append_new(all, json_pack("{s:s, s:o, s:o, s:o}", "model",
							   n->model->name, "lacks",
							   cmd_features_json(&n->lacks), "unknown",
							   cmd_features_json(&n->unknown), "more",
							   cmd_features_json(&n->more)));
	}
	return all;
}

static json_t *tsc_json(const struct host *h)
{
	return h->tsc_hz ? json_pack("{s:I, s:b}", "hz", (json_int_t)h->tsc_hz, "scaling",
				     h->tsc_scaling == 1)
			 : json_null();
}

json_t *host_json(const struct host_shown *s)
{
	const struct thishost *h = s->host;
	const struct featset not_known = unknown(&h->host);

	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
			 "s:o, s:o}",
			 "name", cmd_foreign(h->host.name), "kernel", cmd_foreign(h->host.kernel),
			 "microcode", cmd_foreign(h->host.microcode), "cpu", cpu_json(h), "cpus",
			 cpus_json(h), "level", (int)psabi_level(&h->host.view[HOST_CPU].has),
			 "features", cmd_features_json(&h->host.view[HOST_CPU].has), "unknown",
			 cmd_features_json(&not_known), "emulator", cmd_foreign(h->emulator),
			 "qemu", cmd_foreign(h->host.qemu_version), "libvirt",
			 cmd_foreign(h->host.libvirt_version), "tcg", view_json(&h->host, HOST_TCG),
			 "kvm", view_json(&h->host, HOST_KVM), "nearest", nearest_json(s),
			 "not_asked", unasked_json(h), "tsc", tsc_json(&h->host));
}
