/* SPDX-License-Identifier: Apache-2.0 */
/* Reading our own dumps (dump.h). Lines whose key a later release has added are passed over. */
#include "dump.h"

#include <errno.h>

#include "cpus.h"
#include "formats.h"

#define TEXT_MAX ((size_t)255) /* of a name or a version */

struct dump {
	struct session *s;
	struct host host;
	struct cpus cpus;
	unsigned int alike; /* how many CPUs the leaves are of that are being read; 0: none yet */
};

bool dump_begins(const struct line *line)
{
	return line_begins(line, DUMP_NAME " ");
}

static int bad_value(const struct dump *d, const struct line *value, const char *key)
{
	char shown[96];

	return input_bad(d->s->in, value->number, d->s->err,
			 "'%s' has a value that it can't have: '%s'", key,
			 line_shown(value, shown, sizeof(shown)));
}

/* ---- values ---- */

/* The reverse of the escapes that show() writes: \xNN is one byte. A NUL stays escaped. */
static void unescape(char *s)
{
	char *to = s;

	while (*s) {
		struct line digits = {.s = s + 2,
				      .len = s[0] == '\\' && s[1] == 'x' ? strnlen(s + 2, 2) : 0};
		uint32_t byte;

		if (line_hex(&digits, 2, &byte) && byte) {
			*to++ = (char)byte;
			s += 4;
		} else {
			*to++ = *s++;
		}
	}
	*to = '\0';
}

static int read_text_value(struct dump *d, const struct line *value, char **to)
{
	free(*to);
	*to = line_copy(value, TEXT_MAX);
	if (!*to)
		return error_set(d->s->err, -ENOMEM, d->s->in->name, 0, "out of memory");
	unescape(*to);
	return 0;
}

static int read_name(struct dump *d, const struct line *value)
{
	return value->len == 0 ? bad_value(d, value, "name")
			       : read_text_value(d, value, &d->host.name);
}

static int read_kernel(struct dump *d, const struct line *value)
{
	return read_text_value(d, value, &d->host.kernel);
}

static int read_microcode(struct dump *d, const struct line *value)
{
	return read_text_value(d, value, &d->host.microcode);
}

static int read_qemu(struct dump *d, const struct line *value)
{
	return read_text_value(d, value, &d->host.qemu_version);
}

static int read_libvirt(struct dump *d, const struct line *value)
{
	return read_text_value(d, value, &d->host.libvirt_version);
}

static int read_tsc(struct dump *d, const struct line *value)
{
	struct line rest = *value;

	if (!line_decimal(&rest, UINT64_C(1) << 40, &d->host.tsc_hz) || rest.len)
		return bad_value(d, value, "tsc");
	return 0;
}

static int read_scaling(struct dump *d, const struct line *value)
{
	if (line_is(value, "yes"))
		d->host.tsc_scaling = 1;
	else if (line_is(value, "no"))
		d->host.tsc_scaling = 0;
	else
		return bad_value(d, value, "tsc-scaling");
	return 0;
}

/* ---- CPUs and their leaves ---- */

static int end_cpus(struct dump *d, unsigned int number)
{
	return d->alike ? cpus_end(&d->cpus, d->alike, d->s->in, number, d->s->err) : 0;
}

static int read_cpus(struct dump *d, const struct line *value)
{
	int r = end_cpus(d, value->number);
	struct cpulist list = {0};

	if (r < 0)
		return r;
	if (cpulist_parse(&list, value->s, value->len) < 0 || cpulist_count(&list) == 0)
		return bad_value(d, value, "cpus");
	d->alike = (unsigned int)cpulist_count(&list);
	return 0;
}

static int read_leaf(struct dump *d, const struct line *value)
{
	struct cpuid_entry e;
	uint32_t *const field[] = {&e.leaf,         &e.subleaf,      &e.reg[REG_EAX],
				   &e.reg[REG_EBX], &e.reg[REG_ECX], &e.reg[REG_EDX]};
	struct line rest = *value;

	for (size_t i = 0; i < ARRAY_SIZE(field); i++)
		if ((i > 0 && !line_eat(&rest, " ")) || !line_hex(&rest, 8, field[i]))
			return bad_value(d, value, "leaf");
	if (rest.len)
		return bad_value(d, value, "leaf");
	if (d->alike == 0)
		return input_bad(d->s->in, value->number, d->s->err,
				 "a leaf in front of the first 'cpus'");
	return cpus_add(&d->cpus, &e, d->s->in, value->number, d->s->err);
}

static int read_msr(struct dump *d, const struct line *value)
{
	struct line rest = *value;
	uint32_t index, high, low;

	if (!line_hex(&rest, 8, &index) || !line_eat(&rest, " ") || rest.len != 16)
		return bad_value(d, value, "msr");
	rest.len = 8;
	if (!line_hex(&rest, 8, &high))
		return bad_value(d, value, "msr");
	rest.len = 8;
	if (!line_hex(&rest, 8, &low))
		return bad_value(d, value, "msr");
	return cpus_add_msr(&d->cpus, index, (uint64_t)high << 32 | low, d->s->in, value->number,
			    d->s->err);
}

/* ---- what QEMU gives ---- */

/* "has aes apic ...", "lacks avx512f ...". A name that this release doesn't know tells it nothing. */
static int read_given(struct dump *d, const struct line *value, const char *key,
		      enum host_accel accel)
{
	struct host_view *view = &d->host.view[accel];
	struct line rest = *value, word;
	bool has;

	if (!line_word(&rest, &word) || !(line_is(&word, "has") || line_is(&word, "lacks")))
		return bad_value(d, value, key);
	has = line_is(&word, "has");
	while (line_word(&rest, &word)) {
		int f = feature_find(word.s, word.len);

		if (f < 0 || features[f].kind == FEATURE_OTHER)
			continue;
		if (has != featset_has(&view->has, (size_t)f) &&
		    featset_has(&view->known, (size_t)f))
			return input_bad(d->s->in, value->number, d->s->err,
					 "%s is said to have and to lack %s", key,
					 features[f].name);
		featset_add(&view->known, (size_t)f);
		if (has)
			featset_add(&view->has, (size_t)f);
	}
	return 0;
}

static int read_kvm(struct dump *d, const struct line *value)
{
	return read_given(d, value, "kvm", HOST_KVM);
}

static int read_tcg(struct dump *d, const struct line *value)
{
	return read_given(d, value, "tcg", HOST_TCG);
}

/* ---- the dump ---- */

static const struct {
	const char *key;
	int (*read)(struct dump *d, const struct line *value);
} keys[] = {
	{"leaf", read_leaf},           {"cpus", read_cpus},       {"name", read_name},
	{"kernel", read_kernel},       {"msr", read_msr},         {"microcode", read_microcode},
	{"qemu", read_qemu},           {"libvirt", read_libvirt}, {"tsc", read_tsc},
	{"tsc-scaling", read_scaling}, {"kvm", read_kvm},         {"tcg", read_tcg},
};

static int read_line(struct dump *d, const struct line *line)
{
	struct line rest = *line, key;

	if (!line->whole)
		return input_bad(d->s->in, line->number, d->s->err,
				 "the dump was cut off in this line");
	if (!line_word(&rest, &key))
		return 0;
	line_trim(&rest);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (line_is(&key, keys[i].key))
			return keys[i].read(d, &rest);
	return 0;
}

static int read_lines(struct dump *d)
{
	struct input *in = d->s->in;
	struct line line = {.number = in->number};
	int n, r;

	while ((n = input_peek(in, &line, d->s->err)) > 0 && !line_is(&line, "end")) {
		if (dump_begins(&line))
			break;
		r = read_line(d, &line);
		if (r < 0)
			return r;
		input_take(in);
	}
	if (n < 0)
		return n;
	if (n == 0 || !line_is(&line, "end"))
		return input_bad(in, line.number, d->s->err,
				 "the dump has no 'end': it was cut off here");
	input_take(in);
	return end_cpus(d, line.number);
}

static bool tells_nothing(const struct host *h)
{
	for (int accel = 0; accel < HOST_ACCELS; accel++)
		if (host_tells(h, (enum host_accel)accel))
			return false;
	return true;
}

static int other_form(struct session *s, const struct line *magic)
{
	char shown[64];

	return input_bad(
		s->in, magic->number, s->err,
		"a dump of another release of cpushim ('%s'; this one reads '%s'); read it with "
		"that release, or make it anew with this one",
		line_shown(magic, shown, sizeof(shown)), DUMP_MAGIC);
}

int dump_read(struct session *s, const struct format *format)
{
	struct dump d = {.s = s};
	unsigned int number = s->in->number;
	struct line magic;
	int r = session_host(s, format, number, &d.host);

	if (r == 0)
		r = input_next(s->in, &magic, s->err);
	if (r > 0)
		r = line_is(&magic, DUMP_MAGIC) ? read_lines(&d) : other_form(s, &magic);
	if (r == 0 && d.cpus.n)
		cpus_tell(&d.cpus, &d.host);
	if (r == 0 && tells_nothing(&d.host))
		r = input_bad(s->in, number, s->err, "a dump that tells nothing of a CPU");
	if (r == 0)
		r = session_take(s, &d.host);
	cpus_free(&d.cpus);
	host_free(&d.host);
	return r;
}
