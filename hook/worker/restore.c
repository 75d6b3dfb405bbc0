/* SPDX-License-Identifier: Apache-2.0 */
#include "restore.h"

#include "cpumap/core/util.h"
#include "hook/domain/mark.h"
#include "hook/domain/snapshot.h"
#include "hook/domain/storedxml.h"
#include "native.h"

/* nobody can tell which of the two it was */
#define WHY "libvirt made that of the model without cpushim, or the domain was defined so then; "

static const char *model_of(const struct domain *d)
{
	return d->model ? d->model : "no model";
}

static bool read_definition(struct storedxml *s, const struct domain *d, const char *name)
{
	return storedxml_read(s, DOMAINFILE_DEFINITION, name, NULL) == 0 &&
	       domain_same(&s->domain, d);
}

static const struct table_row *find_row(struct asked *a, const char *model)
{
	const struct table_row *row = NULL;

	if (model && a->emulator)
		row = asked_row(a, model, a->emulator);
	return row || !model ? row : asked_row(a, model, NULL);
}

/* Judges the CPU on a node without the wrapper, where a translation may be exact. */
static void judge_native(const struct asked *a, const struct domain *defined,
			 const struct table_row *row, struct reasons *reasons)
{
	struct facts facts = a->facts;
	struct record r;

	facts.row = row;
	decide_record(defined, row, &r);
	native_start(&a->domain, &facts, &r, reasons);
}

const struct table_row *restore_image(struct asked *a, const char *name, struct reasons *reasons)
{
	_cleanup_storedxml_ struct storedxml defined = {0};
	const struct table_row *row;

	if (!read_definition(&defined, &a->domain, name))
		return NULL;
	row = find_row(a, defined.domain.model);
	if (row && a->facts.native)
		judge_native(a, &defined.domain, row, reasons);
	else if (row)
		because(reasons, head("was translated"),
			"its definition asks for it, and its saved image has '%s': " WHY
			"boot it anew (`virsh managedsave-remove %s` if it is a managed "
			"save, and `virsh start %s`)",
			model_of(&a->domain), name, name);
	return row;
}

/* Judges a guest of a site model: its name may have had another definition when the snapshot was
 * taken. A domain whose definition has the mark (by `virsh dumpxml` and `define`, or nova's
 * unrescue) starts anew. */
static const struct table_row *judge_mark(struct asked *a, const char *name,
					  struct reasons *reasons)
{
	_cleanup_storedxml_ struct storedxml defined = {0};
	const struct table_row *row = a->facts.row;
	const struct domain *d = &a->domain;

	if (!mark_has(d, row->model) || mark_is(d, row->model, row->digest))
		return NULL;
	if (read_definition(&defined, d, name) &&
	    mark_is(&defined.domain, d->mark_model, d->mark_digest))
		return NULL;
	if (!snapshot_holds(d, name))
		return NULL;
	decide_mark(d, row, reasons);
	return row;
}

/* Judges a guest without a site model whose definition asks for one. */
static const struct table_row *judge_translation(struct asked *a, const char *name,
						 struct reasons *reasons)
{
	_cleanup_storedxml_ struct storedxml defined = {0};
	const struct table_row *row = NULL;

	if (read_definition(&defined, &a->domain, name))
		row = find_row(a, defined.domain.model);
	if (!row || !snapshot_holds(&a->domain, name))
		return NULL;
	if (a->facts.native)
		judge_native(a, &defined.domain, row, reasons);
	else
		because(reasons, head("was translated"),
			"its definition asks for it, and the snapshot has '%s': " WHY
			"boot it anew (`virsh start %s`) instead of reverting to it",
			model_of(&a->domain), name);
	return row;
}

const struct table_row *restore_snapshot(struct asked *a, const char *name, struct reasons *reasons)
{
	return (a->facts.row ? judge_mark : judge_translation)(a, name, reasons);
}
