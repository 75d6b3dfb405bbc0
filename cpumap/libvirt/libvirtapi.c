/* SPDX-License-Identifier: Apache-2.0 */
#include "libvirtapi.h"

#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "cpumap/core/util.h"

#define LIBRARY "libvirt.so.0"

/*
 * The calls of the library that are used, with their types in its ABI, which has had one version
 * since 0.0.3. Source: include/libvirt/libvirt-host.h, libvirt-domain.h, virterror.h, 1.2.2 to
 * 11.3.
 */
#define NO_ALIASES       (1u << 1) /* VIR_CONNECT_NO_ALIASES, since 0.9.7 */
#define METADATA_ELEMENT 2         /* VIR_DOMAIN_METADATA_ELEMENT, since 0.9.10 */
#define AFFECT_LIVE      (1u << 0) /* VIR_DOMAIN_AFFECT_LIVE */

#define ERR_NO_DOMAIN         42 /* VIR_ERR_NO_DOMAIN */
#define ERR_OPERATION_INVALID 55 /* VIR_ERR_OPERATION_INVALID: the domain doesn't run */

/* The beginning of struct _virError. */
struct vir_error {
	int code;
	int domain;
	const char *message;
};

struct api {
	void (*set_error_func)(void *data, void (*handler)(void *data, struct vir_error *error));
	struct vir_error *(*get_last_error)(void);
	void *(*connect_open_auth)(const char *uri, void *auth, unsigned int flags);
	int (*connect_close)(void *conn);
	void *(*domain_lookup_by_uuid_string)(void *conn, const char *uuid);
	int (*domain_set_metadata)(void *domain, int type, const char *xml, const char *key,
				   const char *uri, unsigned int flags);
	int (*domain_free)(void *domain);
};

static const struct {
	const char *name;
	size_t at; /* where its pointer is in struct api */
} calls[] = {
	{"virSetErrorFunc", offsetof(struct api, set_error_func)},
	{"virGetLastError", offsetof(struct api, get_last_error)},
	{"virConnectOpenAuth", offsetof(struct api, connect_open_auth)},
	{"virConnectClose", offsetof(struct api, connect_close)},
	{"virDomainLookupByUUIDString", offsetof(struct api, domain_lookup_by_uuid_string)},
	{"virDomainSetMetadata", offsetof(struct api, domain_set_metadata)},
	{"virDomainFree", offsetof(struct api, domain_free)},
};

struct libvirt {
	struct api api;
	void *conn;
};

/* Without a function of ours libvirt prints each error on stderr. */
static void ignore_error(void *data, struct vir_error *error)
{
	(void)data;
	(void)error;
}

/* The library stays loaded: its threads and exit handlers need it. */
static int load(struct api *api, struct error *err)
{
	void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

	if (!library)
		return error_set(err, -ENOENT, LIBRARY, 0, "can't be loaded: %s", dlerror());
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		void *call = dlsym(library, calls[i].name);

		if (!call)
			return error_set(err, -ENOENT, LIBRARY, 0, "has no %s", calls[i].name);
		memcpy((char *)api + calls[i].at, &call, sizeof(call));
	}
	return 0;
}

/* libvirt's last error as one of ours. */
static int fail(const struct libvirt *l, int code, const char *where, struct error *err)
{
	const struct vir_error *last = l->api.get_last_error();

	return error_set(err, code, where, 0, "%s",
			 last && last->message ? last->message : "libvirt doesn't say why");
}

int libvirt_open(struct libvirt **l, const char *uri, struct error *err)
{
	_cleanup_libvirt_ struct libvirt *new = calloc(1, sizeof(*new));
	int r = new ? load(&new->api, err) : error_set(err, -ENOMEM, NULL, 0, "out of memory");

	*l = NULL;
	if (r < 0)
		return r;
	new->api.set_error_func(NULL, ignore_error);
	new->conn = new->api.connect_open_auth(uri, NULL, NO_ALIASES);
	if (!new->conn)
		return fail(new, -ECONNREFUSED, uri, err);
	*l = steal_pointer(&new);
	return 0;
}

void libvirt_close(struct libvirt *l)
{
	if (l && l->conn)
		(void)l->api.connect_close(l->conn);
	free(l);
}

/* The error of a failed call that concerns a domain. */
static int fail_domain(const struct libvirt *l, const char *uuid, struct error *err)
{
	const struct vir_error *last = l->api.get_last_error();
	bool gone = last && (last->code == ERR_NO_DOMAIN || last->code == ERR_OPERATION_INVALID);

	return fail(l, gone ? -ENOENT : -EAGAIN, uuid, err);
}

int libvirt_set_metadata(struct libvirt *l, const char *uuid, const char *xml, const char *prefix,
			 const char *ns, struct error *err)
{
	void *domain = l->api.domain_lookup_by_uuid_string(l->conn, uuid);
	int r = 0;

	if (!domain)
		return fail_domain(l, uuid, err);
	if (l->api.domain_set_metadata(domain, METADATA_ELEMENT, xml, prefix, ns, AFFECT_LIVE) < 0)
		r = fail_domain(l, uuid, err);
	(void)l->api.domain_free(domain);
	return r;
}
