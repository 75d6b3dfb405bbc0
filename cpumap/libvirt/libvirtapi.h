/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvirt's client library, loaded when it is needed, in this process. A node that has libvirt has
 * it. Neither the build nor a guest's start depends on it. The hook must not call libvirt while
 * libvirt waits for the hook: both would wait for ever.
 *
 * A call waits as long as the daemon takes. Callers that must not wait ask by libvirtask, or set an
 * alarm.
 */
#ifndef CPUSHIM_LIBVIRTAPI_H
#define CPUSHIM_LIBVIRTAPI_H

#include "cpumap/core/error.h"

#define LIBVIRT_SYSTEM_URI "qemu:///system"
/* a driver in the library itself: it needs no daemon */
#define LIBVIRT_TEST_URI "test:///default"

/* QEMU's driver in the process that asks, with its files below a directory (since 6.1.0; docs/drvqemu).
 * The directory's path stands behind it. */
#define LIBVIRT_EMBED_URI "qemu:///embed?root="

/* A connection. */
struct libvirt;

/**
 * libvirt_open: connect to @uri as it stands (libvirt.conf's aliases don't count). libvirt's own
 * messages are silenced.
 * @uri: NULL: load the library, and connect to nothing
 * Returns 0; -ELIBACC: there is no library that can be loaded; -ECONNREFUSED: no connection.
 */
int libvirt_open(struct libvirt **l, const char *uri, struct error *err);
void libvirt_close(struct libvirt *l);

static inline void cleanup_libvirtp(struct libvirt **l)
{
	libvirt_close(*l);
}
#define _cleanup_libvirt_ __attribute__((cleanup(cleanup_libvirtp)))

/**
 * libvirt_set_metadata: set an element of a running domain's <metadata>; its definition stays as it
 * is. An element of the same namespace is replaced.
 * @uuid: the domain's
 * @xml: the element; libvirt adds the namespace to it
 * @prefix, @ns: the namespace's
 * Returns 0; -ENOENT: no such domain runs; -EAGAIN: try again later (another job holds the domain,
 * or the daemon is busy or went away); -ENOSYS: libvirt before 0.9.10.
 */
int libvirt_set_metadata(struct libvirt *l, const char *uuid, const char *xml, const char *prefix,
			 const char *ns, struct error *err);

#endif
