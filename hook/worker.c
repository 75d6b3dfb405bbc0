/* SPDX-License-Identifier: Apache-2.0 */
#include "worker.h"

#include <errno.h>
#include <limits.h>

#include "cpumap/emulator.h"
#include "cpumap/kvm.h"

void asked_free(struct asked *a)
{
	table_free(&a->table);
	domain_free(&a->domain);
	free(a->emulator);
}

/* The file that the domain's <emulator> is in the end. */
static char *resolve(const char *emulator)
{
	_cleanup_free_ char *path = root_path(emulator);
	char *real = path ? realpath(path, NULL) : NULL;

	return real ? real : steal_pointer(&path);
}

int asked_read(struct asked *a, char *xml, size_t len, const char *name, struct error *err)
{
	_cleanup_free_ char *path = root_path(TABLE_PATH);
	struct domain *d = &a->domain;
	int r;

	*a = (struct asked){.facts.table = &a->table};
	r = path ? table_load(&a->table, path, err)
		 : error_set(err, -ENOMEM, name, 0, "out of memory");
	if (r == 0)
		r = domain_read(d, xml, len, name, err);
	if (r < 0 || !d->model)
		return r;
	if (d->emulator) {
		a->facts.emulator = a->emulator = resolve(d->emulator);
		a->facts.wrapper = a->emulator && emulator_is_wrapper(a->emulator);
	}
	a->facts.row = table_find(&a->table, d->model, strlen(d->model), a->emulator);
	/* with an emulator that has no row it still is a site model */
	if (!a->facts.row)
		a->facts.row = table_find(&a->table, d->model, strlen(d->model), NULL);
	if (a->facts.row && d->kvm && kvm_offers(&a->kvm, NULL) == 0)
		a->facts.kvm = &a->kvm;
	return 0;
}

static void say(const char *name, const char *model, const char *what)
{
	struct error err = {0};
	char line[4096];

	error_set(&err, -EPERM, name, 0, "model '%s': %s", model, what);
	error_line(&err, line, sizeof(line));
	fputs(line, stderr);
}

bool reasons_print(const char *name, const char *model, const struct strv *reasons)
{
	for (size_t i = 0; i < reasons->n; i++)
		say(name, model, reasons->item[i]);
	return reasons->n > 0;
}

void unsaid_print(const char *name, const struct table_row *row)
{
	char what[256];

	(void)snprintf(what, sizeof(what),
		       "a domain XML can't say family=%s, model=%s, stepping=%s and enforce; the "
		       "wrapper does",
		       row->family, row->cpu_model, row->stepping);
	say(name, row->model, what);
}
