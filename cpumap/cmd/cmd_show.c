/* SPDX-License-Identifier: Apache-2.0 */
/* cpushim show: a model's features, one a line; ours and libvirt's own. */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>

#include "cpumap/core/paths.h"
#include "cpumap/libvirt/libvirtmap.h"
#include "cmd.h"

static const char usage[] =
	"Usage: cpushim show [--json] MODEL\n"
	"Print the features of a site model, or of one of libvirt's own, in libvirt's\n"
	"names, one a line.\n"
	"\n"
	"  -j, --json  as JSON, with base and identity\n"
	"  -h, --help  this text\n"
	"\n"
	"Exit status: 0 shown; 1 a site model that is refused; 2 no such model.\n";

static int print_features(const struct featset *set)
{
	_cleanup_text_ struct text t = {0};

	featset_print(&t, set, "\n");
	if (t.len)
		puts(t.data);
	return cmd_flush(EXIT_YES);
}

static int show_ours(const struct table_row *row, bool json)
{
	struct error err = {0};
	struct featset set;
	json_t *answer;

	if (!*row->features && *row->refused) {
		error_set(&err, -EINVAL, row->origin, 0, "%s", row->refused);
		(void)cmd_fail(&err);
		return EXIT_NO;
	}
	if (featset_parse(&set, row->features, strlen(row->features), ',', &err) < 0)
		return cmd_fail(&err);
	if (!json)
		return print_features(&set);
	answer = json_pack("{s:s, s:o, s:s, s:s, s:s, s:s, s:s, s:s, s:o}", "model", row->model,
			   "origin", cmd_foreign(row->origin), "base", row->base, "vendor",
			   row->vendor, "family", row->family, "model_number", row->cpu_model,
			   "stepping", row->stepping, "digest", row->digest, "features",
			   cmd_features_json(&set));
	return cmd_json(answer);
}

static int no_such_model(const char *name, const struct table *t, const struct model_list *others)
{
	struct error err = {0};
	char shown[128], what[256];

	(void)snprintf(what, sizeof(what),
		       "neither a site model nor one of libvirt's is named '%s'",
		       text_escape(shown, sizeof(shown), name, strlen(name)));
	cmd_no_model(&err, what, name, t, others);
	return cmd_fail(&err);
}

static int show_libvirts(const char *name, const struct table *t, bool json)
{
	_cleanup_free_ char *dir = root_path(LIBVIRTMAP_DIR);
	_cleanup_libvirtmap_ struct libvirtmap map = {0};
	const struct model *m;
	struct error err = {0};

	if (!dir || libvirtmap_load(&map, dir, LIBVIRTMAP_OURS, &err) < 0)
		return cmd_fail(&err);
	m = model_named(&map.models, name);
	if (!m)
		return no_such_model(name, t, &map.models);
	if (!json)
		return print_features(&m->features);
	return cmd_json(json_pack("{s:s, s:o, s:s, s:o}", "model", m->name, "origin",
				  cmd_foreign(m->origin), "vendor", m->id.vendor, "features",
				  cmd_features_json(&m->features)));
}

int cmd_show(int argc, char **argv)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {0}};
	_cleanup_table_ struct table t = {0};
	const struct table_row *row;
	struct error err = {0};
	bool json = false;
	int opt, r;

	while ((opt = getopt_long(argc, argv, "jh", options, NULL)) != -1) {
		if (opt == 'h')
			return cmd_help(usage);
		if (opt != 'j')
			return usage_error("show", NULL);
		json = true;
	}
	if (optind + 1 != argc)
		return usage_error("show", "takes one MODEL");
	r = cmd_table(&t, &err);
	if (r < 0 && r != -ENOENT)
		return cmd_fail(&err);
	row = table_find(&t, argv[optind], strlen(argv[optind]), NULL);
	return row ? show_ours(row, json) : show_libvirts(argv[optind], &t, json);
}
