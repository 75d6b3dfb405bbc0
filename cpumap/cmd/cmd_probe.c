/* SPDX-License-Identifier: Apache-2.0 */
/* cpushim probe: what a QEMU binary knows, and what its accelerators provide here. */
#include <getopt.h>

#include "cpumap/core/emulator.h"
#include "cpumap/core/paths.h"
#include "cpumap/qemu/qemu.h"
#include "cmd.h"

static const char usage[] =
	"Usage: cpushim probe [--json] [QEMU]\n"
	"Ask a QEMU binary (the real one behind " EMULATOR_DEFAULT ")\n"
	"for its CPU models, the features it has as properties, and those that TCG and,\n"
	"where /dev/kvm works, KVM can provide here.\n"
	"\n"
	"  -j, --json  as JSON, with each model's features\n"
	"  -h, --help  this text\n"
	"\n"
	"Exit status: 0 printed; 2 it isn't a QEMU for x86, or gave no answer.\n";

static void add_set(struct text *t, const char *title, const struct featset *set)
{
	text_addf(t, "%s (%zu): ", title, featset_count(set));
	featset_print(t, set, " ");
	text_adds(t, "\n");
}

static int print_text(const struct qemu *q, const struct featset *kvm, const struct error *no_kvm)
{
	_cleanup_text_ struct text t = {0};

	text_addf(&t, "%s: QEMU %s\nmodels (%zu):", q->path, q->version, q->n_models);
	for (size_t i = 0; i < q->n_models; i++)
		text_addf(&t, " %s", q->model[i].name);
	text_adds(&t, "\n");
	add_set(&t, "properties", &q->properties);
	add_set(&t, "tcg", &q->tcg);
	if (no_kvm->code)
		text_addf(&t, "kvm: not here: %s: %s\n", no_kvm->where, no_kvm->what);
	else
		add_set(&t, "kvm", kvm);
	return cmd_print(&t, 4, EXIT_YES);
}

static json_t *model_json(const struct qemu_model *m)
{
	return json_pack("{s:s, s:s*, s:s, s:i, s:i, s:i, s:o}", "name", m->name, "alias-of",
			 m->alias_of, "vendor", m->id.vendor, "family", m->id.family, "model",
			 m->id.model, "stepping", m->id.stepping, "features",
			 cmd_features_json(&m->features));
}

static int print_json(const struct qemu *q, const struct featset *kvm, const struct error *no_kvm)
{
	json_t *models = json_array();

	for (size_t i = 0; i < q->n_models; i++)
		(void)json_array_append_new(models, model_json(&q->model[i]));
	return cmd_json(json_pack("{s:o, s:s, s:o, s:o, s:o, s:o}", "path", cmd_foreign(q->path),
				  "version", q->version, "models", models, "properties",
				  cmd_features_json(&q->properties), "tcg",
				  cmd_features_json(&q->tcg), "kvm",
				  no_kvm->code ? json_null() : cmd_features_json(kvm)));
}

int cmd_probe(int argc, char **argv)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {0}};
	_cleanup_qemu_ struct qemu q = {0};
	_cleanup_free_ char *path = NULL;
	struct error err = {0}, no_kvm = {0};
	struct featset kvm = {0};
	bool json = false;
	int opt;

	while ((opt = getopt_long(argc, argv, "jh", options, NULL)) != -1) {
		if (opt == 'h')
			return cmd_help(usage);
		if (opt != 'j')
			return usage_error("probe", NULL);
		json = true;
	}
	if (argc - optind > 1)
		return usage_error("probe", "takes one QEMU");
	path = optind < argc ? strdup(argv[optind]) : emulator_real(EMULATOR_DEFAULT, &err);
	if (!path || qemu_probe(&q, path, &err) < 0)
		return cmd_fail(&err);
	(void)qemu_kvm(path, &kvm, NULL, &no_kvm);
	return (json ? print_json : print_text)(&q, &kvm, &no_kvm);
}
