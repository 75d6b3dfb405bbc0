/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What libvirt writes: <cpudata> (its own form of raw leaves), <capabilities>, <domainCapabilities>,
 * <domain> and <cpu>, any number of them one behind the other, also inside of other elements. An element
 * has to begin a line.
 *
 * Answers of virsh domcapabilities that directly follow one of virsh capabilities are the same host's, as
 * (virsh capabilities; virsh domcapabilities) writes them: one of KVM and one of TCG at most, of the same
 * vendor, and only in a text in which each <capabilities> has its own.
 */
#include "formats.h"

#include <errno.h>

#include "cpus.h"
#include "libvirtcpu.h"
#include "xmlsplit.h"

#define ELEMENT_MAX ((size_t)4 << 20) /* bytes of one; capabilities of large hosts have 100 KB */

struct xmlhost {
	struct session *s;
	const struct format *format;
	struct host host;
	bool held, merged; /* it is a host, by <capabilities>; and has what QEMU offers */
};

/* ---- where elements begin ---- */

enum root { ROOT_CPUDATA, ROOT_CAPABILITIES, ROOT_DOMCAPS, ROOT_DOMAIN, ROOT_CPU, ROOTS };

static const char *const roots[ROOTS] = {
	[ROOT_CPUDATA] = "cpudata",
	[ROOT_CAPABILITIES] = "capabilities",
	[ROOT_DOMCAPS] = "domainCapabilities",
	[ROOT_DOMAIN] = "domain",
	[ROOT_CPU] = "cpu",
};

/* Which of them begins here? ROOTS: none. */
static enum root root_of(const char *s, size_t len)
{
	struct line rest = {.s = s, .len = len};

	if (!line_eat(&rest, "<"))
		return ROOTS;
	for (enum root root = 0; root < ROOTS; root++) {
		struct line after = rest;

		if (line_eat(&after, roots[root]) &&
		    (after.len == 0 || memchr(" \t\r\n/>", after.s[0], 6)))
			return root;
	}
	return ROOTS;
}

/* What stands in front of elements is read, too, so that none is found in a comment. */
static bool is_prolog(const struct line *line)
{
	return line_begins(line, "<?") || line_begins(line, "<!");
}

bool xmlhosts_begins(const struct line *line)
{
	struct line trimmed = *line;

	if (line->len == 0 || !memchr(line->s, '<', line->len))
		return false;
	line_trim(&trimmed);
	return is_prolog(&trimmed) || root_of(trimmed.s, trimmed.len) != ROOTS;
}

/* ---- elements ---- */

/* One element, or one comment or processing instruction, from "<" on. */
static int read_element(struct session *s, struct text *out)
{
	unsigned int number = s->in->number;
	struct xmlsplit split = {0};

	do {
		const char *bytes;
		ssize_t n = input_bytes(s->in, &bytes, 1, s->err);
		size_t taken;

		if (n < 0)
			return (int)n;
		if (n == 0)
			return input_bad(s->in, number, s->err,
					 "an XML element begins here and doesn't end: the text was "
					 "cut off, or isn't "
					 "well-formed");
		taken = xmlsplit_feed(&split, bytes, (size_t)n);
		if (memchr(bytes, '\0', taken))
			return input_bad(s->in, number, s->err,
					 "a NUL byte in the XML that begins here");
		text_add(out, bytes, taken);
		input_skip(s->in, taken);
		if (out->len > ELEMENT_MAX)
			return input_bad(s->in, number, s->err,
					 "an XML element of more than %zu MB begins here",
					 ELEMENT_MAX >> 20);
		if (split.state == XML_DOCTYPE)
			return input_bad(s->in, s->in->number, s->err,
					 "a DOCTYPE, which isn't read; remove it");
	} while (!split.ended);
	return out->failed ? error_set(s->err, -ENOMEM, s->in->name, 0, "out of memory") : 0;
}

static int parse_element(struct session *s, xmlDoc **doc, unsigned int *line)
{
	_cleanup_text_ struct text element = {0};
	int r;

	*line = s->in->number;
	r = read_element(s, &element);
	return r < 0 ? r
		     : xml_parse_at(doc, element.data, element.len, s->in->name, *line, NULL,
				    s->err);
}

/* ---- <cpudata> ---- */

static bool hex_attr(const xmlNode *node, const char *name, uint64_t max, uint64_t *value)
{
	_cleanup_xml_ char *s = xml_attr(node, name);

	/* as libvirt's virXMLPropUInt with base 0 */
	return s && number_parse(s, strlen(s), 0, max, value) == 0;
}

static int read_cpuid(const struct xmlplace *at, const xmlNode *node, struct cpus *cpus)
{
	static const char *const regs[] = {"eax", "ebx", "ecx", "edx"};
	struct cpuid_entry e = {0};
	_cleanup_xml_ char *subleaf = xml_attr(node, "ecx_in");
	uint64_t leaf, value = 0;

	/* function= up to libvirt 1.3 */
	if (!hex_attr(node, "eax_in", UINT32_MAX, &leaf) &&
	    !hex_attr(node, "function", UINT32_MAX, &leaf))
		return xml_bad(at, node, "<cpuid> without a leaf in eax_in=");
	if (subleaf && !hex_attr(node, "ecx_in", UINT32_MAX, &value))
		return xml_bad(at, node, "<cpuid> with an ecx_in= that isn't a number");
	e.leaf = (uint32_t)leaf;
	e.subleaf = (uint32_t)value;
	for (size_t i = 0; i < ARRAY_SIZE(regs); i++) {
		if (!hex_attr(node, regs[i], UINT32_MAX, &value))
			return xml_bad(at, node, "<cpuid> without a number in %s=", regs[i]);
		e.reg[i] = (uint32_t)value;
	}
	return cpus_add(cpus, &e, at->in, at->line - 1 + xml_line(node), at->err);
}

static int read_msr(const struct xmlplace *at, const xmlNode *node, struct cpus *cpus)
{
	uint64_t index, low, high;

	if (!hex_attr(node, "index", UINT32_MAX, &index) ||
	    !hex_attr(node, "eax", UINT32_MAX, &low) || !hex_attr(node, "edx", UINT32_MAX, &high))
		return xml_bad(at, node, "<msr> without numbers in index=, eax= and edx=");
	return cpus_add_msr(cpus, (uint32_t)index, high << 32 | low, at->in,
			    at->line - 1 + xml_line(node), at->err);
}

static int read_cpudata(const struct xmlplace *at, const xmlNode *root, struct host *h)
{
	_cleanup_cpus_ struct cpus cpus = {0};
	_cleanup_xml_ char *arch = xml_attr(root, "arch");
	int r = 0;

	if (!arch || strcmp(arch, "x86") != 0)
		return xml_bad(at, root, "<cpudata> of another architecture than x86");
	for (const xmlNode *node = root->children; node && r == 0; node = node->next) {
		if (xml_is(node, NULL, "cpuid"))
			r = read_cpuid(at, node, &cpus);
		else if (xml_is(node, NULL, "msr"))
			r = read_msr(at, node, &cpus);
	}
	if (r == 0)
		r = cpus_end(&cpus, 1, at->in, at->line - 1 + xml_line(root), at->err);
	if (r == 0)
		cpus_tell(&cpus, h);
	return r;
}

/* ---- descriptions ---- */

static int read_capabilities(const struct xmlplace *at, const xmlNode *root, struct host *h)
{
	const xmlNode *host = xml_child(root, "host"), *cpu = host ? xml_child(host, "cpu") : NULL;

	return cpu ? libvirtcpu_read(at, cpu, LIBVIRTCPU_HOST, h, &h->view[HOST_CPU])
		   : xml_bad(at, root, "<capabilities> without the host's <cpu>");
}

static const xmlNode *host_model(const xmlNode *root)
{
	const xmlNode *cpu = xml_child(root, "cpu");

	for (const xmlNode *mode = cpu ? cpu->children : NULL; mode; mode = mode->next) {
		_cleanup_xml_ char *name =
			xml_is(mode, NULL, "mode") ? xml_attr(mode, "name") : NULL;

		if (name && strcmp(name, "host-model") == 0)
			return mode;
	}
	return NULL;
}

/* @accel: receives whose features they are. */
static int read_domcaps(const struct xmlplace *at, const xmlNode *root, struct host *h,
			enum host_accel *accel)
{
	_cleanup_xml_ char *type = xml_content(root, "domain"), *arch = xml_content(root, "arch");
	const xmlNode *mode = host_model(root);
	_cleanup_xml_ char *supported = mode ? xml_attr(mode, "supported") : NULL;

	if (!arch || (strcmp(arch, "x86_64") != 0 && strcmp(arch, "i686") != 0))
		return xml_bad(at, root, "<domainCapabilities> of another architecture than x86");
	if (!type || (strcmp(type, "kvm") != 0 && strcmp(type, "qemu") != 0))
		return xml_bad(at, root, "<domainCapabilities> of neither kvm nor qemu");
	if (!supported || strcmp(supported, "yes") != 0)
		return xml_bad(
			at, mode ? mode : root,
			"<domainCapabilities> without a host-model, which tells the features");
	*accel = strcmp(type, "kvm") == 0 ? HOST_KVM : HOST_TCG;
	return libvirtcpu_read(at, mode, LIBVIRTCPU_OFFER, h, &h->view[*accel]);
}

/* A <cpu> alone: a host's has an <arch> and no policies (virsh capabilities, cut out). */
static int read_cpu(const struct xmlplace *at, const xmlNode *cpu, struct host *h)
{
	enum libvirtcpu kind = xml_child(cpu, "arch") ? LIBVIRTCPU_HOST : LIBVIRTCPU_GUEST;

	return libvirtcpu_read(at, cpu, kind, h, &h->view[HOST_CPU]);
}

static int read_domain(const struct xmlplace *at, const xmlNode *root, struct host *h)
{
	const xmlNode *cpu = xml_child(root, "cpu");
	_cleanup_xml_ char *name = xml_content(root, "name");

	if (!cpu)
		return xml_bad(at, root, "a <domain> without a <cpu>");
	if (name && *name)
		h->name = strndup(name, 255);
	return libvirtcpu_read(at, cpu, LIBVIRTCPU_GUEST, h, &h->view[HOST_CPU]);
}

/* ---- hosts ---- */

static int take_held(struct xmlhost *x)
{
	int r = 0;

	if (x->held) {
		x->s->capabilities_apart |= !x->merged;
		r = session_take(x->s, &x->host);
	}
	host_free(&x->host);
	x->held = x->merged = false;
	return r;
}

static int hold(struct xmlhost *x, const struct xmlplace *at, const xmlNode *root)
{
	int r = take_held(x);

	if (r == 0)
		r = session_host(x->s, x->format, at->line, &x->host);
	if (r == 0)
		r = read_capabilities(at, root, &x->host);
	x->held = r == 0;
	return r;
}

static bool is_same_host(const struct xmlhost *x, const struct host *offer, enum host_accel accel)
{
	return x->held && !x->s->capabilities_apart && !host_tells(&x->host, accel) &&
	       strcmp(x->host.id.vendor, offer->id.vendor) == 0;
}

static int take_domcaps(struct xmlhost *x, const struct xmlplace *at, const xmlNode *root)
{
	_cleanup_host_ struct host offer = HOST_UNKNOWN;
	enum host_accel accel = HOST_KVM;
	int r = session_host(x->s, x->format, at->line, &offer);

	if (r == 0)
		r = read_domcaps(at, root, &offer, &accel);
	if (r < 0)
		return r;
	if (is_same_host(x, &offer, accel)) {
		x->host.view[accel] = offer.view[accel];
		if (x->host.physbits == 0)
			x->host.physbits = offer.physbits;
		x->merged = true;
		return 0;
	}
	r = take_held(x);
	return r == 0 ? session_take(x->s, &offer) : r;
}

static int take_other(struct xmlhost *x, const struct xmlplace *at, const xmlNode *root,
		      enum root is)
{
	_cleanup_host_ struct host h = HOST_UNKNOWN;
	int r = take_held(x);

	if (r == 0)
		r = session_host(x->s, x->format, at->line, &h);
	if (r == 0)
		r = is == ROOT_CPUDATA  ? read_cpudata(at, root, &h)
		    : is == ROOT_DOMAIN ? read_domain(at, root, &h)
					: read_cpu(at, root, &h);
	return r == 0 ? session_take(x->s, &h) : r;
}

static int read_root(struct xmlhost *x, enum root is)
{
	_cleanup_doc_ xmlDoc *doc = NULL;
	struct xmlplace at = {.in = x->s->in, .err = x->s->err};
	const xmlNode *root;
	int r = parse_element(x->s, &doc, &at.line);

	if (r < 0)
		return r;
	root = xmlDocGetRootElement(doc);
	if (is == ROOT_CAPABILITIES)
		return hold(x, &at, root);
	return is == ROOT_DOMCAPS ? take_domcaps(x, &at, root) : take_other(x, &at, root, is);
}

/* Goes on to what isn't blank. Returns how many bytes are at hand there, 0 at the end, or -errno. */
static ssize_t skip_blanks(struct session *s, const char **bytes)
{
	ssize_t n;

	while ((n = input_bytes(s->in, bytes, 32, s->err)) > 0) {
		size_t blanks = 0;

		while (blanks < (size_t)n && strchr(" \t\r\n", (*bytes)[blanks]) &&
		       (*bytes)[blanks])
			blanks++;
		if (blanks == 0)
			return n;
		input_skip(s->in, blanks);
	}
	return n;
}

/* Elements, and what stands in front of them, as long as nothing else comes. */
static int read_roots(struct xmlhost *x)
{
	const char *bytes;
	ssize_t n;
	int r = 0;

	while (r == 0 && (n = skip_blanks(x->s, &bytes)) > 0) {
		struct line at = {.s = bytes, .len = (size_t)n};
		enum root is = root_of(bytes, (size_t)n);
		_cleanup_text_ struct text prolog = {0};

		if (is != ROOTS)
			r = read_root(x, is);
		else if (is_prolog(&at))
			r = read_element(x->s, &prolog);
		else
			break;
	}
	return r == 0 && n < 0 ? (int)n : r;
}

int xmlhosts_read(struct session *s, const struct format *format)
{
	struct xmlhost x = {.s = s, .format = format, .host = HOST_UNKNOWN};
	int r = read_roots(&x);

	if (r == 0)
		r = take_held(&x);
	host_free(&x.host);
	return r;
}
