/* SPDX-License-Identifier: Apache-2.0 */
/* All domains, and all that libvirt keeps of each: told by the process that asks libvirt, and read by
 * its parent. */
#include <errno.h>

#include "libvirtask.h"
#include "libvirtquestion.h"

#define PARTS 5 /* strings for each XML */

/* ---- the process that asks ---- */

/* The domain whose XMLs are told. */
struct telling {
	const struct libvirt *l;
	void *domain;
	const char *name;
	char uuid[LIBVIRT_UUID_SIZE];
	struct text *answer;
};

static void tell(const struct telling *t, enum libvirt_domain_as as, const char *snapshot,
		 const char *xml)
{
	text_addf(t->answer, "%d%c%s%c%s%c%s%c%s%c", (int)as, 0, t->name, 0, t->uuid, 0, snapshot,
		  0, xml, 0);
}

/* A failed call that concerns a domain or a snapshot: one that is gone isn't told. */
static int fail(const struct telling *t, struct error *err)
{
	const struct libvirt_error *last = t->l->call.get_last_error();

	if (last && (last->code == LIBVIRT_ERR_NO_DOMAIN || last->code == LIBVIRT_ERR_NO_SNAPSHOT))
		return 0;
	return libvirt_fail(t->l, -EINVAL, t->name, err);
}

/* @flags: which of its XMLs */
static int tell_xml(const struct telling *t, enum libvirt_domain_as as, unsigned int flags,
		    struct error *err)
{
	_cleanup_free_ char *xml = t->l->call.domain_xml(t->domain, flags);

	if (!xml)
		return fail(t, err);
	tell(t, as, "", xml);
	return 0;
}

static int tell_save(const struct telling *t, struct error *err)
{
	_cleanup_free_ char *xml = NULL;
	int has = t->l->call.domain_has_save(t->domain, 0);

	if (has < 0)
		return fail(t, err);
	if (!has)
		return 0;
	if (t->l->call.domain_save_xml)
		xml = t->l->call.domain_save_xml(t->domain, 0);
	tell(t, LIBVIRT_SAVED, "", xml ? xml : "");
	return 0;
}

static int tell_snapshot(const struct telling *t, void *snapshot, struct error *err)
{
	_cleanup_free_ char *xml = t->l->call.snapshot_xml(snapshot, 0);
	const char *name = t->l->call.snapshot_name(snapshot);

	if (!xml || !name)
		return fail(t, err);
	tell(t, LIBVIRT_SNAPSHOT, name, xml);
	return 0;
}

static int tell_snapshots(const struct telling *t, struct error *err)
{
	void **snapshots = NULL;
	int n = t->l->call.list_snapshots(t->domain, &snapshots, 0), r = 0;

	if (n < 0)
		return fail(t, err);
	for (int i = 0; i < n; i++) {
		if (r == 0)
			r = tell_snapshot(t, snapshots[i], err);
		(void)t->l->call.snapshot_free(snapshots[i]);
	}
	free(snapshots);
	return r;
}

static int tell_domain(struct telling *t, struct error *err)
{
	int active = t->l->call.domain_is_active(t->domain);
	int persistent = t->l->call.domain_is_persistent(t->domain), r = 0;

	t->name = t->l->call.domain_name(t->domain);
	if (!t->name || t->l->call.domain_uuid(t->domain, t->uuid) < 0)
		return libvirt_fail(t->l, -EINVAL, "domains", err);
	if (active < 0 || persistent < 0)
		return fail(t, err);
	if (persistent)
		r = tell_xml(t, LIBVIRT_DEFINED, LIBVIRT_XML_INACTIVE, err);
	if (r == 0 && active)
		r = tell_xml(t, LIBVIRT_RUNS, 0, err);
	if (r == 0)
		r = tell_save(t, err);
	return r < 0 ? r : tell_snapshots(t, err);
}

int question_domains(const struct libvirt *l, struct text *answer, struct error *err)
{
	static const size_t needed[] = {
		LIBVIRT_CALL(list_domains),     LIBVIRT_CALL(domain_free),
		LIBVIRT_CALL(domain_name),      LIBVIRT_CALL(domain_uuid),
		LIBVIRT_CALL(domain_is_active), LIBVIRT_CALL(domain_is_persistent),
		LIBVIRT_CALL(domain_xml),       LIBVIRT_CALL(domain_has_save),
		LIBVIRT_CALL(list_snapshots),   LIBVIRT_CALL(snapshot_name),
		LIBVIRT_CALL(snapshot_xml),     LIBVIRT_CALL(snapshot_free),
	};
	void **domains = NULL;
	int r = 0, n;

	for (size_t i = 0; i < ARRAY_SIZE(needed) && r == 0; i++)
		r = libvirt_need(l, needed[i], err);
	if (r < 0)
		return r;
	n = l->call.list_domains(l->conn, &domains, 0);
	if (n < 0)
		return libvirt_fail(l, -EINVAL, "domains", err);
	for (int i = 0; i < n; i++) {
		struct telling t = {.l = l, .domain = domains[i], .answer = answer};

		if (r == 0)
			r = tell_domain(&t, err);
		(void)l->call.domain_free(domains[i]);
	}
	free(domains);
	return r;
}

/* ---- its parent ---- */

/* The next string of @text, and NULL behind the last. */
static const char *next_string(const struct text *text, size_t *at)
{
	const char *s = text->data + *at;

	if (*at >= text->len)
		return NULL;
	*at += strnlen(s, text->len - *at) + 1;
	return *at <= text->len ? s : NULL;
}

/* Returns false if there is no further domain. */
static bool read_domain(struct libvirt_domain *d, const struct text *text, size_t *at)
{
	const char *part[PARTS];
	uint64_t as = 0;

	for (size_t i = 0; i < PARTS; i++) {
		part[i] = next_string(text, at);
		if (!part[i])
			return false;
	}
	if (number_parse(part[0], strlen(part[0]), 10, LIBVIRT_SNAPSHOT, &as) < 0)
		return false;
	*d = (struct libvirt_domain){.as = (enum libvirt_domain_as)as,
				     .name = part[1],
				     .uuid = part[2],
				     .snapshot = part[3],
				     .xml = part[4]};
	return true;
}

int libvirt_ask_domains(const struct libvirt_at *at, struct libvirt_domains *domains,
			struct error *err)
{
	struct libvirt_domains found = {0};
	struct libvirt_domain d;
	size_t n = 0, pos = 0;
	int r = libvirt_ask(at, QUESTION_DOMAINS, NULL, &found.text, err);

	while (r == 0 && read_domain(&d, &found.text, &pos))
		n++;
	if (r == 0 && pos != found.text.len)
		r = error_set(err, -EPROTO, NULL, 0, "no answer to '%s'", QUESTION_DOMAINS);
	found.domain = r == 0 ? calloc(n + 1, sizeof(*found.domain)) : NULL;
	if (r == 0 && !found.domain)
		r = error_set(err, -ENOMEM, NULL, 0, "out of memory");
	if (r < 0) {
		libvirt_domains_free(&found);
		return r;
	}
	for (pos = 0; found.n < n; found.n++)
		(void)read_domain(&found.domain[found.n], &found.text, &pos);
	*domains = found;
	return 0;
}

void libvirt_domains_free(struct libvirt_domains *domains)
{
	free(domains->domain);
	text_free(&domains->text);
}
