/* SPDX-License-Identifier: Apache-2.0 */
#include "libvirtcalls.h"

#include <dlfcn.h>
#include <errno.h>

#include "cpumap/core/util.h"

/* @needed: by every connection */
static const struct {
	const char *name;
	size_t at; /* where its pointer is in struct libvirt_calls */
	const char *since;
	bool needed;
} calls[] = {
	{"virSetErrorFunc", LIBVIRT_CALL(set_error_func), "0.1.0", true},
	{"virGetLastError", LIBVIRT_CALL(get_last_error), "0.1.0", true},
	{"virEventRegisterDefaultImpl", LIBVIRT_CALL(register_events), "0.9.0", false},
	{"virConnectOpenAuth", LIBVIRT_CALL(connect_open_auth), "0.4.0", true},
	{"virConnectClose", LIBVIRT_CALL(connect_close), "0.0.3", true},
	{"virGetVersion", LIBVIRT_CALL(get_version), "0.0.3", false},
	{"virConnectGetLibVersion", LIBVIRT_CALL(get_lib_version), "0.7.3", false},
	{"virConnectGetCPUModelNames", LIBVIRT_CALL(get_cpu_model_names), "1.1.3", false},
	{"virConnectBaselineCPU", LIBVIRT_CALL(baseline_cpu), "0.7.7", false},
	{"virConnectCompareCPU", LIBVIRT_CALL(compare_cpu), "0.7.5", false},
	{"virConnectDomainXMLToNative", LIBVIRT_CALL(domain_to_native), "0.6.4", false},
	{"virConnectGetDomainCapabilities", LIBVIRT_CALL(get_domain_capabilities), "1.2.7", false},
	{"virDomainLookupByUUIDString", LIBVIRT_CALL(domain_lookup), "0.1.1", false},
	{"virDomainSetMetadata", LIBVIRT_CALL(domain_set_metadata), "0.9.10", false},
	{"virDomainCreateXML", LIBVIRT_CALL(domain_start), "0.5.0", false},
	{"virDomainDestroy", LIBVIRT_CALL(domain_destroy), "0.0.3", false},
	{"virDomainFree", LIBVIRT_CALL(domain_free), "0.0.3", false},
	{"virConnectListAllDomains", LIBVIRT_CALL(list_domains), "0.9.13", false},
	{"virDomainGetName", LIBVIRT_CALL(domain_name), "0.0.3", false},
	{"virDomainGetUUIDString", LIBVIRT_CALL(domain_uuid), "0.1.1", false},
	{"virDomainIsActive", LIBVIRT_CALL(domain_is_active), "0.7.3", false},
	{"virDomainIsPersistent", LIBVIRT_CALL(domain_is_persistent), "0.7.3", false},
	{"virDomainGetXMLDesc", LIBVIRT_CALL(domain_xml), "0.0.3", false},
	{"virDomainHasManagedSaveImage", LIBVIRT_CALL(domain_has_save), "0.8.0", false},
	{"virDomainManagedSaveGetXMLDesc", LIBVIRT_CALL(domain_save_xml), "3.7.0", false},
	{"virDomainListAllSnapshots", LIBVIRT_CALL(list_snapshots), "0.9.13", false},
	{"virDomainSnapshotGetName", LIBVIRT_CALL(snapshot_name), "0.9.5", false},
	{"virDomainSnapshotGetXMLDesc", LIBVIRT_CALL(snapshot_xml), "0.8.0", false},
	{"virDomainSnapshotFree", LIBVIRT_CALL(snapshot_free), "0.8.0", false},
};

int libvirt_load(struct libvirt_calls *c, struct error *err)
{
	void *library = dlopen(LIBVIRT_LIBRARY, RTLD_NOW | RTLD_LOCAL);

	if (!library)
		return error_set(err, -ELIBACC, LIBVIRT_LIBRARY, 0,
				 "can't be loaded: %s; install libvirt's client library (libvirt0)",
				 dlerror());
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		void *call = dlsym(library, calls[i].name);

		if (!call && calls[i].needed)
			return error_set(err, -ELIBACC, LIBVIRT_LIBRARY, 0,
					 "has no %s; reinstall libvirt's client library (libvirt0)",
					 calls[i].name);
		memcpy((char *)c + calls[i].at, &call, sizeof(call));
	}
	return 0;
}

int libvirt_need(const struct libvirt *l, size_t call, struct error *err)
{
	void *found;

	memcpy(&found, (const char *)&l->call + call, sizeof(found));
	if (found)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		if (calls[i].at == call)
			return error_set(err, -ENOSYS, LIBVIRT_LIBRARY, 0,
					 "has no %s; that takes libvirt %s or later", calls[i].name,
					 calls[i].since);
	return error_set(err, -ENOSYS, LIBVIRT_LIBRARY, 0, "lacks a call");
}

int libvirt_fail(const struct libvirt *l, int code, const char *where, struct error *err)
{
	const struct libvirt_error *last = l->call.get_last_error();

	if (last && last->code == LIBVIRT_ERR_NO_SUPPORT)
		code = -ENOSYS;
	return error_set(err, code, where, 0, "%s",
			 last && last->message ? last->message : "libvirt doesn't say why");
}
