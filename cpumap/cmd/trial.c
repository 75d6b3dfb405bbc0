/* SPDX-License-Identifier: Apache-2.0 */
#include "trial.h"

#include <errno.h>

#include "cpumap/core/qemuargs.h"
#include "cpumap/define/expand.h"
#include "cpumap/guest/guest.h"
#include "cpumap/libvirt/maptrial.h"
#include "cpumap/libvirt/mapwith.h"
#include "cmd.h"

#define LIBRARY_SECONDS 5

static void outcome_free(struct outcome *o)
{
	free(o->cpu);
	cpuid_diff_free(&o->diff);
}

void trial_free(struct trial *t)
{
	for (int a = 0; a < ACCELS; a++) {
		outcome_free(&t->stock[a]);
		outcome_free(&t->ours[a]);
	}
}

/* ---- what QEMU makes of an argument ---- */

/* A feature is compared by QEMU's word, which needs no guest. */
static void judge(struct outcome *o, const struct model *m, const char *qemu, enum accel accel)
{
	const struct guest_run run = {.emulator = qemu,
				      .cpu = o->cpu,
				      .accel = accel_name(accel),
				      .cpus = 1,
				      .timeout_ms = GUEST_TIMEOUT_MS};
	_cleanup_cpuid_dump_ struct cpuid_dump words = {0};

	if (guest_words(&run, &words, &o->why) < 0 || cpuid_compare(&words, m, &o->diff) < 0) {
		/* QEMU's no to this -cpu is an answer */
		o->result = o->why.code == -EPROTO || o->why.code == -ENOTSUP ? TRIAL_REFUSED
									      : TRIAL_UNASKED;
		return;
	}
	o->result = cpuid_diff_none(&o->diff) ? TRIAL_EXACT : TRIAL_DIFFERS;
}

/* ---- libvirt alone ---- */

/* The next word of a line that is quoted for a shell, as libvirt writes it: in single quotes, with \ in front
 * of a character or a newline. */
static bool next_word(const char **line, struct text *word)
{
	const char *p = *line + strspn(*line, " \n");
	bool quoted = false;

	while (strncmp(p, "\\\n", 2) == 0)
		p += 2 + strspn(p + 2, " \n");
	if (!*p)
		return false;
	for (; *p && (quoted || (*p != ' ' && *p != '\n')); p++) {
		if (*p == '\'')
			quoted = !quoted;
		else if (*p == '\\' && !quoted && p[1])
			text_add(word, ++p, 1);
		else
			text_add(word, p, 1);
	}
	*line = p;
	return true;
}

/* The value of -cpu, allocated; NULL: there is none. */
static char *cpu_of(const char *line)
{
	_cleanup_strv_ struct strv words = {0};
	const char *value;

	for (;;) {
		_cleanup_text_ struct text word = {0};

		if (!next_word(&line, &word))
			break;
		if (strv_add(&words, word.len ? word.data : "", word.len) < 0)
			return NULL;
	}
	value = words.n ? qemuargs_last(words.n, words.item, "cpu") : NULL;
	return value ? strdup(value) : NULL;
}

/* The smallest domain that asks for @model. */
static char *domain_asking(const char *model, const char *emulator, enum accel accel)
{
	char *xml;

	return asprintf(&xml,
			"<domain type='%s'><name>cpushim-try</name><memory>65536</memory>"
			"<os><type arch='x86_64'>hvm</type></os>"
			"<cpu mode='custom' match='exact'><model>%s</model></cpu>"
			"<devices><emulator>%s</emulator>"
			"<controller type='usb' model='none'/><memballoon model='none'/>"
			"</devices></domain>",
			accel == ACCEL_KVM ? "kvm" : "qemu", model, emulator) < 0
		       ? NULL
		       : xml;
}

/* What libvirt would start a guest of the model with. */
static void ask_libvirt(struct outcome *o, const struct mapwith *with, const struct model *m,
			const char *qemu, enum accel accel)
{
	const struct maptrial map = {.file = with->file, .n = with->n, .seconds = MAPTRIAL_SECONDS};
	_cleanup_free_ char *xml = domain_asking(m->name, qemu, accel), *argv = NULL;
	int r = xml ? maptrial_native(&map, xml, &argv, &o->why)
		    : error_set(&o->why, -ENOMEM, NULL, 0, "out of memory");

	if (r < 0) {
		o->result = r == -EINVAL ? TRIAL_REFUSED : TRIAL_UNASKED;
		return;
	}
	o->cpu = cpu_of(argv);
	if (o->cpu)
		judge(o, m, qemu, accel);
	else
		error_set(&o->why, -EPROTO, "libvirt", 0, "its command line has no -cpu");
}

static void set_why(struct outcome *o, enum trial_result result, const struct error *why)
{
	o->result = result;
	o->why = *why;
}

/* What keeps libvirt from being asked at all. */
static bool cant_ask(const struct catalogue *c, struct error *err)
{
	if (root_is_another())
		error_set(err, -ENOTSUP, "CPUSHIM_ROOT", 0,
			  "libvirt can't be asked of a map in another root than /");
	else if (c->missing[CATALOGUE_LIBVIRT].code)
		*err = c->missing[CATALOGUE_LIBVIRT];
	else if (c->missing[CATALOGUE_QEMU].code)
		*err = c->missing[CATALOGUE_QEMU];
	return err->code;
}

/* As somebody would write it into the map. A row of the table doesn't tell whether the vendor was said, or is
 * the base's. */
static struct model as_written(const struct trial *t)
{
	struct model m = t->found->definition ? *t->found->definition : t->model;

	if (t->found->from == CATALOGUE_SITE)
		m.id.vendor[0] = '\0';
	return m;
}

static void try_stock(struct trial *t, const struct catalogue *c, const struct support *here)
{
	const struct model written = as_written(t);
	_cleanup_mapwith_ struct mapwith with = {0};
	struct error err = {0};
	int r = cant_ask(c, &err) ? err.code : mapwith(&with, &written, &c->map, &err);

	for (int a = 0; a < ACCELS; a++) {
		if (a == ACCEL_KVM && here->no_kvm.code)
			set_why(&t->stock[a], TRIAL_NO_KVM, &here->no_kvm);
		else if (r < 0)
			set_why(&t->stock[a],
				r == -ENOTSUP && with.n == 0 && !root_is_another() ? TRIAL_REFUSED
										   : TRIAL_UNASKED,
				&err);
		else
			ask_libvirt(&t->stock[a], &with, &t->model, c->qemu.path, (enum accel)a);
	}
}

/* ---- cpushim ---- */

/* The features that the accelerator can't give. */
static void find_lacking(struct shortfall *lacks, const struct trial *t, const struct catalogue *c,
			 const struct support *here, enum accel accel)
{
	struct featset tcg = t->model.features;

	featset_subtract(&tcg, &c->qemu.tcg);
	if (accel == ACCEL_KVM)
		shortfall_kvm(lacks, here, &t->model.features);
	else
		shortfall_tcg(lacks, &tcg);
}

static void try_ours_under(struct trial *t, const struct catalogue *c, const struct support *here,
			   const struct text *expansion, enum accel accel)
{
	struct outcome *o = &t->ours[accel];
	_cleanup_text_ struct text why = {0};
	struct shortfall lacks;

	if (accel == ACCEL_KVM && here->no_kvm.code) {
		set_why(o, TRIAL_NO_KVM, &here->no_kvm);
		return;
	}
	o->cpu = expansion->data ? strdup(expansion->data) : NULL;
	find_lacking(&lacks, t, c, here, accel);
	if (featset_count(&lacks.all)) {
		text_adds(&why, "lacks ");
		featset_print(&why, &lacks.all, " ");
		text_adds(&why, ": ");
		shortfall_print(&why, &lacks);
		o->result = TRIAL_REFUSED;
		error_set(&o->why, -ENOTSUP, NULL, 0, "%s", why.failed ? "" : why.data);
	} else if (o->cpu) {
		judge(o, &t->model, c->qemu.path, accel);
	}
}

static void try_ours(struct trial *t, const struct catalogue *c, const struct support *here)
{
	_cleanup_text_ struct text expansion = {0};
	struct error err = {0};
	int r = c->missing[CATALOGUE_QEMU].code;

	if (r < 0)
		err = c->missing[CATALOGUE_QEMU];
	else
		r = expand_full(&expansion, &t->model, &c->qemu, &err);
	for (int a = 0; a < ACCELS; a++) {
		if (r < 0)
			set_why(&t->ours[a], r == -ENOTSUP ? TRIAL_REFUSED : TRIAL_UNASKED, &err);
		else
			try_ours_under(t, c, here, &expansion, (enum accel)a);
	}
}

/* ---- the trial ---- */

static void ask_release(struct trial *t)
{
	const struct libvirt_at library = {.seconds = LIBRARY_SECONDS};
	struct libvirt_versions versions = {0};

	if (libvirt_ask_versions(&library, &versions, NULL) == 0)
		libvirt_version_print(t->libvirt, versions.library);
}

/* A model of libvirt's or QEMU's: its features alone are compared. */
static void take_stock(struct trial *t, const struct catalogue_model *m)
{
	t->model = (struct model){
		.name = m->name, .origin = m->origin, .features = m->gives, .id = IDENTITY_NONE};
	for (int a = 0; a < ACCELS; a++)
		t->ours[a].result = TRIAL_NEEDLESS;
}

int trial_run(struct trial *t, struct catalogue *c, const struct catalogue_model *m,
	      struct error *err)
{
	struct support here = {0};
	int r = 0;

	*t = (struct trial){.found = m};
	if (!c->missing[CATALOGUE_QEMU].code)
		support_ask(&here, c->qemu.path);
	else
		here.no_kvm = c->missing[CATALOGUE_QEMU];
	ask_release(t);
	if (!m->definition) {
		take_stock(t, m);
	} else {
		t->model = *m->definition;
		t->boot = shortfall_boot(&t->model.features);
		if (!c->missing[CATALOGUE_QEMU].code)
			r = expand_identity(&t->model, &c->qemu, err);
	}
	if (r < 0)
		return r;
	try_stock(t, c, &here);
	if (m->definition)
		try_ours(t, c, &here);
	return 0;
}

int trial_status(const struct trial *t)
{
	bool given = false, refused = false, unknown = false;

	for (int a = 0; a < ACCELS; a++) {
		enum trial_result ours = t->ours[a].result;

		given |= ours == TRIAL_EXACT || ours == TRIAL_NEEDLESS;
		refused |= ours == TRIAL_REFUSED || ours == TRIAL_DIFFERS;
		unknown |= ours == TRIAL_UNASKED || t->stock[a].result == TRIAL_UNASKED;
	}
	if (refused && !given)
		return EXIT_NO;
	return unknown ? EXIT_UNKNOWN : EXIT_YES;
}
