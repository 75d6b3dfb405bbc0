/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking a QEMU binary what it has. Over QMP (qapi/machine-target.json), without a machine:
 * query-cpu-definitions names the models, and the features of each that the accelerator lacks.
 * query-cpu-model-expansion (full) gives all properties of a model before anything is filtered
 * (x86_cpu_expand_features, 5.2 to 11.0); the expansion of max says what the accelerator provides.
 */
#include "qemu.h"

#include <errno.h>
#include <limits.h>

#include "cpumap/core/emulator.h"
#include "kvm.h"

/* QEMU 7.2 takes a fifth of a second for its 132 models. A QEMU that hangs costs no more than
 * this. */
#define PROBE_TIMEOUT_MS 10000

static void model_reset(struct qemu_model *m)
{
	free(m->name);
	free(m->alias_of);
	*m = (struct qemu_model){0};
}

void qemu_free(struct qemu *q)
{
	for (size_t i = 0; i < q->n_models; i++)
		model_reset(&q->model[i]);
	free(q->model);
	free(q->path);
	free(q->program);
	strv_free(&q->names);
	*q = (struct qemu){0};
}

/* The features that a JSON array of QEMU's names holds. Other names in it ("kvm", "type") aren't
 * features. */
static void features_of_array(json_t *names, struct featset *set)
{
	size_t i;
	json_t *name;

	json_array_foreach(names, i, name)
	{
		const char *s = json_string_value(name);
		int f = s ? feature_find(s, strlen(s)) : -1;

		if (f >= 0)
			featset_add(set, (size_t)f);
	}
}

/* @known: features[] that are boolean properties; @on: those that are true */
static void features_of_props(json_t *props, struct featset *known, struct featset *on)
{
	for (size_t i = 0; i < n_features; i++) {
		json_t *value;

		if (!features[i].qemu)
			continue;
		value = json_object_get(props, features[i].qemu);
		if (!json_is_boolean(value))
			continue;
		if (known)
			featset_add(known, i);
		if (on && json_is_true(value))
			featset_add(on, i);
	}
}

static int number_of(json_t *props, const char *name)
{
	json_t *value = json_object_get(props, name);
	double n = json_number_value(value);

	return json_is_number(value) && n >= 0 && n <= INT32_MAX ? (int)n : -1;
}

static uint32_t leaf_of(json_t *props, const char *name)
{
	double n = json_number_value(json_object_get(props, name));

	return n > 0 && n <= UINT32_MAX ? (uint32_t)n : 0;
}

static void identity_of_props(json_t *props, struct identity *id)
{
	const char *vendor = json_string_value(json_object_get(props, "vendor"));

	*id = IDENTITY_NONE;
	if (vendor && strlen(vendor) == sizeof(id->vendor) - 1)
		memcpy(id->vendor, vendor, sizeof(id->vendor));
	id->family = number_of(props, "family");
	id->model = number_of(props, "model");
	id->stepping = number_of(props, "stepping");
}

/* The properties of a model: a new reference. */
static int expansion(struct qmp *m, const char *model, bool migratable, json_t **props,
		     struct error *err)
{
	json_t *answer = NULL, *wish = migratable ? NULL : json_pack("{s:b}", "migratable", 0);
	json_t *args = json_pack("{s:s, s:{s:s, s:o*}}", "type", "full", "model", "name", model,
				 "props", wish);
	int r;

	if (!args)
		return error_set(err, -ENOMEM, m->name, 0, "out of memory");
	r = qmp_call(m, "query-cpu-model-expansion", args, &answer, err);
	if (r == -ENOENT)
		return error_set(err, r, m->name, 0,
				 "can't tell what its models are (query-cpu-model-expansion); "
				 "cpushim needs QEMU 2.12 or later");
	if (r < 0)
		return r;
	*props = json_incref(json_object_get(json_object_get(answer, "model"), "props"));
	json_decref(answer);
	if (!json_is_object(*props)) {
		json_decref(*props);
		return error_set(err, -EPROTO, m->name, 0,
				 "query-cpu-model-expansion of '%s' gives no properties", model);
	}
	return 0;
}

/*
 * The identity that max gets when it starts. Since 8.0 its expansion says 0, and
 * max_x86_cpu_realize (target/i386) sets these numbers: at that moment max has no features yet.
 * With lm=on in the argument it would be 15, 107, 1, as in 7.2 (measured with 10.0 and 11.1). The
 * model base has no identity at all.
 */
static void identity_at_start(struct qemu_model *model)
{
	model->id.family = 6;
	model->id.model = 6;
	model->id.stepping = 3;
	if (!*model->id.vendor)
		model->id = IDENTITY_NONE;
}

static int read_model(struct qmp *m, json_t *definition, struct qemu_model *model,
		      struct error *err)
{
	const char *name = json_string_value(json_object_get(definition, "name"));
	const char *alias = json_string_value(json_object_get(definition, "alias-of"));
	json_t *props = NULL;
	int r;

	if (!name)
		return error_set(err, -EPROTO, m->name, 0, "has a CPU model without a name");
	model->name = strdup(name);
	model->alias_of = alias ? strdup(alias) : NULL;
	if (!model->name || (alias && !model->alias_of))
		return error_set(err, -ENOMEM, m->name, 0, "out of memory");
	features_of_array(json_object_get(definition, "unavailable-features"), &model->unavailable);
	model->computed = model_is_computed(name);
	model->id = IDENTITY_NONE;
	/* host exists only with KVM (hw/core/cpu, 2.8) */
	if (strcmp(name, "host") == 0)
		return 0;
	r = expansion(m, name, true, &props, err);
	if (r < 0)
		return r;
	features_of_props(props, NULL, &model->features);
	identity_of_props(props, &model->id);
	if (model->computed && model->id.family == 0)
		identity_at_start(model);
	model->level = leaf_of(props, "level");
	model->xlevel = leaf_of(props, "xlevel");
	json_decref(props);
	return 0;
}

static int read_models(struct qmp *m, struct qemu *q, struct error *err)
{
	json_t *definitions = NULL, *definition;
	size_t i;
	int r = qmp_call(m, "query-cpu-definitions", NULL, &definitions, err);

	if (r < 0)
		return r;
	q->model = calloc(json_array_size(definitions) + 1, sizeof(*q->model));
	if (!q->model)
		r = error_set(err, -ENOMEM, m->name, 0, "out of memory");
	json_array_foreach(definitions, i, definition)
	{
		if (r < 0)
			break;
		r = read_model(m, definition, &q->model[q->n_models++], err);
		if (r == 0)
			r = strv_add(&q->names, q->model[i].name, strlen(q->model[i].name));
	}
	json_decref(definitions);
	if (r == 0 && q->n_models == 0)
		r = error_set(err, -EPROTO, m->name, 0, "has no CPU models");
	return r;
}

static int read_version(struct qmp *m, struct qemu *q, struct error *err)
{
	json_t *answer = NULL, *number, *target = NULL;
	const char *arch;
	char shown[32];
	int r = qmp_call(m, "query-version", NULL, &answer, err);

	if (r < 0)
		return r;
	number = json_object_get(answer, "qemu");
	(void)snprintf(q->version, sizeof(q->version), "%d.%d.%d", number_of(number, "major"),
		       number_of(number, "minor"), number_of(number, "micro"));
	json_decref(answer);
	r = qmp_call(m, "query-target", NULL, &target, err);
	if (r < 0)
		return r;
	arch = json_string_value(json_object_get(target, "arch"));
	if (!arch || (strcmp(arch, "x86_64") != 0 && strcmp(arch, "i386") != 0))
		r = error_set(err, -ENOTSUP, m->name, 0, "isn't a QEMU for x86, but for %s",
			      text_escape(shown, sizeof(shown), arch ? arch : "",
					  arch ? strlen(arch) : 0));
	json_decref(target);
	return r;
}

/* The features of max, and those that some model has and doesn't list as unavailable. The latter
 * are features that max leaves out on purpose: no_autoenable, and topoext before 8.0. */
static int provided(struct qmp *m, struct qemu *q, struct featset *properties, struct featset *set,
		    struct error *err)
{
	json_t *props = NULL;
	int r = expansion(m, "max", false, &props, err);

	if (r < 0)
		return r;
	*set = (struct featset){0};
	features_of_props(props, properties, set);
	q->has_avx10_version = json_object_get(props, "avx10-version");
	q->has_auto_level = json_object_get(props, "full-cpuid-auto-level");
	json_decref(props);
	for (size_t i = 0; i < q->n_models; i++) {
		struct featset had = q->model[i].features;

		featset_subtract(&had, &q->model[i].unavailable);
		featset_union(set, &had);
	}
	return 0;
}

static int spawn(struct qmp *m, const char *path, const char *machine, struct error *err)
{
	const char *argv[] = {path,         "-S",       "-no-user-config", "-nodefaults",
			      "-nographic", "-machine", machine,           NULL};

	return qmp_spawn(m, argv, PROBE_TIMEOUT_MS, err);
}

/* The file of the process that answers. */
static char *program_of(const struct qmp *m)
{
	char link[64], path[PATH_MAX];
	ssize_t n;

	(void)snprintf(link, sizeof(link), "/proc/%d/exe", (int)m->pid);
	n = readlink(link, path, sizeof(path));
	return n > 0 && (size_t)n < sizeof(path) ? strndup(path, (size_t)n) : NULL;
}

/* Here, without a machine and with TCG, only QEMU's own files can be what is wrong. */
static int blame(struct error *err, int r)
{
	struct error what = err ? *err : (struct error){0};

	if (r != -EPROTO)
		return r;
	return error_set(err, r, what.where, 0, "%s; " EMULATOR_REINSTALL, what.what);
}

int qemu_probe(struct qemu *q, const char *path, struct error *err)
{
	_cleanup_qmp_ struct qmp m = QMP_NONE;
	int r;

	*q = (struct qemu){.path = strdup(path)};
	if (!q->path)
		return error_set(err, -ENOMEM, path, 0, "out of memory");
	r = spawn(&m, path, "none,accel=tcg", err);
	if (r == 0)
		q->program = program_of(&m);
	if (r == 0)
		r = read_version(&m, q, err);
	if (r == 0)
		r = read_models(&m, q, err);
	if (r == 0)
		r = provided(&m, q, &q->properties, &q->tcg, err);
	return blame(err, r);
}

const struct qemu_model *qemu_model_named(const struct qemu *q, const char *name)
{
	for (size_t i = 0; i < q->n_models; i++)
		if (strcmp(q->model[i].name, name) == 0)
			return &q->model[i];
	return NULL;
}

/* Is @name a version of @model (kvm64-v1 of kvm64)? */
static bool is_version_of(const char *name, const char *model)
{
	size_t len = strlen(model);
	uint64_t version;

	return strncmp(name, model, len) == 0 && strncmp(name + len, "-v", 2) == 0 &&
	       number_parse(name + len + 2, strlen(name + len + 2), 10, UINT16_MAX, &version) == 0;
}

void qemu_brings(const struct qemu *q, const char *model, struct featset *set)
{
	/* KVM switches x2apic on in every named model. TCG switches vme off, which nearly all of
	 * QEMU's definitions have (kvm_default_props and tcg_default_props, target/i386, 2.4 to
	 * 11.0). */
	static const char *const by_accelerator[] = {"x2apic", "vme"};
	const struct qemu_model *base = qemu_model_named(q, model);
	const char *alias = base && base->alias_of ? base->alias_of : model;

	for (size_t i = 0; i < ARRAY_SIZE(by_accelerator); i++)
		featset_add(set,
			    (size_t)feature_find(by_accelerator[i], strlen(by_accelerator[i])));
	for (size_t i = 0; i < q->n_models; i++) {
		const char *name = q->model[i].name;

		if (strcmp(name, model) == 0 || strcmp(name, alias) == 0 ||
		    is_version_of(name, model))
			featset_union(set, &q->model[i].features);
	}
	for (size_t i = 0; i < n_features; i++)
		if (features[i].kind != FEATURE_CPUID)
			featset_remove(set, i);
}

static int provides(struct qmp *m, struct featset *set, struct featset *properties,
		    struct error *err)
{
	_cleanup_qemu_ struct qemu q = {0};
	int r = read_models(m, &q, err);

	return r < 0 ? r : provided(m, &q, properties, set, err);
}

int qemu_provides(struct qmp *m, struct featset *set, struct error *err)
{
	return provides(m, set, NULL, err);
}

int qemu_kvm(const char *path, struct featset *set, struct featset *properties, struct error *err)
{
	_cleanup_qmp_ struct qmp m = QMP_NONE;
	int r = kvm_usable(err);

	if (r == 0)
		r = spawn(&m, path, "none,accel=kvm", err);
	return r < 0 ? r : provides(&m, set, properties, err);
}
