/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"

#include <dirent.h>
#include <errno.h>

#include "cpumap/core/model.h"
#include "cpumap/core/paths.h"
#include "cpumap/core/util.h"
#include "hook/domain/domainlog.h"
#include "nodestate.h"

void report_free(struct report *report)
{
	names_free(&report->names);
	storedxml_free(&report->live);
	storedxml_free(&report->saved);
	asked_free(&report->asked);
	process_list_free(&report->qemus);
	strv_free(&report->blocks);
	strv_free(&report->doubts);
	free(report->found);
	free(report->xml);
	free(report->log);
}

static int add_block(struct report *report, const char *what)
{
	return strv_add(&report->blocks, what, strlen(what));
}

/* Was it a reason of prepare's already? */
static bool is_said(const struct report *report, const struct fault *fault)
{
	const struct facts *f = &report->asked.facts;

	return strcmp(fault->id, "qemu-table") == 0 && f->was && model_is_computed(f->row->base);
}

/* Adds what on this node prevents a site model from working. */
static void look_at_node(struct report *report)
{
	_cleanup_nodestate_ struct nodestate s;
	_cleanup_faults_ struct faults f = {0};
	_cleanup_free_ char *lacks = NULL;

	nodestate_read(&s, &report->names.table);
	nodestate_faults(&s, report->asked.facts.emulator, &f);
	for (size_t i = 0; i < f.n; i++) {
		_cleanup_free_ char *line = fault_line(&f.item[i]);

		if (line && f.item[i].weight >= WEIGHT_FAILS && !is_said(report, &f.item[i]))
			(void)strv_add(f.item[i].weight == WEIGHT_BLOCKS ? &report->blocks
									 : &report->doubts,
				       line, strlen(line));
	}
	report->node_is_wrong = f.n > 0;
	lacks = nodestate_lacks_model(&s, report->asked.domain.model);
	if (lacks)
		(void)add_block(report, lacks);
}

/* Adds the reasons for which prepare would refuse, and those that the hook can't see. */
static void find_blocks(struct report *report)
{
	_cleanup_reasons_ struct reasons reasons = {0};
	const struct asked *a = &report->asked;

	if (a->facts.row)
		decide_request(&a->domain, &a->facts, &reasons);
	else if (a->domain.model && names_has(&report->names, a->domain.model))
		(void)add_block(report,
				"no definition has that name any more; `cpushim compile` with one "
				"of the same meaning brings it back");
	for (size_t i = 0; i < reasons.n; i++)
		(void)add_block(report, reasons.item[i].text);
	if (a->facts.row)
		look_at_node(report);
}

/* Finds the QEMU of this domain, by name and UUID. */
static void find_qemu(struct report *report)
{
	for (size_t i = 0; i < report->qemus.n && !report->qemu; i++) {
		const struct process *p = &report->qemus.item[i];
		_cleanup_free_ char *domain = process_domain(p);
		const char *uuid = process_option(p, "-uuid");
		const char *want = report->has_live    ? report->live.domain.uuid
				   : report->has_saved ? report->saved.domain.uuid
						       : NULL;

		if (p->owner != OWNER_OTHER && domain && strcmp(domain, report->name) == 0 &&
		    (!want || (uuid && strcmp(uuid, want) == 0)))
			report->qemu = p;
	}
}

static int read_one(struct storedxml *stored, bool *has, enum domainfile kind, const char *name,
		    struct error *err)
{
	int r = storedxml_read(stored, kind, name, err);

	*has = r == 0;
	if (!*has)
		storedxml_free(stored);
	return r == -ENOENT ? 0 : r;
}

static int read_asked(struct report *report, struct error *err)
{
	const struct storedxml *asks =
		names_asked(&report->names, report->has_live ? &report->live : NULL,
			    report->has_saved ? &report->saved : NULL);
	bool live = asks ? asks == &report->live : !report->has_saved;
	_cleanup_storedxml_ struct storedxml stored = {0};
	int r = storedxml_read(&stored, live ? DOMAINFILE_STATUS : DOMAINFILE_DEFINITION,
			       report->name, err);

	if (r < 0)
		return r;
	report->asked_in = live ? report->live.path : report->saved.path;
	stored.domain.xml = NULL; /* stored owns it */
	return asked_domain(&report->asked, &stored.domain, err);
}

/* Reads the XML that libvirt stores of the domain report->name. */
static int read_named(struct report *report, struct error *err)
{
	int r = read_one(&report->live, &report->has_live, DOMAINFILE_STATUS, report->name, err);

	return r < 0 ? r
		     : read_one(&report->saved, &report->has_saved, DOMAINFILE_DEFINITION,
				report->name, err);
}

/* Takes the domain of a file such as "instance-00000001.xml" if it has the UUID. */
static int take_if_same(struct report *report, enum domainfile kind, const char *file,
			const char *uuid)
{
	size_t len = strlen(file), suffix = strlen(".xml");
	_cleanup_free_ char *name = NULL;
	_cleanup_storedxml_ struct storedxml stored = {0};
	int r;

	if (len <= suffix || strcmp(file + len - suffix, ".xml") != 0)
		return -ENOENT;
	name = strndup(file, len - suffix);
	r = name ? storedxml_read(&stored, kind, name, NULL) : -ENOMEM;
	if (r < 0)
		return r;
	if (!stored.domain.uuid || strcasecmp(stored.domain.uuid, uuid) != 0)
		return -ENOENT;
	report->name = report->found = steal_pointer(&name);
	return 0;
}

/* Sets report->name to the name of the domain with this UUID. -EACCES: some files may not be
 * read. */
static int find_uuid(struct report *report, const char *uuid)
{
	static const enum domainfile kinds[] = {DOMAINFILE_STATUS, DOMAINFILE_DEFINITION};
	int status = -ENOENT;

	for (size_t i = 0; i < ARRAY_SIZE(kinds) && status != 0; i++) {
		_cleanup_free_ char *path = root_path(domainfile_dir(kinds[i]));
		DIR *dir = path ? opendir(path) : NULL;
		const struct dirent *entry;

		while (dir && status != 0 && (entry = readdir(dir))) {
			int r = take_if_same(report, kinds[i], entry->d_name, uuid);

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

/* Reads a UUID, which is nova's name for a guest. As in libvirt it may be in upper case or without
 * dashes. */
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

static int read_domain(struct report *report, struct error *err)
{
	char uuid[UUID_LEN + 1];
	int r = read_named(report, err);

	if (r == 0 && !report->has_live && !report->has_saved) {
		r = read_uuid(report->name, uuid) ? find_uuid(report, uuid) : -ENOENT;
		if (r == -ENOENT)
			return error_set(err, r, NULL, 0,
					 "there is no domain '%s' in " LIBVIRT_STATE_DIR
					 " or " LIBVIRT_DEFINITION_DIR
					 "; `cpushim guests` names those that run",
					 report->name);
		if (r < 0)
			return error_set(err, r, NULL, 0, "%s; run this as root", strerror(-r));
		r = read_named(report, err);
	}
	if (r == 0)
		r = processes_qemu(&report->qemus, err);
	if (r == 0)
		find_qemu(report);
	return r < 0 ? r : read_asked(report, err);
}

static int read_file(struct report *report, struct error *err)
{
	bool input = strcmp(report->name, "-") == 0;
	size_t len = 0;
	int r = input ? fd_read_all(STDIN_FILENO, LIBVIRT_XML_LIMIT, &report->xml, &len)
		      : file_read(report->name, TRUST_ANY, LIBVIRT_XML_LIMIT, &report->xml, &len,
				  err);

	report->asked_in = input ? "standard input" : report->name;
	if (r < 0 && input)
		return error_set(err, r, report->asked_in, 0, "%s", strerror(-r));
	return r < 0 ? r : asked_read(&report->asked, report->xml, len, report->asked_in, err);
}

/* Is @name a file? A domain may be called "a.xml", too. */
static bool is_file(const char *name)
{
	size_t len = strlen(name);
	_cleanup_storedxml_ struct storedxml live = {0}, saved = {0};

	if (strcmp(name, "-") == 0 || strchr(name, '/'))
		return true;
	return len > 4 && strcmp(name + len - 4, ".xml") == 0 &&
	       storedxml_read(&live, DOMAINFILE_STATUS, name, NULL) == -ENOENT &&
	       storedxml_read(&saved, DOMAINFILE_DEFINITION, name, NULL) == -ENOENT;
}

int report_find(struct report *report, struct error *err)
{
	int r;

	names_published(&report->names);
	report->is_file = is_file(report->name);
	r = (report->is_file ? read_file : read_domain)(report, err);
	if (r < 0)
		return r;
	find_blocks(report);
	if (report->qemu) {
		running_judge(&report->running, &report->names, &report->asked.domain,
			      report->qemu);
		running_mark(&report->running, &report->names,
			     report->has_live ? &report->live.domain : NULL);
		if (!report->has_saved)
			running_note_arrival(&report->running, report->qemu);
	} else if (!report->is_file) {
		report->log = domainlog_last_words(report->name);
	}
	return 0;
}
