/* SPDX-License-Identifier: Apache-2.0 */
#include "way.h"

#include <errno.h>

#include <dirent.h>

#include "cpumap/core/paths.h"
#include "cpumap/core/util.h"
#include "nodestate.h"

void way_free(struct way *w)
{
	names_free(&w->names);
	kept_free(&w->live);
	kept_free(&w->saved);
	asked_free(&w->asked);
	process_list_free(&w->qemus);
	strv_free(&w->blocks);
	strv_free(&w->doubts);
	free(w->found);
	free(w->xml);
	free(w->log);
}

static int add_block(struct way *w, const char *what)
{
	return strv_add(&w->blocks, what, strlen(what));
}

/* What of this node stands in the way of a site model. */
static void look_at_node(struct way *w)
{
	_cleanup_nodestate_ struct nodestate s;
	_cleanup_free_ char *lacks = NULL;

	nodestate_read(&s, &w->names.table);
	nodestate_blocks(&s, w->asked.facts.emulator, &w->blocks);
	lacks = nodestate_lacks_model(&s, w->asked.domain.model);
	if (lacks)
		(void)add_block(w, lacks);
	nodestate_doubts(&s, &w->doubts);
}

/* What the hook's prepare would say, and what it can't know. */
static void find_blocks(struct way *w)
{
	_cleanup_reasons_ struct reasons reasons = {0};
	const struct asked *a = &w->asked;

	if (a->facts.row)
		decide_request(&a->domain, &a->facts, &reasons);
	else if (a->domain.model && names_has(&w->names, a->domain.model))
		(void)add_block(w,
				"no definition has that name any more; `cpushim compile` with one "
				"of the same meaning brings it back");
	for (size_t i = 0; i < reasons.n; i++)
		(void)add_block(w, reasons.item[i].text);
	if (a->facts.row)
		look_at_node(w);
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

		if (p->owner != OWNER_OTHER && domain && strcmp(domain, w->name) == 0 &&
		    (!want || (uuid && strcmp(uuid, want) == 0)))
			w->qemu = p;
	}
}

static int read_one(struct kept *k, bool *has, enum domainfile kind, const char *name,
		    struct error *err)
{
	int r = kept_read(k, kind, name, err);

	*has = r == 0;
	if (!*has)
		kept_free(k);
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

/* Reads what libvirt keeps of the domain called w->name. */
static int read_named(struct way *w, struct error *err)
{
	int r = read_one(&w->live, &w->has_live, DOMAINFILE_STATUS, w->name, err);

	return r < 0 ? r : read_one(&w->saved, &w->has_saved, DOMAINFILE_DEFINITION, w->name, err);
}

/* "instance-00000001.xml" is of that domain, if it has the UUID. */
static int take_if_same(struct way *w, enum domainfile kind, const char *file, const char *uuid)
{
	size_t len = strlen(file), suffix = strlen(".xml");
	_cleanup_free_ char *name = NULL;
	_cleanup_kept_ struct kept k = {0};
	int r;

	if (len <= suffix || strcmp(file + len - suffix, ".xml") != 0)
		return -ENOENT;
	name = strndup(file, len - suffix);
	r = name ? kept_read(&k, kind, name, NULL) : -ENOMEM;
	if (r < 0)
		return r;
	if (!k.domain.uuid || strcasecmp(k.domain.uuid, uuid) != 0)
		return -ENOENT;
	w->name = w->found = steal_pointer(&name);
	return 0;
}

/* Sets w->name to that of the domain with this UUID. -EACCES: there are files that may not be
 * read. */
static int find_uuid(struct way *w, const char *uuid)
{
	static const enum domainfile kinds[] = {DOMAINFILE_STATUS, DOMAINFILE_DEFINITION};
	int status = -ENOENT;

	for (size_t i = 0; i < ARRAY_SIZE(kinds) && status != 0; i++) {
		_cleanup_free_ char *path = root_path(domainfile_dir(kinds[i]));
		DIR *dir = path ? opendir(path) : NULL;
		const struct dirent *entry;

		while (dir && status != 0 && (entry = readdir(dir))) {
			int r = take_if_same(w, kinds[i], entry->d_name, uuid);

			if (r == 0 || r == -EACCES)
				status = r;
		}
		if (dir)
			(void)closedir(dir);
		else if (errno == EACCES)
			status = -EACCES;
	}
	return status;
}

/* nova's name for a guest is its UUID; also in upper case or without dashes, as libvirt takes it. */
static bool read_uuid(const char *text, char uuid[UUID_LEN + 1])
{
	size_t n = 0;

	for (; *text; text++) {
		if (*text == '-')
			continue;
		if (n == 8 || n == 13 || n == 18 || n == 23)
			uuid[n++] = '-';
		if (n == UUID_LEN || !strchr("0123456789abcdefABCDEF", *text))
			return false;
		uuid[n++] = *text;
	}
	uuid[n] = '\0';
	return n == UUID_LEN;
}

static int read_domain(struct way *w, struct error *err)
{
	char uuid[UUID_LEN + 1];
	int r = read_named(w, err);

	if (r == 0 && !w->has_live && !w->has_saved) {
		r = read_uuid(w->name, uuid) ? find_uuid(w, uuid) : -ENOENT;
		if (r == -ENOENT)
			return error_set(err, r, NULL, 0,
					 "there is no domain '%s' in " LIBVIRT_STATE_DIR
					 " or " LIBVIRT_DEFINITION_DIR
					 "; `cpushim guests` names those that run",
					 w->name);
		if (r < 0)
			return error_set(err, r, NULL, 0, "%s; run this as root", strerror(-r));
		r = read_named(w, err);
	}
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

/* A domain may be called "a.xml". */
static bool is_file(const char *name)
{
	size_t len = strlen(name);
	_cleanup_kept_ struct kept live = {0}, saved = {0};

	if (strcmp(name, "-") == 0 || strchr(name, '/'))
		return true;
	return len > 4 && strcmp(name + len - 4, ".xml") == 0 &&
	       kept_read(&live, DOMAINFILE_STATUS, name, NULL) == -ENOENT &&
	       kept_read(&saved, DOMAINFILE_DEFINITION, name, NULL) == -ENOENT;
}

int way_find(struct way *w, struct error *err)
{
	int r;

	names_published(&w->names);
	w->is_file = is_file(w->name);
	r = (w->is_file ? read_file : read_domain)(w, err);
	if (r < 0)
		return r;
	find_blocks(w);
	if (w->qemu) {
		running_judge(&w->running, &w->names, &w->asked.domain, w->qemu);
		running_mark(&w->running, &w->names, w->has_live ? &w->live.domain : NULL);
		if (!w->has_saved)
			running_note_arrival(&w->running, w->qemu);
	} else if (!w->is_file) {
		w->log = kept_last_words(w->name);
	}
	return 0;
}
