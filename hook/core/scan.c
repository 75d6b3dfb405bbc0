/* SPDX-License-Identifier: Apache-2.0 */
#include "scan.h"

#include <string.h>

#include "cpumap/core/util.h"

/* What the next byte belongs to (XML 1.0, 2.4 to 2.8, 3.1). */
enum state {
	TEXT,
	LESS,    /* behind a '<' */
	BANG,    /* behind "<!", until it is clear what begins */
	COMMENT, /* its end is "-->", */
	CDATA,   /* "]]>", */
	PROCESS, /* "?>" */
	NAME,    /* of an element that begins */
	TAG,     /* in a tag, between attributes */
	ATTRIBUTE,
	EQUALS, /* behind an attribute's name */
	VALUE,
	END_TAG,
};

static void mark(struct scan *s, enum scan_form form)
{
	if (s->form < form)
		s->form = form;
}

static void put(struct scan_text *t, char c)
{
	if (t->len < sizeof(t->data))
		t->data[t->len] = c;
	t->len++;
}

static bool text_is(const struct scan_text *t, const char *what)
{
	return t->len == strlen(what) && t->len <= sizeof(t->data) &&
	       memcmp(t->data, what, t->len) == 0;
}

static bool has_prefix(const struct scan_text *name)
{
	return memchr(name->data, ':',
		      name->len < sizeof(name->data) ? name->len : sizeof(name->data));
}

/* Is @local the name without its prefix? */
static bool local_is(const struct scan_text *name, const char *local)
{
	size_t len = strlen(local);

	return name->len > len && name->len <= sizeof(name->data) &&
	       name->data[name->len - len - 1] == ':' &&
	       memcmp(name->data + name->len - len, local, len) == 0;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static enum scan_place here(const struct scan *s)
{
	return s->depth < ARRAY_SIZE(s->place) ? s->place[s->depth] : SCAN_OTHER;
}

static bool is_in_cpu(const struct scan *s)
{
	return s->depth >= 2 && s->place[2] == SCAN_CPU;
}

/* Marks the form where a comment, CDATA or the like stands at a place that counts. */
static void meet(struct scan *s, enum state what)
{
	enum scan_place place = here(s);

	if (place == SCAN_MODEL || place == SCAN_UUID)
		mark(s, SCAN_OPAQUE); /* they split the text */
	else if (place == SCAN_PROLOG && what == PROCESS)
		mark(s, SCAN_OPAQUE); /* the XML declaration may name an encoding */
	else if (place != SCAN_OTHER || is_in_cpu(s))
		mark(s, SCAN_ODD);
}

/* The first element of that kind counts, as in libvirt's XPath. Further ones make the form odd. */
static enum scan_place first(struct scan *s, bool *had, enum scan_place place)
{
	if (*had) {
		mark(s, SCAN_ODD);
		return SCAN_OTHER;
	}
	*had = true;
	return place;
}

static enum scan_place place_in_domain(struct scan *s)
{
	if (text_is(&s->word, "cpu"))
		return first(s, &s->had_cpu, SCAN_CPU);
	if (text_is(&s->word, "uuid"))
		return first(s, &s->had_uuid, SCAN_UUID);
	if (local_is(&s->word, "cpu") || local_is(&s->word, "uuid"))
		mark(s, SCAN_ODD);
	return SCAN_OTHER;
}

/* Which element begins, by its name in @word and by the elements around it. */
static enum scan_place place_of(struct scan *s)
{
	switch (here(s)) {
	case SCAN_PROLOG:
		if (text_is(&s->word, "domain"))
			return SCAN_DOMAIN;
		mark(s, SCAN_OPAQUE);
		return SCAN_OTHER;
	case SCAN_DOMAIN:
		return place_in_domain(s);
	case SCAN_CPU:
		if (text_is(&s->word, "model"))
			return first(s, &s->had_model, SCAN_MODEL);
		if (has_prefix(&s->word))
			mark(s, SCAN_ODD);
		return SCAN_OTHER;
	case SCAN_MODEL:
	case SCAN_UUID:
		mark(s, SCAN_OPAQUE); /* libvirt reads the text of the child, too */
		return SCAN_OTHER;
	default:
		return SCAN_OTHER;
	}
}

static void open_element(struct scan *s)
{
	enum scan_place place = place_of(s);

	s->depth++;
	if (s->depth < ARRAY_SIZE(s->place))
		s->place[s->depth] = place;
	s->attributes = 0;
}

static void close_element(struct scan *s)
{
	if (s->depth > 0)
		s->depth--;
	s->done = s->depth == 0;
}

/* Reads the mode. With libvirt's names of other modes a model is ignored; unknown names are left to
 * the worker. */
static void take_mode(struct scan *s)
{
	static const char *const ignoring[] = {"host-model", "host-passthrough", "maximum"};
	bool known = text_is(&s->word, "custom");

	for (size_t i = 0; i < ARRAY_SIZE(ignoring); i++)
		if (text_is(&s->word, ignoring[i]))
			known = s->not_custom = true;
	if (!known)
		mark(s, SCAN_OPAQUE);
}

/* An attribute's name is complete. A default namespace hides the elements from libvirt's XPath. A
 * prefix doesn't hide an attribute: libvirt reads the mode of <cpu> with xmlGetProp. */
static void take_attribute(struct scan *s)
{
	enum scan_place place = here(s);
	bool counts = place == SCAN_DOMAIN || place == SCAN_CPU || place == SCAN_MODEL ||
		      place == SCAN_UUID;

	s->crowded |= ++s->attributes > SCAN_ATTRIBUTES;
	s->word_is_mode = place == SCAN_CPU && text_is(&s->word, "mode");
	if (!counts)
		return;
	if (text_is(&s->word, "xmlns"))
		mark(s, SCAN_OPAQUE);
	else if (place == SCAN_CPU && local_is(&s->word, "mode"))
		mark(s, SCAN_OPAQUE);
	else if (has_prefix(&s->word) &&
		 !(place == SCAN_DOMAIN && memcmp(s->word.data, "xmlns:", 6) == 0))
		mark(s, SCAN_ODD);
}

static void in_text(struct scan *s, char c)
{
	enum scan_place place = here(s);

	if (c == '<') {
		s->state = LESS;
	} else if (place == SCAN_MODEL || place == SCAN_UUID) {
		if (c == '&')
			mark(s, SCAN_OPAQUE);
		put(place == SCAN_MODEL ? &s->model : &s->uuid, c);
	} else if (place == SCAN_PROLOG && !is_blank(c)) {
		mark(s, SCAN_OPAQUE); /* a byte order mark, or the '<' of another encoding */
	}
}

static void behind_less(struct scan *s, char c)
{
	s->word.len = s->run = 0;
	s->before = 0;
	if (c == '!') {
		s->state = BANG;
	} else if (c == '?') {
		s->state = PROCESS;
		meet(s, PROCESS);
	} else if (c == '/') {
		s->state = END_TAG;
	} else {
		s->state = NAME;
		put(&s->word, c);
	}
}

static void in_bang(struct scan *s, char c)
{
	static const char cdata[] = "[CDATA[";

	put(&s->word, c);
	if (text_is(&s->word, "--")) {
		s->state = COMMENT;
		meet(s, COMMENT);
	} else if (text_is(&s->word, cdata)) {
		s->state = CDATA;
		meet(s, CDATA);
	} else if (s->word.len > strlen(cdata) || (c != '-' && c != cdata[s->word.len - 1])) {
		s->state = TAG; /* a DOCTYPE: only libxml2 can tell what it defines */
		mark(s, SCAN_OPAQUE);
	}
}

/* Does @c end a comment or the like, after at least @least times @before_end? */
static void in_skipped(struct scan *s, char c, char before_end, size_t least)
{
	if (c == '>' && s->run >= least)
		s->state = TEXT;
	s->run = c == before_end ? s->run + 1 : 0;
}

static void in_comment(struct scan *s, char c)
{
	in_skipped(s, c, '-', 2);
}

static void in_cdata(struct scan *s, char c)
{
	in_skipped(s, c, ']', 2);
}

static void in_process(struct scan *s, char c)
{
	in_skipped(s, c, '?', 1);
}

static void in_tag(struct scan *s, char c)
{
	if (c == '>') {
		if (s->before == '/')
			close_element(s);
		s->state = TEXT;
	} else if (c != '/' && !is_blank(c)) {
		s->word.len = 0;
		put(&s->word, c);
		s->state = ATTRIBUTE;
	}
}

static void in_name(struct scan *s, char c)
{
	if (c != '>' && c != '/' && !is_blank(c)) {
		put(&s->word, c);
		return;
	}
	open_element(s);
	s->state = TAG;
	in_tag(s, c);
}

static void in_attribute(struct scan *s, char c)
{
	if (c != '=' && !is_blank(c)) {
		put(&s->word, c);
		return;
	}
	take_attribute(s);
	s->state = EQUALS;
}

static void behind_equals(struct scan *s, char c)
{
	if (c != '\'' && c != '"')
		return;
	s->quote = c;
	s->word.len = 0;
	s->state = VALUE;
}

static void in_value(struct scan *s, char c)
{
	if (c != s->quote) {
		if (s->word_is_mode)
			put(&s->word, c);
		return;
	}
	if (s->word_is_mode)
		take_mode(s);
	s->word_is_mode = false;
	s->state = TAG;
}

static void in_end_tag(struct scan *s, char c)
{
	if (c != '>')
		return;
	close_element(s);
	s->state = TEXT;
}

static void (*const take[])(struct scan *s, char c) = {
	[TEXT] = in_text,         [LESS] = behind_less, [BANG] = in_bang,
	[COMMENT] = in_comment,   [CDATA] = in_cdata,   [PROCESS] = in_process,
	[NAME] = in_name,         [TAG] = in_tag,       [ATTRIBUTE] = in_attribute,
	[EQUALS] = behind_equals, [VALUE] = in_value,   [END_TAG] = in_end_tag,
};

void scan_feed(struct scan *s, const char *data, size_t len)
{
	/* what follows </domain> can only make the text ill-formed */
	for (size_t i = 0; i < len && !s->done; i++) {
		s->seen |= !is_blank(data[i]);
		if (!data[i])
			mark(s, SCAN_OPAQUE);
		take[s->state](s, data[i]);
		s->before = data[i];
	}
}

void scan_end(struct scan *s)
{
	/* the text was cut off; without any element there is no domain */
	if (s->seen && !s->done)
		mark(s, SCAN_OPAQUE);
}

const char *scan_model(const struct scan *s, size_t *len)
{
	bool asks = s->model.len > 0 && !s->not_custom;

	*len = !asks                                  ? 0
	       : s->model.len < sizeof(s->model.data) ? s->model.len
						      : sizeof(s->model.data);
	return asks ? s->model.data : NULL;
}
