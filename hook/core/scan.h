/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the front has to know of a domain's XML, without an XML parser: the model that /domain/cpu
 * asks for, and /domain/uuid. One pass over the bytes as they come, by the depth of the elements, in
 * memory of fixed size. libc alone.
 *
 * It only has to be right on XML that libxml2 finds well-formed: libvirt reads nothing else. libvirt
 * reads the model as XPath's string(./model[1]) of ./cpu[1], the mode as xmlGetProp does
 * (virCPUDefParseXML, src/conf/cpu_conf.c, 3.0 to 11.3 and before), the UUID as string(./uuid[1])
 * (virDomainDefParseXML and the like, src/conf/domain_conf.c).
 */
#ifndef CPUSHIM_SCAN_H
#define CPUSHIM_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "cpumap/core/table.h"

/* More attributes in one element than libvirt's formatter ever writes, and few enough for libxml2
 * before 2.12, which compares each with each. */
#define SCAN_ATTRIBUTES 1000

/* How a domain is written on the way to its model and to its UUID. */
enum scan_form {
	SCAN_PLAIN, /* as libvirt's formatter writes it: the model and the UUID are what libvirt
		     * reads */
	SCAN_ODD,   /* libvirt reads the same, and doesn't write so: comments, a second <cpu> ... */
	SCAN_OPAQUE, /* the XML parser has to tell what libvirt reads */
};

/* The elements that count; everything in another one is passed over. */
enum scan_place { SCAN_PROLOG, SCAN_DOMAIN, SCAN_CPU, SCAN_MODEL, SCAN_UUID, SCAN_OTHER };

/* Some characters of the text; those that don't fit are counted. */
struct scan_text {
	char data[MODEL_NAME_MAX + 32];
	size_t len;
};

/* Zero-initialise. After scan_end form, custom, model, uuid and crowded are the answer. */
struct scan {
	enum scan_form form;
	bool not_custom; /* its mode is one in which libvirt ignores a model */
	struct scan_text model, uuid;
	bool crowded; /* an element has more than SCAN_ATTRIBUTES attributes */

	/* where it is */
	unsigned int state;
	size_t depth;
	enum scan_place place[4]; /* of the elements around, the outermost first */
	struct scan_text word;    /* a tag's or an attribute's name, or a value */
	bool word_is_mode;        /* the value is that of the <cpu>'s mode */
	char quote, before;       /* around the value; the byte before */
	size_t run;               /* of the same byte, in what ends by two of them */
	size_t attributes;        /* of this tag */
	bool seen, had_cpu, had_model, had_uuid, done;
};

void scan_feed(struct scan *s, const char *data, size_t len);

void scan_end(struct scan *s);

/**
 * scan_model: the model that it asks for, not terminated; NULL and 0: none.
 * A name that is too long for a site model is cut, and still is too long for one.
 */
const char *scan_model(const struct scan *s, size_t *len);

#endif
