/* SPDX-License-Identifier: Apache-2.0 */
#include "domain.h"

#include <errno.h>

#include "cpumap/libvirt/xml.h"
#include "hook/core/scan.h"
#include "mark.h"
#include "splice.h"

void domain_free(struct domain *d)
{
	free(d->name);
	free(d->uuid);
	free(d->emulator);
	free(d->machine);
	free(d->type);
	free(d->arch);
	free(d->mode);
	free(d->model);
	free(d->match);
	free(d->vendor_id);
	free(d->vendor);
	free(d->check);
	strv_free(&d->own);
	free(d->mark_model);
	free(d->mark_digest);
	*d = (struct domain){0};
}

/* Copies to malloc's memory what libxml2 allocated, and frees that. NULL stays NULL. */
static char *take(char *s)
{
	char *copy = s ? strdup(s) : NULL;

	if (s)
		xmlFree(s);
	return copy;
}

static char *content(const xmlNode *node)
{
	return take((char *)xmlNodeGetContent(node));
}

/*
 * How libvirt reads a domain (src/conf/cpu_conf.c and domain_conf.c, the same in 3.0, 7.0, 9.0 and
 * 11.3):
 * - elements by XPath, so only those without namespace;
 * - an element's text by XPath's string(), so with the text of its children;
 * - an attribute by XPath, string(./@x), so one without namespace: attribute();
 * - or an attribute by virXMLPropString (xmlGetProp), so the first one of that local name in any
 *   namespace: property().
 */
static char *attribute(const xmlNode *node, const char *name)
{
	return take(xml_attr(node, name));
}

static char *property(const xmlNode *node, const char *name)
{
	return take((char *)xmlGetProp((xmlNode *)node, BAD_CAST name));
}

/* The next child of that name behind @before. Without @before the first one. */
static const xmlNode *next_child(const xmlNode *node, const xmlNode *before, const char *name)
{
	for (const xmlNode *n = before ? before->next : node->children; n; n = n->next)
		if (xml_is(n, NULL, name))
			return n;
	return NULL;
}

static const xmlNode *child(const xmlNode *node, const char *name)
{
	return next_child(node, NULL, name);
}

/* ./NAME/INNER[1]: the first INNER in any NAME. */
static const xmlNode *grandchild(const xmlNode *node, const char *name, const char *inner)
{
	const xmlNode *found = NULL;

	for (const xmlNode *n = child(node, name); n && !found; n = next_child(node, n, name))
		found = child(n, inner);
	return found;
}

/* How many children have that tag, whatever their default namespace is. splice.c sees the same
 * ones. */
static size_t count_tags(const xmlNode *node, const char *tag)
{
	size_t count = 0;

	for (const xmlNode *n = node->children; n; n = n->next)
		count += n->type == XML_ELEMENT_NODE && (!n->ns || !n->ns->prefix) &&
			 strcmp((const char *)n->name, tag) == 0;
	return count;
}

static int read_feature(struct domain *d, const xmlNode *node)
{
	_cleanup_free_ char *name = property(node, "name"), *policy = property(node, "policy");

	if (!policy)
		policy = strdup("require"); /* libvirt's default */
	if (!name || !policy)
		return 0;
	if (strv_add(&d->own, name, strlen(name)) < 0)
		return -ENOMEM;
	return strv_add(&d->own, policy, strlen(policy));
}

static bool property_is(const xmlNode *node, const char *name, const char *value)
{
	_cleanup_free_ char *have = property(node, name);

	return have && strcmp(have, value) == 0;
}

/* A number of decimal digits; 0: it isn't one, or isn't there. */
static uint64_t number(struct domain *d, const xmlNode *node, const char *name, uint64_t max)
{
	_cleanup_free_ char *text = property(node, name);
	uint64_t value = 0;

	if (text && number_parse(text, strlen(text), 10, max, &value) < 0)
		d->bad_number = name;
	return text && d->bad_number != name ? value : 0;
}

/* The first <maxphysaddr> (virCPUDefParseXML, 9.0 and 11.3; qemuValidateDomainDefCpu; limit= since 9.3). */
static void read_physbits(struct domain *d, const xmlNode *cpu)
{
	const xmlNode *address = child(cpu, "maxphysaddr");

	d->physbits = d->physbits_limit = 0;
	d->physbits_host = false;
	d->bad_address = NULL;
	if (!address)
		return;
	d->physbits = (unsigned int)number(d, address, "bits", 64);
	if (property_is(address, "mode", "emulate"))
		return;
	d->physbits_host = property_is(address, "mode", "passthrough");
	d->physbits_limit = (unsigned int)number(d, address, "limit", UINT32_MAX);
	if (!d->physbits_host)
		d->bad_address = "its mode is neither emulate nor passthrough";
	else if (xmlHasProp(address, BAD_CAST "bits"))
		d->bad_address = "mode='passthrough' has no bits";
	d->physbits = 0;
}

/* Reads <cpu>. With host-model and the like libvirt ignores a <model>. */
static int read_cpu(struct domain *d, const xmlNode *cpu)
{
	const xmlNode *model = child(cpu, "model");

	d->mode = property(cpu, "mode");
	d->check = property(cpu, "check");
	read_physbits(d, cpu);
	if (!model || (d->mode && strcmp(d->mode, "custom") != 0))
		return 0;
	d->n_models = count_tags(cpu, "model");
	d->model = content(model);
	d->vendor_id = attribute(model, "vendor_id");
	d->vendor = child(cpu, "vendor") ? content(child(cpu, "vendor")) : NULL;
	d->match = property(cpu, "match");
	d->n_features = count_tags(cpu, "feature");
	for (const xmlNode *n = child(cpu, "feature"); n;
	     n = next_child(cpu, n, "feature"), d->n_own++)
		if (read_feature(d, n) < 0)
			return -ENOMEM;
	return d->model ? 0 : -ENOMEM;
}

/* Is that the node's local name? Its namespace doesn't matter. */
static bool is_local(const xmlNode *node, const char *name)
{
	return node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, name) == 0;
}

static void add_named(struct featset *set, const char *name)
{
	int f = feature_find(name, strlen(name));

	if (f >= 0)
		featset_add(set, (size_t)f);
}

/* Reads one element of ./features. Local names count, and the last element of a name wins
 * (virDomainFeaturesDefParse, 9.0 and 11.3; 7.0 takes the first <apic> without namespace). */
static void read_hypervisor_part(struct domain *d, const xmlNode *part)
{
	if (is_local(part, "apic")) {
		d->eoi_off = property_is(part, "eoi", "off");
		return;
	}
	for (const xmlNode *n = is_local(part, "kvm") ? part->children : NULL; n; n = n->next)
		if (is_local(n, "hidden"))
			d->kvm_hidden = property_is(n, "state", "on");
}

/* Reads what makes libvirt write `kvm=off`, `kvmclock=off` and `kvm-pv-eoi=off`
 * (qemuBuildCpuCommandLine, src/qemu/qemu_command.c, 1.2.2 to 11.3). */
static void read_paravirtual(struct domain *d, const xmlNode *root)
{
	for (const xmlNode *f = child(root, "features"); f; f = next_child(root, f, "features"))
		for (const xmlNode *n = f->children; n; n = n->next)
			read_hypervisor_part(d, n);
	if (d->eoi_off)
		add_named(&d->pv_off, "kvm-pv-eoi");
	for (const xmlNode *c = child(root, "clock"); c; c = next_child(root, c, "clock"))
		for (const xmlNode *n = child(c, "timer"); n; n = next_child(c, n, "timer"))
			if (property_is(n, "name", "kvmclock") && property_is(n, "present", "no"))
				add_named(&d->pv_off, "kvmclock");
}

/* The first timer with a frequency counts (qemuProcessStartValidateTSC, 9.0). */
static void read_tsc(struct domain *d, const xmlNode *root)
{
	for (const xmlNode *c = child(root, "clock"); c; c = next_child(root, c, "clock"))
		for (const xmlNode *n = child(c, "timer"); n; n = next_child(c, n, "timer"))
			if (!d->tsc_hz && property_is(n, "name", "tsc"))
				d->tsc_hz = number(d, n, "frequency", UINT64_MAX);
}

/* The UUID in libvirt's form. Text that isn't a UUID is returned as it is. */
static char *read_uuid(const xmlNode *node)
{
	char canonical[UUID_LEN + 1];
	char *text = content(node);

	if (!text || !uuid_parse(text, strlen(text), canonical))
		return text;
	free(text);
	return strdup(canonical);
}

/* Another number libvirt takes for none. */
static uint64_t read_vcpus(const xmlNode *node)
{
	_cleanup_free_ char *text = content(node);
	uint64_t n = 0;

	if (text && number_parse(text, strlen(text), 10, UINT32_MAX, &n) < 0)
		return 0;
	return n;
}

/* Reads the mark of a running guest with a site model. */
static void read_mark(struct domain *d, const xmlNode *metadata)
{
	for (const xmlNode *n = metadata ? metadata->children : NULL; n; n = n->next)
		if (xml_is(n, MARK_NAMESPACE, "cpu") && !d->mark_model) {
			d->mark_model = property(n, "model");
			d->mark_digest = property(n, "digest");
		}
}

static int read_parts(struct domain *d, const xmlNode *root)
{
	const xmlNode *name = child(root, "name"), *uuid = child(root, "uuid"),
		      *vcpu = child(root, "vcpu");
	const xmlNode *emulator = grandchild(root, "devices", "emulator");
	const xmlNode *os_type = grandchild(root, "os", "type"), *cpu = child(root, "cpu");

	d->type = attribute(root, "type");
	d->kvm = d->type && strcmp(d->type, "kvm") == 0;
	d->name = name ? content(name) : NULL;
	d->uuid = uuid ? read_uuid(uuid) : NULL;
	d->vcpus = vcpu ? read_vcpus(vcpu) : 0;
	d->emulator = emulator ? content(emulator) : NULL;
	d->machine = os_type ? attribute(os_type, "machine") : NULL;
	d->arch = os_type ? attribute(os_type, "arch") : NULL;
	d->n_cpus = count_tags(root, "cpu");
	read_paravirtual(d, root);
	read_tsc(d, root);
	read_mark(d, child(root, "metadata"));
	return cpu ? read_cpu(d, cpu) : 0;
}

/* Parses XML whose elements don't have too many attributes: libxml2 before 2.12 takes a minute for
 * 100,000 of them in one element. */
static int parse(xmlDoc **doc, char *xml, size_t len, const char *name, const char *root,
		 struct error *err)
{
	struct scan scan = {0};

	*doc = NULL;
	scan_feed(&scan, xml, len);
	if (scan.crowded)
		return error_set(err, -E2BIG, name, 0,
				 "has an element with more than %d attributes, which libvirt never "
				 "writes; remove them",
				 SCAN_ATTRIBUTES);
	return xml_parse(doc, xml, len, name, root, err);
}

int domain_read(struct domain *d, char *xml, size_t len, const char *name, struct error *err)
{
	_cleanup_doc_ xmlDoc *doc = NULL;
	int r;

	*d = (struct domain){.xml = xml, .len = len};
	r = parse(&doc, xml, len, name, "domain", err);
	if (r < 0)
		return r;
	/* splicing works on ASCII's bytes. UTF-16 may have a byte order mark and no other sign */
	if (memchr(xml, '\0', len) ||
	    (doc->encoding && xmlStrcasecmp(doc->encoding, BAD_CAST "UTF-8") != 0 &&
	     xmlStrcasecmp(doc->encoding, BAD_CAST "US-ASCII") != 0))
		d->xml = NULL;
	if (read_parts(d, xmlDocGetRootElement(doc)) < 0)
		return error_set(err, -ENOMEM, name, 0, "out of memory");
	return 0;
}

/* Reads the <domain> in a document with root element @root. */
static int read_within(struct domain *d, xmlDoc **doc, const char *root, char *xml, size_t len,
		       const char *name, struct error *err)
{
	const xmlNode *domain;
	int r;

	*d = (struct domain){0};
	r = parse(doc, xml, len, name, root, err);
	if (r < 0)
		return r;
	domain = child(xmlDocGetRootElement(*doc), "domain");
	if (!domain)
		return error_set(err, -EINVAL, name, 0, "has no <domain>");
	if (read_parts(d, domain) < 0)
		return error_set(err, -ENOMEM, name, 0, "out of memory");
	return 0;
}

int domain_read_status(struct domain *d, char *xml, size_t len, const char *name, struct error *err)
{
	_cleanup_doc_ xmlDoc *doc = NULL;

	return read_within(d, &doc, "domstatus", xml, len, name, err);
}

static void forget_cpu(struct domain *d)
{
	free(steal_pointer(&d->mode));
	free(steal_pointer(&d->model));
	free(steal_pointer(&d->match));
	free(steal_pointer(&d->vendor_id));
	free(steal_pointer(&d->vendor));
	free(steal_pointer(&d->check));
	strv_free(&d->own);
}

/* The CPU of libvirt's <cookie>, if it tells one, is the one that the guest gets. */
static int take_cookie(struct domain *d, const xmlNode *cookie, const char *name, struct error *err)
{
	const xmlNode *cpu = cookie ? child(cookie, "cpu") : NULL;

	if (!cpu)
		return 0;
	forget_cpu(d);
	return read_cpu(d, cpu) < 0 ? error_set(err, -ENOMEM, name, 0, "out of memory") : 0;
}

int domain_read_snapshot(struct domain *d, char *xml, size_t len, bool live, const char *name,
			 struct error *err)
{
	_cleanup_doc_ xmlDoc *doc = NULL;
	int r = read_within(d, &doc, "domainsnapshot", xml, len, name, err);

	return r < 0 || !live
		       ? r
		       : take_cookie(d, child(xmlDocGetRootElement(doc), "cookie"), name, err);
}

int domain_read_saved(struct domain *d, char *xml, char *cookie, const char *name,
		      struct error *err)
{
	_cleanup_doc_ xmlDoc *doc = NULL;
	int r = domain_read(d, xml, strlen(xml), name, err);

	if (r == 0 && cookie)
		r = parse(&doc, cookie, strlen(cookie), name, "cookie", err);
	return r < 0 || !doc ? r : take_cookie(d, xmlDocGetRootElement(doc), name, err);
}

static bool same_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

bool domain_same(const struct domain *a, const struct domain *b)
{
	return a->uuid && b->uuid && strcmp(a->uuid, b->uuid) == 0;
}

bool domain_same_cpu(const struct domain *a, const struct domain *b)
{
	if (!same_text(a->model, b->model) || !same_text(a->vendor_id, b->vendor_id) ||
	    a->own.n != b->own.n)
		return false;
	for (size_t i = 0; i < a->own.n; i++)
		if (strcmp(a->own.item[i], b->own.item[i]) != 0)
			return false;
	return true;
}

/* The policy to print. force means require, as there is enforce; optional and forbid concern the
 * host, about which libvirt decides. */
static const char *policy_shown(const char *policy)
{
	return strcmp(policy, "force") == 0 ? "require" : policy;
}

bool policy_is_off(const char *policy)
{
	return strcmp(policy, "disable") == 0 || strcmp(policy, "forbid") == 0;
}

bool feature_name_valid(const char *name)
{
	return *name && strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "0123456789._-") == strlen(name);
}

static void add_other(char *list, size_t size, const char *name)
{
	size_t len = strlen(list);

	if (feature_name_valid(name) && len + strlen(name) + 2 <= size)
		(void)snprintf(list + len, size - len, "%s%s", len ? "," : "", name);
}

void domain_own(const struct domain *d, struct own *own)
{
	*own = (struct own){0};
	for (size_t i = 0; i + 1 < d->own.n; i += 2) {
		int f = feature_find(d->own.item[i], strlen(d->own.item[i]));
		const char *policy = d->own.item[i + 1];

		if (f < 0) {
			if (!policy_is_off(policy))
				add_other(own->other, sizeof(own->other), d->own.item[i]);
			continue;
		}
		featset_add(strcmp(policy, "optional") == 0 ? &own->optional
			    : policy_is_off(policy)         ? &own->off
							    : &own->on,
			    (size_t)f);
	}
}

static void add_escaped(struct text *out, const char *s)
{
	for (; *s; s++) {
		if (strchr("<>&'\"", *s))
			text_addf(out, "&#%d;", *s);
		else
			text_add(out, s, 1);
	}
}

static void add_feature(struct text *out, const char *indent, const char *policy, const char *name)
{
	text_addf(out, "%s<feature policy='", indent);
	add_escaped(out, policy);
	text_adds(out, "' name='");
	add_escaped(out, name);
	text_adds(out, "'/>");
}

static void add_set(struct text *out, const char *indent, const char *policy,
		    const struct featset *set)
{
	_cleanup_text_ struct text names = {0};
	char *rest, *name;

	featset_print(&names, set, ",");
	rest = names.data;
	while ((name = strsep(&rest, ",")))
		if (*name)
			add_feature(out, indent, policy, name);
}

/* Adds the definition's features, the disabled ones that the base would add, and the domain's own
 * features, which win. */
static int add_features(struct text *out, const char *indent, const struct domain *d,
			const struct table_row *row, const struct featset *sayable,
			struct error *err)
{
	struct featset on, off;
	struct own own;
	int r = featset_parse(&on, row->features, strlen(row->features), ',', err);

	if (r == 0)
		r = featset_parse(&off, row->brings, strlen(row->brings), ',', err);
	if (r < 0)
		return r;
	domain_own(d, &own);
	featset_union(&own.on, &own.off);
	featset_union(&own.on, &own.optional);
	featset_subtract(&off, &on);
	featset_subtract(&on, &own.on);
	featset_subtract(&off, &own.on);
	if (sayable) {
		featset_intersect(&on, sayable);
		featset_intersect(&off, sayable);
	}
	add_set(out, indent, "require", &on);
	add_set(out, indent, "disable", &off);
	for (size_t i = 0; i + 1 < d->own.n; i += 2)
		add_feature(out, indent, policy_shown(d->own.item[i + 1]), d->own.item[i]);
	return 0;
}

static void add_model(struct text *out, const struct domain *d, const struct table_row *row)
{
	const char *vendor = d->vendor_id ? d->vendor_id : row->vendor;

	text_adds(out, "<model fallback='forbid'");
	if (*vendor && strcmp(vendor, "host") != 0) {
		text_adds(out, " vendor_id='");
		add_escaped(out, vendor);
		text_adds(out, "'");
	}
	text_addf(out, ">%s</model>", row->base);
}

/* The white space between the beginning of the line and byte @at; "" if there is other text. */
static char *indent_of(const char *xml, size_t at)
{
	size_t start = at;

	while (start > 0 && (xml[start - 1] == ' ' || xml[start - 1] == '\t'))
		start--;
	if (start == 0 || xml[start - 1] != '\n')
		return strdup("");
	start--;
	if (start > 0 && xml[start - 1] == '\r')
		start--;
	return strndup(xml + start, at - start);
}

/* Adds the bytes from *@copied to @to. */
static void copy_to(struct text *out, const char *xml, size_t *copied, size_t to)
{
	if (to > *copied)
		text_add(out, xml + *copied, to - *copied);
	*copied = to;
}

/* Where the text in front of @at ends, without its trailing white space. */
static size_t trim(const char *xml, size_t at, size_t from)
{
	while (at > from && strchr(" \t\r\n", xml[at - 1]))
		at--;
	return at;
}

/* Everything of <cpu> stays but its model and its features; features come last. */
static int print_inside(struct text *out, const struct domain *d, const struct element *cpu,
			const struct table_row *row, const struct featset *sayable,
			struct error *err)
{
	_cleanup_free_ char *indent = NULL;
	size_t copied = 0, at = cpu->inside.start, end;
	struct element e;
	int r;

	while (splice_child(d->xml, &cpu->inside, at, NULL, &e)) {
		at = e.all.end;
		if (!indent && splice_named(d->xml, &e, "model")) {
			indent = indent_of(d->xml, e.all.start);
			copy_to(out, d->xml, &copied, e.all.start);
			add_model(out, d, row);
			copied = at;
		} else if (splice_named(d->xml, &e, "feature")) {
			copy_to(out, d->xml, &copied, trim(d->xml, e.all.start, copied));
			copied = at;
		}
	}
	if (!indent)
		return error_set(err, -ENOMEM, NULL, 0, "out of memory");
	end = trim(d->xml, cpu->inside.end, copied);
	copy_to(out, d->xml, &copied, end);
	r = add_features(out, indent, d, row, sayable, err);
	copy_to(out, d->xml, &copied, d->len);
	return r;
}

int domain_print(struct text *out, const struct domain *d, const struct table_row *row,
		 const struct featset *sayable, struct error *err)
{
	struct element root, cpu;
	int r;

	if (!d->xml)
		return error_set(err, -ENOTSUP, d->name, 0,
				 "its XML isn't UTF-8; convert it (xmllint --encode UTF-8)");
	if (d->n_cpus != 1 || d->n_models != 1)
		return error_set(err, -EINVAL, d->name, 0,
				 "it has %zu <cpu> elements with %zu <model>; leave one of each",
				 d->n_cpus, d->n_models);
	if (d->n_features != d->n_own)
		return error_set(err, -EINVAL, d->name, 0,
				 "it has a <feature> in a namespace, which libvirt doesn't read; "
				 "remove it");
	if (!splice_root(d->xml, d->len, &root) ||
	    !splice_child(d->xml, &root.inside, root.inside.start, "cpu", &cpu))
		return error_set(err, -EINVAL, d->name, 0, "its <cpu> isn't written plainly");
	r = print_inside(out, d, &cpu, row, sayable, err);
	return r == 0 && out->failed ? error_set(err, -ENOMEM, d->name, 0, "out of memory") : r;
}

int domain_print_cpu(struct text *out, const struct table_row *row, struct error *err)
{
	const struct domain plain = {0};
	int r;

	text_adds(out, "<cpu mode='custom' match='exact'>\n  ");
	add_model(out, &plain, row);
	r = add_features(out, "\n  ", &plain, row, NULL, err);
	text_adds(out, "\n</cpu>");
	return r == 0 && out->failed ? error_set(err, -ENOMEM, NULL, 0, "out of memory") : r;
}
