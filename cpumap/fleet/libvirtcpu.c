/* SPDX-License-Identifier: Apache-2.0 */
#include "libvirtcpu.h"

#include <errno.h>

#include "libvirtnames.h"
#include "stockmodels.h"
#include "cpumap/libvirt/libvirtmap.h"

/* ---- XML ---- */

int xml_bad(const struct xmlplace *at, const xmlNode *node, const char *fmt, ...)
{
	char what[512];
	va_list ap;

	va_start(ap, fmt);
	error_format(what, sizeof(what), fmt, ap);
	va_end(ap);
	return input_bad(at->in, at->line - 1 + xml_line(node), at->err, "%s", what);
}

const xmlNode *xml_child(const xmlNode *node, const char *name)
{
	for (const xmlNode *child = node->children; child; child = child->next)
		if (xml_is(child, NULL, name))
			return child;
	return NULL;
}

char *xml_content(const xmlNode *node, const char *name)
{
	const xmlNode *child = xml_child(node, name);

	return child ? (char *)xmlNodeGetContent(child) : NULL;
}

static bool is_value(const char *s, const char *value)
{
	return s && strcmp(s, value) == 0;
}

/* A decimal number in an attribute; false: there is none, or it is more than @max. */
static bool number_of(const xmlNode *node, const char *attr, uint64_t max, uint64_t *value)
{
	_cleanup_xml_ char *s = xml_attr(node, attr);

	return s && number_parse(s, strlen(s), 10, max, value) == 0;
}

/* ---- identity and numbers ---- */

static void read_signature(const xmlNode *signature, struct identity *id)
{
	uint64_t family, model, stepping;

	if (number_of(signature, "family", 0x10e, &family) &&
	    number_of(signature, "model", 0xff, &model)) {
		id->family = (int)family;
		id->model = (int)model;
	}
	if (number_of(signature, "stepping", 0xf, &stepping))
		id->stepping = (int)stepping;
}

static void read_counter(const xmlNode *counter, struct host *h)
{
	_cleanup_xml_ char *name = xml_attr(counter, "name"),
			   *scaling = xml_attr(counter, "scaling");

	if (!is_value(name, "tsc"))
		return;
	(void)number_of(counter, "frequency", UINT64_C(1) << 40, &h->tsc_hz);
	h->tsc_scaling = is_value(scaling, "yes") ? 1 : is_value(scaling, "no") ? 0 : -1;
}

static int read_microcode(const xmlNode *microcode, struct host *h)
{
	uint64_t version;

	if (h->microcode || !number_of(microcode, "version", UINT32_MAX, &version))
		return 0;
	if (asprintf(&h->microcode, "0x%08x", (unsigned int)version) >= 0)
		return 0;
	h->microcode = NULL;
	return -ENOMEM;
}

/* The host's address bits: @limit in an offer, @bits of a host. */
static void read_physbits(const xmlNode *maxphysaddr, struct host *h)
{
	uint64_t bits;

	if (number_of(maxphysaddr, "limit", 64, &bits) || number_of(maxphysaddr, "bits", 64, &bits))
		h->physbits = (unsigned int)bits;
}

static void read_vendor(const xmlNode *cpu, struct identity *id)
{
	_cleanup_xml_ char *name = xml_content(cpu, "vendor");
	const char *vendor = name ? libvirtmap_vendor(stockmodels_map(), name) : NULL;

	if (vendor)
		(void)snprintf(id->vendor, sizeof(id->vendor), "%s", vendor);
}

static int read_parts(const xmlNode *cpu, struct host *h)
{
	const xmlNode *signature = xml_child(cpu, "signature"),
		      *counter = xml_child(cpu, "counter"),
		      *microcode = xml_child(cpu, "microcode"),
		      *maxphysaddr = xml_child(cpu, "maxphysaddr");

	read_vendor(cpu, &h->id);
	if (signature)
		read_signature(signature, &h->id);
	if (counter)
		read_counter(counter, h);
	if (maxphysaddr)
		read_physbits(maxphysaddr, h);
	return microcode ? read_microcode(microcode, h) : 0;
}

/* ---- features ---- */

/* What the features of a description say. */
struct named {
	struct featset has, lacks, seen; /* @seen also holds those that are optional */
};

/* 1: the feature is there, 0: it isn't, -1: either; -2: no such policy. */
static int policy_of(const xmlNode *feature, enum libvirtcpu kind)
{
	_cleanup_xml_ char *policy = xml_attr(feature, "policy");

	if (!policy || kind == LIBVIRTCPU_HOST)
		return 1;
	if (is_value(policy, "require") || is_value(policy, "force"))
		return 1;
	if (is_value(policy, "disable") || is_value(policy, "forbid"))
		return 0;
	return is_value(policy, "optional") ? -1 : -2;
}

static int read_feature(const struct xmlplace *at, const xmlNode *feature, enum libvirtcpu kind,
			struct named *n)
{
	_cleanup_xml_ char *name = xml_attr(feature, "name");
	int policy = policy_of(feature, kind);
	char shown[64];
	int f;

	if (!name || policy < -1)
		return xml_bad(at, feature,
			       "a <feature> without a name, or with a policy that libvirt lacks");
	f = feature_find(name, strlen(name));
	/* a later libvirt knows names that we don't */
	if (f < 0 || features[f].kind == FEATURE_OTHER)
		return 0;
	if (featset_has(&n->seen, (size_t)f))
		return xml_bad(at, feature, "feature '%s' is there twice",
			       text_escape(shown, sizeof(shown), name, strlen(name)));
	featset_add(&n->seen, (size_t)f);
	if (policy >= 0)
		featset_add(policy ? &n->has : &n->lacks, (size_t)f);
	return 0;
}

static int read_features(const struct xmlplace *at, const xmlNode *cpu, enum libvirtcpu kind,
			 struct named *n)
{
	int r = 0;

	for (const xmlNode *child = cpu->children; child && r == 0; child = child->next)
		if (xml_is(child, NULL, "feature"))
			r = read_feature(at, child, kind, n);
	return r;
}

static void add_names(struct featset *set, const char *names)
{
	struct featset some;

	(void)featset_parse(&some, names, strlen(names), ' ', NULL);
	featset_union(set, &some);
}

/* What isn't known where it isn't named: what one release's map has in a model, and another's took out
 * (removed='yes' in src/cpu_map, 11.3), and of an offer what can't be migrated (migratable='no', 9.0 and
 * 11.3), which QEMU would give all the same. */
static void undecided(enum libvirtcpu kind, struct featset *set)
{
	*set = (struct featset){0};
	add_names(set, "mpx monitor intel-pt");
	if (kind == LIBVIRTCPU_OFFER)
		add_names(set, "invtsc xsaves");
}

/* Is everything that isn't named meant to be absent? */
static bool is_whole(const xmlNode *cpu)
{
	_cleanup_xml_ char *match = xml_attr(cpu, "match");

	return !is_value(match, "minimum");
}

/* Parts that libvirt writes since 8.7.0 (or 7.1.0) alone. */
static bool since_8_7(const xmlNode *cpu)
{
	const xmlNode *modes = cpu->parent;

	if (xml_child(cpu, "maxphysaddr"))
		return true;
	for (const xmlNode *mode = modes ? modes->children : NULL; mode; mode = mode->next) {
		_cleanup_xml_ char *name =
			xml_is(mode, NULL, "mode") ? xml_attr(mode, "name") : NULL;

		if (is_value(name, "maximum"))
			return true;
	}
	return false;
}

/* A model of the map may have what something else than the CPU decides. */
static void add_model(struct featset *set, const struct model *model)
{
	for (size_t i = 0; i < n_features; i++)
		if (featset_has(&model->features, i) && features[i].kind != FEATURE_OTHER)
			featset_add(set, i);
}

static void judge(const xmlNode *cpu, enum libvirtcpu kind, const struct model *model,
		  const struct named *n, struct host_view *view)
{
	struct featset open, absent, all = n->has;

	undecided(kind, &open);
	view->has = n->has;
	if (model) {
		view->has = (struct featset){0};
		add_model(&view->has, model);
		featset_subtract(&view->has, &open);
		featset_union(&view->has, &n->has);
		featset_subtract(&view->has, &n->lacks);
	}
	view->known = view->has;
	featset_union(&view->known, &n->lacks);
	if (!model || !is_whole(cpu))
		return;
	featset_union(&all, &n->lacks);
	libvirtnames_known(&all, since_8_7(cpu), &absent);
	featset_subtract(&absent, &open);
	featset_subtract(&absent, &n->seen);
	featset_union(&view->known, &absent);
}

/* ---- the description ---- */

/* "Skylake-Client-IBRS" of <model>, without the blanks around it; allocated, NULL: there is none. */
static char *model_name(const xmlNode *cpu)
{
	_cleanup_xml_ char *content = xml_content(cpu, "model");
	const char *s = content ? content + strspn(content, " \t\n") : "";
	size_t len = strcspn(s, " \t\n");

	return len ? strndup(s, len) : NULL;
}

static int check_kind(const struct xmlplace *at, const xmlNode *cpu, enum libvirtcpu kind)
{
	_cleanup_xml_ char *mode = xml_attr(cpu, "mode"), *arch = xml_content(cpu, "arch");
	char shown[64];

	if (arch && !is_value(arch, "x86_64") && !is_value(arch, "i686"))
		return xml_bad(at, cpu, "a CPU of '%s', not of x86",
			       text_escape(shown, sizeof(shown), arch, strlen(arch)));
	if (kind == LIBVIRTCPU_GUEST && mode && !is_value(mode, "custom"))
		return xml_bad(at, cpu, "mode='%s' doesn't say which features the CPU has",
			       text_escape(shown, sizeof(shown), mode, strlen(mode)));
	return 0;
}

int libvirtcpu_read(const struct xmlplace *at, const xmlNode *cpu, enum libvirtcpu kind,
		    struct host *h, struct host_view *view)
{
	_cleanup_free_ char *name = model_name(cpu);
	const struct model *model = name ? stockmodels_find(name) : NULL;
	struct named n = {0};
	char shown[64];
	int r = check_kind(at, cpu, kind);

	if (r == 0)
		r = read_features(at, cpu, kind, &n);
	if (r == 0)
		r = read_parts(cpu, h);
	if (r < 0)
		return r;
	judge(cpu, kind, model, &n, view);
	if (featset_count(&view->known) > 0)
		return 0;
	return name ? xml_bad(at, cpu,
			      "libvirt's map here lacks the model '%s', and no feature is named",
			      text_escape(shown, sizeof(shown), name, strlen(name)))
		    : xml_bad(at, cpu, "a CPU without a model and without features");
}
