/* SPDX-License-Identifier: Apache-2.0 */
#include "fault.h"

#include <stdarg.h>

#include "cpumap/core/error.h"
#include "cpumap/core/util.h"

void fault_add(struct faults *f, const char *id, enum weight weight, const char *fmt, ...)
{
	struct fault *grown = reallocarray(f->item, f->n + 1, sizeof(*grown));
	struct fault new = {.id = id, .weight = weight};
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&new.what, fmt, ap) < 0)
		new.what = NULL;
	va_end(ap);
	f->item = grown ? grown : f->item;
	if (grown && new.what) {
		grown[f->n++] = new;
		return;
	}
	free(new.what);
	f->lost = true;
}

void fault_cure(struct faults *f, const char *fmt, ...)
{
	char *cure;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&cure, fmt, ap) < 0)
		cure = NULL;
	va_end(ap);
	/* one that was lost has no cure */
	if (f->n == 0 || f->lost || !cure) {
		f->lost = true;
		free(cure);
		return;
	}
	free(f->item[f->n - 1].cure);
	f->item[f->n - 1].cure = cure;
}

void fault_error(struct faults *f, const char *id, enum weight weight, const struct error *err,
		 const char *cure)
{
	const char *own = NULL;

	for (const char *at = strstr(err->what, "; "); at; at = strstr(own, "; "))
		own = at + strlen("; ");
	fault_add(f, id, weight, "%s%s%.*s", err->where, *err->where ? ": " : "",
		  (int)(own ? (size_t)(own - err->what) - strlen("; ") : strlen(err->what)),
		  err->what);
	if (own && cure)
		fault_cure(f, "%s, then %s", own, cure);
	else if (own || cure)
		fault_cure(f, "%s", own ? own : cure);
}

char *fault_line(const struct fault *fault)
{
	char *line;

	if (asprintf(&line, "%s%s%s", fault->what, fault->cure ? "; " : "",
		     fault->cure ? fault->cure : "") < 0)
		return NULL;
	return line;
}

void faults_free(struct faults *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->item[i].what);
		free(f->item[i].cure);
	}
	free(f->item);
	*f = (struct faults){0};
}
