/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proxmox VE's cpu-models.conf (PVE/QemuServer/CPUConfig.pm, 7 and 8): sections of "cpu-model: NAME" with
 * indented lines "KEY VALUE", read as one CPU each:
 *
 *	cpu-model: gate
 *	    flags +aes;-svm
 *	    reported-model Nehalem		(kvm64 where it isn't told)
 *
 * Known are the flags, and what the reported model has by libvirt's map on this machine. PVE adds more to
 * it, by VM and release: nothing else is known.
 */
#include "formats.h"

#include <errno.h>

#include "stockmodels.h"

#define HEADER        "cpu-model:"
#define DEFAULT_MODEL "kvm64"

struct section {
	struct session *s;
	struct host host;
	struct featset has, lacks; /* by its flags */
	char *model;               /* NULL: not told */
	unsigned int line;
};

bool proxmox_begins(const struct line *line)
{
	return line_begins(line, HEADER);
}

static int bad_line(const struct section *c, const struct line *at, const char *why)
{
	char shown[96];

	return input_bad(c->s->in, at->number, c->s->err, "%s: '%s'", why,
			 line_shown(at, shown, sizeof(shown)));
}

/* "+aes" */
static int read_flag(struct section *c, struct line flag)
{
	bool on = line_begins(&flag, "+");
	struct line name = flag;
	int f;

	if (!on && !line_begins(&flag, "-"))
		return bad_line(c, &flag, "a flag without + or -");
	line_skip(&name, 1);
	f = feature_find(name.s, name.len);
	/* QEMU has names that mean no feature of the CPU (hv-time), and a later one new features */
	if (f < 0 || features[f].kind == FEATURE_OTHER)
		return 0;
	if (featset_has(on ? &c->lacks : &c->has, (size_t)f))
		return bad_line(c, &flag, "a flag that is on and off");
	featset_add(on ? &c->has : &c->lacks, (size_t)f);
	return 0;
}

static int read_flags(struct section *c, struct line value)
{
	while (value.len > 0) {
		const char *end = memchr(value.s, ';', value.len);
		struct line flag = value;
		int r;

		flag.len = end ? (size_t)(end - value.s) : value.len;
		line_skip(&value, flag.len + (end ? 1 : 0));
		line_trim(&flag);
		r = flag.len ? read_flag(c, flag) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_pair(struct section *c, const struct line *line)
{
	struct line rest = *line, key;
	uint64_t bits;

	if (!line->whole)
		return bad_line(c, line, "the text was cut off in this line");
	if (!line_word(&rest, &key) || key.s[0] == '#')
		return 0;
	line_trim(&rest);
	if (line_is(&key, "flags"))
		return read_flags(c, rest);
	if (line_is(&key, "phys-bits") && line_decimal(&rest, 64, &bits) && rest.len == 0)
		c->host.physbits = (unsigned int)bits;
	if (line_is(&key, "reported-model")) {
		free(c->model);
		c->model = line_copy(&rest, 64);
		return c->model ? 0 : -ENOMEM;
	}
	return 0;
}

static int read_header(struct section *c, struct line line)
{
	if (!line.whole)
		return bad_line(c, &line, "the text was cut off in this line");
	(void)line_eat(&line, HEADER);
	line_trim(&line);
	if (line.len == 0)
		return bad_line(c, &line, "a cpu-model without a name");
	c->host.name = line_copy(&line, 255);
	return c->host.name ? 0 : -ENOMEM;
}

/* A section ends at a blank line, or where something else begins. */
static int read_lines(struct section *c)
{
	struct line line;
	bool header = true;
	int n, r = 0;

	while (r == 0 && (n = input_peek(c->s->in, &line, c->s->err)) > 0) {
		if (!header && (line_blank(&line) || format_of(&line)))
			return 0;
		r = header ? read_header(c, line) : read_pair(c, &line);
		header = false;
		if (r == 0)
			input_take(c->s->in);
	}
	return r < 0 ? r : n;
}

static void judge(struct section *c)
{
	struct host_view *view = &c->host.view[HOST_CPU];
	const struct model *m = stockmodels_find(c->model ? c->model : DEFAULT_MODEL);

	for (size_t i = 0; m && i < n_features; i++)
		if (featset_has(&m->features, i) && features[i].kind == FEATURE_CPUID)
			featset_add(&view->has, i);
	featset_union(&view->has, &c->has);
	featset_subtract(&view->has, &c->lacks);
	view->known = view->has;
	featset_union(&view->known, &c->lacks);
}

int proxmox_read(struct session *s, const struct format *format)
{
	struct section c = {.s = s, .host = HOST_UNKNOWN, .line = s->in->number};
	int r = session_host(s, format, s->in->number, &c.host);

	if (r == 0)
		r = read_lines(&c);
	if (r == 0) {
		judge(&c);
		if (!host_tells(&c.host, HOST_CPU))
			r = input_bad(s->in, c.line, s->err,
				      "a cpu-model without flags, of a model that libvirt's map "
				      "here lacks");
	}
	if (r == 0)
		r = session_take(s, &c.host);
	free(c.model);
	host_free(&c.host);
	return r;
}
