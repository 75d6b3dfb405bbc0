/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads what the front needs from a domain's XML without an XML parser: the model that /domain/cpu
 * asks for, and /domain/uuid. It passes over the bytes once, as they come, counts the depth of the
 * elements, and needs a fixed amount of memory. libc alone.
 *
 * It only has to be right about XML that libxml2 finds well-formed, as libvirt reads nothing else.
 * libvirt reads the model as XPath's string(./model[1]) of ./cpu[1], the mode as xmlGetProp does
 * (virCPUDefParseXML, src/conf/cpu_conf.c, 3.0 to 11.3 and before), the UUID as string(./uuid[1])
 * (virDomainDefParseXML and the like, src/conf/domain_conf.c).
 */
#ifndef CPUSHIM_SCAN_H
#define CPUSHIM_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "cpumap/core/table.h"

/* libvirt's formatter never writes as many attributes in one element. libxml2 before 2.12 compares
 * each attribute with each other, and is still fast enough with so many. */
#define SCAN_ATTRIBUTES 1000

/* How the XML is written around the model and the UUID. */
enum scan_form {
	SCAN_PLAIN,  /* as libvirt's formatter writes it: the model and the UUID are what libvirt
		     * reads */
	SCAN_ODD,    /* libvirt reads the same, but doesn't write it so: comments, a second <cpu>
		     * ... */
	SCAN_OPAQUE, /* only an XML parser can tell what libvirt reads */
};

/* The elements that count. What is in another one is passed over. */
enum scan_place { SCAN_PROLOG, SCAN_DOMAIN, SCAN_CPU, SCAN_MODEL, SCAN_UUID, SCAN_OTHER };

/* The first characters of a text; the others are only counted. */
struct scan_text {
	char data[MODEL_NAME_MAX + 32];
	size_t len;
};

/* Zero-initialise. After scan_end the answer is in form, not_custom, model, uuid and crowded. */
struct scan {
	enum scan_form form;
	bool not_custom; /* libvirt ignores a model in this mode */
	struct scan_text model, uuid;
	bool crowded; /* an element has more than SCAN_ATTRIBUTES attributes */

	/* the state of the scan */
	unsigned int state;
	size_t depth;
	enum scan_place place[4]; /* of the elements around, the outermost first */
	struct scan_text word;    /* a tag's or an attribute's name, or a value */
	bool word_is_mode;        /* the value is that of the <cpu>'s mode */
	char quote, before;       /* the quote around the value, and the byte before this one */
	size_t run;               /* how often that byte was repeated */
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
