/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A CPU as libvirt describes it: a model of its map, and the features that differ from that.
 *
 * The model's features come from libvirt's map on this machine; without it, or if it lacks the model, only
 * those that are named are known. A feature that isn't named and isn't the model's is known to be absent if
 * the libvirt that wrote this surely knew it (libvirtnames.h), and the description is meant to be whole.
 */
#ifndef CPUSHIM_LIBVIRTCPU_H
#define CPUSHIM_LIBVIRTCPU_H

#include "cpumap/libvirt/xml.h"
#include "host.h"
#include "input.h"

/* Where a document is. */
struct xmlplace {
	const struct input *in;
	unsigned int line; /* where the document begins */
	struct error *err;
};

/* xml_bad: an error at @node; -EINVAL. */
int xml_bad(const struct xmlplace *at, const xmlNode *node, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* xml_child: the first child element of that name, in no namespace; NULL: there is none. */
const xmlNode *xml_child(const xmlNode *node, const char *name);

/* xml_content: the text of the first child of that name, to free with xmlFree; NULL: there is none. */
char *xml_content(const xmlNode *node, const char *name);

enum libvirtcpu {
	LIBVIRTCPU_HOST,  /* a host's <cpu>: each <feature> is there */
	LIBVIRTCPU_GUEST, /* a guest's, or what baseline writes: a <feature> has a policy */
	LIBVIRTCPU_OFFER, /* what QEMU could give a guest: the same, without what can't be migrated */
};

/**
 * libvirtcpu_read: read a <cpu>, or a <mode name='host-model'>.
 * @h: receives identity, address bits, TSC and microcode, where they are told
 * @view: receives the features
 * -EINVAL: it isn't as libvirt writes it, or says nothing of features.
 */
int libvirtcpu_read(const struct xmlplace *at, const xmlNode *cpu, enum libvirtcpu kind,
		    struct host *h, struct host_view *view);

#endif
