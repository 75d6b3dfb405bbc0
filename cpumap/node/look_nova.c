/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What nova asks libvirt of the models that its configuration names: their names, a comparison with the
 * host, their features (nova/virt/libvirt/driver.py, 26: _get_cpu_model_mapping,
 * _check_cpu_compatibility, _get_cpu_feature_traits).
 */
#include <errno.h>

#include "cpumap/libvirt/libvirtask.h"
#include "cpumap/libvirt/xml.h"
#include "condition.h"
#include "novaconf.h"

#define ASK_SECONDS 20

static const struct libvirt_at at = {.uri = LIBVIRT_SYSTEM_URI, .seconds = ASK_SECONDS};

/* nova's configuration; with the model that the caller asks about in the place of what it names. */
static int read_conf(const struct checkup *c, struct novaconf *n, struct error *err)
{
	int r = novaconf_read(n, err);

	if (!c->nova_model || (r < 0 && r != -ENOENT))
		return r;
	(void)snprintf(n->cpu_mode, sizeof(n->cpu_mode), "custom");
	strv_free(&n->models);
	return strv_add(&n->models, c->nova_model, strlen(c->nova_model));
}

void look_nova_conf(struct checkup *c, const struct condition *it, struct faults *f)
{
	_cleanup_novaconf_ struct novaconf n;
	struct error err = {0};
	int r = read_conf(c, &n, &err);
	bool custom = strcmp(n.cpu_mode, "custom") == 0;

	if (r == -ENOENT)
		fault_add(f, it->id, WEIGHT_SKIPPED,
			  "nova isn't configured here: libvirt is asked for all models");
	else if (r < 0)
		fault_add(f, it->id, WEIGHT_UNKNOWN, "%s: %s; run this as root", err.where,
			  err.what);
	else if (custom && n.models.n == 0)
		fault_add(f, it->id, WEIGHT_FAILS,
			  "%s: [libvirt] cpu_mode is custom, and no cpu_models are named, so "
			  "nova-compute doesn't start",
			  n.files.item[0]);
	else if (!custom && n.models.n)
		fault_add(f, it->id, WEIGHT_FAILS,
			  "%s: [libvirt] cpu_models are named, and cpu_mode isn't custom, so "
			  "nova-compute doesn't start",
			  n.files.item[0]);
	else if (!custom)
		fault_add(f, it->id, WEIGHT_SKIPPED,
			  "nova asks for no model by name here: libvirt is asked for all models");
	if (r == 0 && custom != (n.models.n > 0))
		fault_cure(f, "`cpushim expand --format nova MODEL` prints the lines");
}

/* The models to ask about: nova's, or all of the table. */
static int models_of(struct strv *models, const struct novaconf *n, const struct table *t)
{
	int r = 0;

	for (size_t i = 0; i < n->models.n && r == 0; i++)
		r = strv_add(models, n->models.item[i], strlen(n->models.item[i]));
	for (size_t i = 0; i < t->n && n->models.n == 0 && r == 0; i++)
		if (!*t->row[i].refused && !strv_has(models, t->row[i].model))
			r = strv_add(models, t->row[i].model, strlen(t->row[i].model));
	return r;
}

/* libvirt's spelling of a name: nova takes it in any case. NULL: libvirt has none. */
static const char *libvirts_name(const struct strv *names, const char *model)
{
	for (size_t i = 0; i < names->n; i++)
		if (strcasecmp(names->item[i], model) == 0)
			return names->item[i];
	return NULL;
}

/* Calls @ask for each model, with libvirt's spelling of it, or NULL. */
static void each_model(struct checkup *c, const struct condition *it, struct faults *f,
		       void (*ask)(struct checkup *c, const struct condition *it, struct faults *f,
				   const struct novaconf *n, const char *model, const char *name))
{
	_cleanup_novaconf_ struct novaconf n;
	_cleanup_strv_ struct strv models = {0};

	(void)read_conf(c, &n, NULL);
	if (models_of(&models, &n, &c->table) < 0)
		f->lost = true;
	for (size_t i = 0; i < models.n; i++)
		ask(c, it, f, &n, models.item[i],
		    libvirts_name(&checkup_libvirt(c)->models, models.item[i]));
}

static void judge_name(struct checkup *c, const struct condition *it, struct faults *f,
		       const struct novaconf *n, const char *model, const char *name)
{
	char shown[160];

	(void)n;
	if (name)
		return;
	fault_add(
		f, it->id, WEIGHT_FAILS,
		"libvirt doesn't list model '%s': nova-compute ends with 'Configured CPU model is "
		"not correct'",
		text_escape(shown, sizeof(shown), model, strlen(model)));
	if (table_find(&c->table, model, strlen(model), NULL))
		fault_cure(f, CURE_READY ", then %s, then restart nova-compute", c->restart);
	else
		fault_cure(f, "name one that `cpushim list` has");
}

void look_nova_names(struct checkup *c, const struct condition *it, struct faults *f)
{
	each_model(c, it, f, judge_name);
}

/* ---- compare ---- */

/* LibvirtConfigGuestCPU.to_xml, nova/virt/libvirt/config.py, 26 */
static void print_guest_cpu(struct text *out, const char *name, const struct strv *flags)
{
	text_addf(out, "<cpu match=\"exact\"><model>%s</model>", name);
	for (size_t i = 0; i < flags->n; i++) {
		const char *flag = flags->item[i];
		char feature[64];

		(void)snprintf(feature, sizeof(feature), "%s", flag + strspn(flag, "+-"));
		if (feature_find(feature, strlen(feature)) >= 0)
			text_addf(out, "<feature policy=\"%s\" name=\"%s\"/>",
				  *flag == '-' ? "disable" : "require", feature);
	}
	text_adds(out, "</cpu>");
}

static void judge_compare(struct checkup *c, const struct condition *it, struct faults *f,
			  const struct novaconf *n, const char *model, const char *name)
{
	enum libvirt_compared compared = LIBVIRT_INCOMPATIBLE;
	_cleanup_text_ struct text cpu = {0};
	struct error err = {0};
	char shown[160];
	int r;

	(void)c;
	if (!name || strcmp(n->virt_type, "kvm") != 0)
		return;
	print_guest_cpu(&cpu, name, &n->flags);
	if (cpu.failed) {
		f->lost = true;
		return;
	}
	r = libvirt_ask_compare(&at, cpu.data, &compared, &err);
	(void)text_escape(shown, sizeof(shown), model, strlen(model));
	if (r < 0)
		fault_add(f, it->id, r == -EINVAL ? WEIGHT_FAILS : WEIGHT_UNKNOWN,
			  "libvirt doesn't compare model '%s' with this host: %s", shown, err.what);
	else if (compared == LIBVIRT_INCOMPATIBLE)
		/* without a configuration nobody asks for it yet */
		fault_add(f, it->id, n->models.n ? WEIGHT_FAILS : WEIGHT_WARNS,
			  "libvirt says that this host's CPU isn't model '%s': nova-compute ends "
			  "with "
			  "'CPU doesn't have compatibility'",
			  shown);
	else
		return;
	fault_cure(f,
		   "`cpushim list %s` names what is lacking here; name a model without, or "
		   "[workarounds] skip_cpu_compare_at_startup",
		   shown);
}

void look_nova_compare(struct checkup *c, const struct condition *it, struct faults *f)
{
	_cleanup_novaconf_ struct novaconf n;

	(void)read_conf(c, &n, NULL);
	if (strcmp(n.virt_type, "kvm") != 0)
		fault_add(f, it->id, WEIGHT_SKIPPED,
			  "nova compares nothing where virt_type isn't kvm");
	else
		each_model(c, it, f, judge_compare);
}

/* ---- baseline ---- */

/* The features of libvirt's answer, a <cpu>. */
static int read_features(struct featset *set, const char *cpu, struct error *err)
{
	_cleanup_doc_ xmlDoc *doc = NULL;
	int r = xml_parse(&doc, cpu, strlen(cpu), "libvirt's answer", "cpu", err);

	*set = (struct featset){0};
	for (const xmlNode *n = r == 0 ? xmlDocGetRootElement(doc)->children : NULL; n;
	     n = n->next) {
		_cleanup_xml_ char *name = xml_is(n, NULL, "feature") ? xml_attr(n, "name") : NULL;
		_cleanup_xml_ char *policy = name ? xml_attr(n, "policy") : NULL;
		int feature = name ? feature_find(name, strlen(name)) : -1;

		if (feature >= 0 && !(policy && strcmp(policy, "disable") == 0))
			featset_add(set, (size_t)feature);
	}
	return r;
}

/* Are all features of the model in libvirt's answer? nova makes the host's traits of them. */
static void judge_features(const struct condition *it, struct faults *f, const char *model,
			   const struct table_row *row, const char *cpu)
{
	_cleanup_text_ struct text names = {0};
	struct featset has, wanted;
	struct error err = {0};

	if (read_features(&has, cpu, &err) < 0) {
		fault_add(f, it->id, WEIGHT_UNKNOWN, "%s: %s", err.where, err.what);
		return;
	}
	if (!row || featset_parse(&wanted, row->features, strlen(row->features), ',', NULL) < 0)
		return;
	featset_subtract(&wanted, &has);
	if (featset_count(&wanted) == 0)
		return;
	featset_print(&names, &wanted, " ");
	fault_add(f, it->id, WEIGHT_WARNS,
		  "libvirt doesn't tell that model '%s' has %s: nova won't schedule by that", model,
		  names.failed ? "" : names.data);
}

static void judge_baseline(struct checkup *c, const struct condition *it, struct faults *f,
			   const struct novaconf *n, const char *model, const char *name)
{
	const char *vendor = libvirtmap_host_vendor(checkup_stock(c));
	_cleanup_free_ char *answer = NULL;
	_cleanup_strv_ struct strv cpus = {0};
	struct error err = {0};
	char shown[160];
	int r;

	(void)n;
	if (!name)
		return;
	(void)text_escape(shown, sizeof(shown), model, strlen(model));
	r = strv_addf(&cpus, "<cpu><arch>x86_64</arch><model>%s</model>%s%s%s</cpu>", name,
		      vendor ? "<vendor>" : "", vendor ? vendor : "", vendor ? "</vendor>" : "");
	if (r == 0)
		r = libvirt_ask_baseline(&at, &cpus, true, &answer, &err);
	if (r == 0) {
		judge_features(it, f, shown, table_find(&c->table, name, strlen(name), NULL),
			       answer);
		return;
	}
	fault_add(f, it->id, r == -EINVAL ? WEIGHT_FAILS : WEIGHT_UNKNOWN,
		  "libvirt doesn't tell the features of model '%s': %s", shown, err.what);
	fault_cure(f, "%s", c->restart);
}

void look_nova_baseline(struct checkup *c, const struct condition *it, struct faults *f)
{
	each_model(c, it, f, judge_baseline);
}
