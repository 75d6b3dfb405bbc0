/* SPDX-License-Identifier: Apache-2.0 */
#include "way.h"

#include <errno.h>

#include "cpumap/libvirt.h"
#include "cpumap/util.h"

#define NAME_SHOWN 256

void way_free(struct way *w)
{
	names_free(&w->names);
	kept_free(&w->live);
	kept_free(&w->saved);
	asked_free(&w->asked);
	process_list_free(&w->qemus);
	strv_free(&w->blocks);
	free(w->xml);
	free(w->log);
}

static int add_block(struct way *w, const char *what)
{
	return strv_add(&w->blocks, what, strlen(what));
}

/* What the hook's prepare would say, and what it can't know. */
static void find_blocks(struct way *w)
{
	const struct asked *a = &w->asked;

	if (a->facts.row)
		decide_request(&a->domain, &a->facts, &w->blocks);
	else if (a->domain.model && names_has(&w->names, a->domain.model))
		(void)add_block(w,
				"no definition has that name any more; `cpushim compile` with one "
				"of the same meaning brings it back");
}

/* The QEMU of this domain, by name and UUID. */
static void find_qemu(struct way *w)
{
	for (size_t i = 0; i < w->qemus.n && !w->qemu; i++) {
		const struct process *p = &w->qemus.item[i];
		_cleanup_free_ char *domain = process_domain(p);
		const char *uuid = process_option(p, "-uuid");
		const char *want = w->has_live    ? w->live.domain.uuid
				   : w->has_saved ? w->saved.domain.uuid
						  : NULL;

		if (domain && strcmp(domain, w->name) == 0 &&
		    (!want || (uuid && strcmp(uuid, want) == 0)))
			w->qemu = p;
	}
}

static int read_one(struct kept *k, bool *has, enum domainfile kind, const char *name,
		    struct error *err)
{
	int r = kept_read(k, kind, name, err);

	*has = r == 0;
	return r == -ENOENT ? 0 : r;
}

static int read_asked(struct way *w, struct error *err)
{
	const struct kept *asks = names_asked(&w->names, w->has_live ? &w->live : NULL,
					      w->has_saved ? &w->saved : NULL);
	bool live = asks ? asks == &w->live : !w->has_saved;
	_cleanup_kept_ struct kept k = {0};
	int r = kept_read(&k, live ? DOMAINFILE_STATUS : DOMAINFILE_DEFINITION, w->name, err);

	if (r < 0)
		return r;
	w->asked_in = live ? w->live.path : w->saved.path;
	k.domain.xml = NULL; /* it goes with k */
	return asked_domain(&w->asked, &k.domain, err);
}

static int read_domain(struct way *w, struct error *err)
{
	char shown[NAME_SHOWN];
	int r = read_one(&w->live, &w->has_live, DOMAINFILE_STATUS, w->name, err);

	if (r == 0)
		r = read_one(&w->saved, &w->has_saved, DOMAINFILE_DEFINITION, w->name, err);
	if (r == 0 && !w->has_live && !w->has_saved)
		r = error_set(err, -ENOENT, NULL, 0,
			      "there is no domain '%s' in " LIBVIRT_STATE_DIR
			      " or " DOMAINFILE_DEFINITION_DIR
			      "; `cpushim guests` names those that run",
			      text_escape(shown, sizeof(shown), w->name, strlen(w->name)));
	if (r == 0)
		r = processes_qemu(&w->qemus, err);
	if (r == 0)
		find_qemu(w);
	return r < 0 ? r : read_asked(w, err);
}

static int read_file(struct way *w, struct error *err)
{
	bool input = strcmp(w->name, "-") == 0;
	size_t len = 0;
	int r = input ? fd_read_all(STDIN_FILENO, LIBVIRT_XML_LIMIT, &w->xml, &len)
		      : file_read(w->name, TRUST_ANY, LIBVIRT_XML_LIMIT, &w->xml, &len, err);

	w->asked_in = input ? "standard input" : w->name;
	if (r < 0 && input)
		return error_set(err, r, w->asked_in, 0, "%s", strerror(-r));
	return r < 0 ? r : asked_read(&w->asked, w->xml, len, w->asked_in, err);
}

bool way_is_file(const char *name)
{
	size_t len = strlen(name);

	return strcmp(name, "-") == 0 || strchr(name, '/') ||
	       (len > 4 && strcmp(name + len - 4, ".xml") == 0);
}

int way_find(struct way *w, struct error *err)
{
	int r;

	names_published(&w->names);
	r = way_is_file(w->name) ? read_file(w, err) : read_domain(w, err);
	if (r < 0)
		return r;
	find_blocks(w);
	if (w->qemu) {
		running_judge(&w->running, &w->names, &w->asked.domain,
			      process_option(w->qemu, "-cpu"));
		running_mark(&w->running, &w->names, w->has_live ? &w->live.domain : NULL);
	} else if (!way_is_file(w->name)) {
		w->log = kept_last_words(w->name);
	}
	return 0;
}
