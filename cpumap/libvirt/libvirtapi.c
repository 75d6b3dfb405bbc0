/* SPDX-License-Identifier: Apache-2.0 */
#include "libvirtapi.h"

#include <errno.h>

#include "cpumap/core/util.h"
#include "libvirtcalls.h"

/* Without a function of ours libvirt prints each error on stderr. */
static void ignore_error(void *data, struct libvirt_error *error)
{
	(void)data;
	(void)error;
}

static bool is_embedded(const char *uri)
{
	return strncmp(uri, LIBVIRT_EMBED_URI, strlen(LIBVIRT_EMBED_URI)) == 0;
}

/* The test driver and QEMU's refuse every flag but one (testConnectOpen, src/test/test_driver.c;
 * qemuConnectOpen, src/qemu/qemu_driver.c; 9.0), and no alias can have the name of such a URI: an alias
 * has no colon (src/libvirt.c). */
static unsigned int flags_for(const char *uri)
{
	return strcmp(uri, LIBVIRT_TEST_URI) == 0 || is_embedded(uri) ? 0 : LIBVIRT_NO_ALIASES;
}

/* An embedded driver insists on an event loop (virConnectOpenInternal, src/libvirt.c, 6.1 to 12.8). No question
 * of ours waits for one of its events, so it needn't run. */
static void prepare(const struct libvirt *l, const char *uri)
{
	if (l->call.register_events && is_embedded(uri))
		(void)l->call.register_events();
}

int libvirt_open(struct libvirt **l, const char *uri, struct error *err)
{
	_cleanup_libvirt_ struct libvirt *new = calloc(1, sizeof(*new));
	int r = new ? libvirt_load(&new->call, err)
		    : error_set(err, -ENOMEM, NULL, 0, "out of memory");

	*l = NULL;
	if (r < 0)
		return r;
	new->call.set_error_func(NULL, ignore_error);
	if (uri) {
		prepare(new, uri);
		new->conn = new->call.connect_open_auth(uri, NULL, flags_for(uri));
		if (!new->conn)
			return libvirt_fail(new, -ECONNREFUSED, uri, err);
	}
	*l = steal_pointer(&new);
	return 0;
}

void libvirt_close(struct libvirt *l)
{
	if (l && l->conn)
		(void)l->call.connect_close(l->conn);
	free(l);
}

/* The error of a failed call that concerns a domain. */
static int fail_domain(const struct libvirt *l, const char *uuid, struct error *err)
{
	const struct libvirt_error *last = l->call.get_last_error();
	bool gone = last && (last->code == LIBVIRT_ERR_NO_DOMAIN ||
			     last->code == LIBVIRT_ERR_OPERATION_INVALID);

	return libvirt_fail(l, gone ? -ENOENT : -EAGAIN, uuid, err);
}

int libvirt_set_metadata(struct libvirt *l, const char *uuid, const char *xml, const char *prefix,
			 const char *ns, struct error *err)
{
	void *domain;
	int r = libvirt_need(l, LIBVIRT_CALL(domain_set_metadata), err);

	if (r < 0)
		return r;
	domain = l->call.domain_lookup(l->conn, uuid);
	if (!domain)
		return fail_domain(l, uuid, err);
	if (l->call.domain_set_metadata(domain, LIBVIRT_METADATA_ELEMENT, xml, prefix, ns,
					LIBVIRT_AFFECT_LIVE) < 0)
		r = fail_domain(l, uuid, err);
	(void)l->call.domain_free(domain);
	return r;
}
