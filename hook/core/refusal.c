/* SPDX-License-Identifier: Apache-2.0 */
#include "refusal.h"

#include <errno.h>

#include "cpumap/core/util.h"

#define NAME_LEAST 4 /* so much of the model's name is shown, however long the reason is */

struct head head(const char *fmt, ...)
{
	char words[256];
	struct head h;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(words, sizeof(words), fmt, ap);
	va_end(ap);
	(void)text_escape(h.text, sizeof(h.text), words, strlen(words));
	return h;
}

static struct reason *add(struct reasons *r)
{
	struct reason *grown = reallocarray(r->item, r->n + 1, sizeof(*grown));

	if (!grown)
		return NULL;
	r->item = grown;
	return &grown[r->n];
}

void because(struct reasons *reasons, struct head head, const char *fmt, ...)
{
	struct reason *item = add(reasons);
	va_list ap;

	va_start(ap, fmt);
	if (item && vasprintf(&item->text, fmt, ap) >= 0) {
		item->head = head;
		reasons->n++;
	} else {
		reasons->lost = true;
	}
	va_end(ap);
}

bool reasons_none(const struct reasons *reasons)
{
	return reasons->n == 0 && !reasons->lost;
}

void reasons_free(struct reasons *reasons)
{
	for (size_t i = 0; i < reasons->n; i++)
		free(reasons->item[i].text);
	free(reasons->item);
	*reasons = (struct reasons){0};
}

/* Adds the model's name, cut to fit before the reason. A cut name ends in '~'. */
static void add_model(struct text *line, const char *name, const struct head *head)
{
	char shown[256], *model = text_escape(shown, sizeof(shown), name, strlen(name));
	size_t reason = strlen(": ") + strlen(head->text);
	size_t room = reason + NAME_LEAST < HEAD_SHOWN ? HEAD_SHOWN - reason : NAME_LEAST;

	if (strlen(model) > room)
		text_addf(line, "%.*s~: ", (int)room - 1, model);
	else
		text_addf(line, "%s: ", model);
}

void refusal_print(bool libvirt, const char *model, struct head head, const struct error *err)
{
	_cleanup_text_ struct text line = {0};
	char words[4096];

	error_line(err, words, sizeof(words));
	if (!libvirt) {
		fputs(words, stderr);
		return;
	}
	words[strcspn(words, "\n")] = '\0';
	if (model && *model)
		add_model(&line, model, &head);
	text_addf(&line, "%s (%s)\n", head.text, words);
	fputs(line.failed ? words : line.data, stderr);
}

static void print_reason(bool libvirt, const char *name, const char *model, struct head head,
			 const char *text)
{
	struct error err = {0};

	error_set(&err, -EPERM, name, 0, "model '%s': %s", model, text);
	refusal_print(libvirt, model, head, &err);
}

bool reasons_print(bool libvirt, const char *name, const char *model, const struct reasons *reasons)
{
	for (size_t i = 0; i < reasons->n; i++)
		print_reason(libvirt, name, model, reasons->item[i].head, reasons->item[i].text);
	if (reasons->lost)
		print_reason(libvirt, name, model, head("out of memory"), "out of memory");
	return !reasons_none(reasons);
}
