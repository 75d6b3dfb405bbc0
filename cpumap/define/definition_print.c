/* SPDX-License-Identifier: Apache-2.0 */
#include "definition_print.h"

#include "definition.h"

/* A vendor may have any printable character. */
static void add_escaped(struct text *out, const char *s)
{
	for (; *s; s++) {
		if (*s == '<' || *s == '&' || *s == '\'')
			text_addf(out, "&#%d;", *s);
		else
			text_add(out, s, 1);
	}
}

static void add_identity(struct text *out, const struct identity *id)
{
	if (*id->vendor && strcmp(id->vendor, "host") != 0) {
		text_adds(out, "    <vendor name='");
		add_escaped(out, id->vendor);
		text_adds(out, "'/>\n");
	}
	if (id->family < 0)
		return;
	text_addf(out, "    <signature family='%d' model='%d'", id->family, id->model);
	if (id->stepping >= 0)
		text_addf(out, " stepping='%d'", id->stepping);
	text_adds(out, "/>\n");
}

/* XML forbids `--` in a comment. */
static void add_note(struct text *out, const char *note)
{
	text_adds(out, "  ");
	for (; *note; note++) {
		bool odd = (unsigned char)*note < ' ' || (unsigned char)*note > '~';

		text_addf(out, "%c%s", odd ? '?' : *note,
			  note[0] == '-' && (note[1] == '-' || !note[1]) ? " " : "");
	}
	text_adds(out, "\n");
}

void definition_print_notes(struct text *out, const struct strv *notes)
{
	if (!notes || notes->n == 0)
		return;
	text_adds(out, "<!--\n");
	for (size_t i = 0; i < notes->n; i++)
		add_note(out, notes->item[i]);
	text_adds(out, "-->\n");
}

void definition_print(struct text *out, const struct model *m, const struct strv *notes)
{
	_cleanup_text_ struct text names = {0};
	char *rest, *name;

	definition_print_notes(out, notes);
	featset_print(&names, &m->features, " ");
	text_addf(out, "<cpus xmlns:shim='" DEFINITION_NS "'>\n  <model name='%s'>\n", m->name);
	text_addf(out, "    <shim:qemu base='%s'%s/>\n", m->base,
		  strcmp(m->id.vendor, "host") == 0 ? " vendor='host'" : "");
	add_identity(out, &m->id);
	rest = names.data;
	while (rest && (name = strsep(&rest, " ")))
		text_addf(out, "    <feature name='%s'/>\n", name);
	text_adds(out, "  </model>\n</cpus>\n");
	out->failed |= names.failed;
}
