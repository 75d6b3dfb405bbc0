/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calls of libvirt.so.0 that are used: for libvirtapi and what answers libvirtask's questions.
 *
 * Their types are the library's ABI, which has had one version since 0.0.3. Source:
 * include/libvirt/libvirt-host.h, libvirt-domain.h, libvirt-domain-snapshot.h, virterror.h (1.2.2 to
 * 11.3; earlier in one libvirt.h.in); the release of each is that of src/libvirt_public.syms.
 */
#ifndef CPUSHIM_LIBVIRTCALLS_H
#define CPUSHIM_LIBVIRTCALLS_H

#include <stddef.h>

#include "cpumap/core/error.h"

#define LIBVIRT_LIBRARY "libvirt.so.0"

#define LIBVIRT_NO_ALIASES       (1u << 1) /* VIR_CONNECT_NO_ALIASES, since 0.9.7 */
#define LIBVIRT_METADATA_ELEMENT 2         /* VIR_DOMAIN_METADATA_ELEMENT, since 0.9.10 */
#define LIBVIRT_AFFECT_LIVE      (1u << 0) /* VIR_DOMAIN_AFFECT_LIVE */
#define LIBVIRT_EXPAND_FEATURES  (1u << 0) /* VIR_CONNECT_BASELINE_CPU_EXPAND_FEATURES, 1.1.2 */
#define LIBVIRT_XML_INACTIVE     (1u << 1) /* VIR_DOMAIN_XML_INACTIVE, since 0.3.3 */
#define LIBVIRT_START_PAUSED     (1u << 0) /* VIR_DOMAIN_START_PAUSED, since 0.8.5 */
#define LIBVIRT_AUTODESTROY      (1u << 1) /* VIR_DOMAIN_START_AUTODESTROY, since 0.9.3 */
#define LIBVIRT_UUID_SIZE        37        /* VIR_UUID_STRING_BUFLEN */

#define LIBVIRT_ERR_NO_SUPPORT        3  /* VIR_ERR_NO_SUPPORT: the driver, or the daemon, can't */
#define LIBVIRT_ERR_NO_DOMAIN         42 /* VIR_ERR_NO_DOMAIN */
#define LIBVIRT_ERR_OPERATION_INVALID 55 /* VIR_ERR_OPERATION_INVALID: the domain doesn't run */
#define LIBVIRT_ERR_NO_SNAPSHOT       72 /* VIR_ERR_NO_DOMAIN_SNAPSHOT */

/* The beginning of struct _virError. */
struct libvirt_error {
	int code;
	int domain;
	const char *message;
};

/* A pointer is NULL where the library doesn't have the call. Answers are malloc's. */
struct libvirt_calls {
	void (*set_error_func)(void *data,
			       void (*handler)(void *data, struct libvirt_error *error));
	struct libvirt_error *(*get_last_error)(void);
	int (*register_events)(void);
	void *(*connect_open_auth)(const char *uri, void *auth, unsigned int flags);
	int (*connect_close)(void *conn);

	int (*get_version)(unsigned long *library, const char *type, unsigned long *type_version);
	int (*get_lib_version)(void *conn, unsigned long *version);
	int (*get_cpu_model_names)(void *conn, const char *arch, char ***names, unsigned int flags);
	char *(*baseline_cpu)(void *conn, const char **cpus, unsigned int n, unsigned int flags);
	int (*compare_cpu)(void *conn, const char *cpu, unsigned int flags);
	char *(*domain_to_native)(void *conn, const char *format, const char *xml,
				  unsigned int flags);
	char *(*get_domain_capabilities)(void *conn, const char *emulator, const char *arch,
					 const char *machine, const char *virttype,
					 unsigned int flags);

	void *(*domain_lookup)(void *conn, const char *uuid);
	int (*domain_set_metadata)(void *domain, int type, const char *xml, const char *key,
				   const char *uri, unsigned int flags);
	void *(*domain_start)(void *conn, const char *xml, unsigned int flags);
	int (*domain_destroy)(void *domain);
	int (*domain_free)(void *domain);
	int (*list_domains)(void *conn, void ***domains, unsigned int flags);
	const char *(*domain_name)(void *domain);
	int (*domain_uuid)(void *domain, char *uuid);
	int (*domain_is_active)(void *domain);
	int (*domain_is_persistent)(void *domain);
	char *(*domain_xml)(void *domain, unsigned int flags);
	int (*domain_has_save)(void *domain, unsigned int flags);
	char *(*domain_save_xml)(void *domain, unsigned int flags);
	int (*list_snapshots)(void *domain, void ***snapshots, unsigned int flags);
	const char *(*snapshot_name)(void *snapshot);
	char *(*snapshot_xml)(void *snapshot, unsigned int flags);
	int (*snapshot_free)(void *snapshot);
};

/* A connection, or the library alone: then @conn is NULL. */
struct libvirt {
	struct libvirt_calls call;
	void *conn;
};

/* LIBVIRT_CALL: a call, to be named to libvirt_need */
#define LIBVIRT_CALL(name) offsetof(struct libvirt_calls, name)

/**
 * libvirt_load: load the library, and look up its calls. It stays loaded, as its threads and exit
 * handlers need it.
 * Returns 0, or -ELIBACC: it isn't there, can't be loaded, or lacks what every connection needs.
 */
int libvirt_load(struct libvirt_calls *calls, struct error *err);

/* libvirt_need: 0 if the library has @call (LIBVIRT_CALL), or -ENOSYS and the release to have. */
int libvirt_need(const struct libvirt *l, size_t call, struct error *err);

/* libvirt_fail: libvirt's last error as one of ours, with @code, and -ENOSYS if libvirt says that it
 * can't do that at all. */
int libvirt_fail(const struct libvirt *l, int code, const char *where, struct error *err);

#endif
