/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of reading definitions: one as it is written, before ancestors and names are looked at.
 * definition_read.c reads what stands in a <model>, definition_cpu.c what stands in libvirt's
 * <cpu>, definition.c makes models of them.
 */
#ifndef CPUSHIM_DEFINITION_RAW_H
#define CPUSHIM_DEFINITION_RAW_H

#include "cpumap/libvirt/xml.h"
#include "definition.h"

/* A definition as it is written. */
struct raw {
	char *name;
	char *path;
	unsigned int line;
	bool imported;  /* what others wrote, to be told as a definition */
	char *ancestor; /* NULL: none */
	unsigned int ancestor_line;
	char *base; /* NULL: not said */
	struct identity id;
	struct featset on, off;
	struct featset msr;              /* asked for, and no definition can have them */
	unsigned int msr_line;           /* the first one's */
	unsigned int signatures, marked; /* how many were read; how many features were passed over
					  * that are marked added= or removed= */
	enum { FRESH, RESOLVING, GOOD, BAD } state;
	struct model model; /* once GOOD; its name and origin are copies */
};

struct loader {
	struct definitions *d;
	const struct definition_world *world;
	struct raw *raw;
	size_t n;
	bool importing; /* only what is imported is asked for */
	bool failed;    /* out of memory */
};

/* What may stand somewhere, by whom it is read (NULL: ignored) and with which attributes. */
struct element {
	const char *ns, *name;
	void (*read)(struct loader *l, struct raw *raw, const xmlNode *node);
	const char *attribute[6];
	bool text; /* it may have some */
};

/* raw_copy: a copy of @s; without memory the loader has failed. */
char *raw_copy(struct loader *l, const char *s);

/* raw_new: one more, of an element <model> or <cpu>; NULL: out of memory (and the loader has
 * failed). What was returned before is no longer valid. */
struct raw *raw_new(struct loader *l, const char *name, const char *path, const xmlNode *node);

/* raw_spoil: a problem; the definition is refused. */
void raw_spoil(struct loader *l, struct raw *raw, unsigned int line, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* raw_warn: something that is taken, and is to be known. */
void raw_warn(struct loader *l, const struct raw *raw, unsigned int line, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* raw_shown: foreign text for a message; the last two are kept. */
const char *raw_shown(const char *s);

/* raw_read_element: @node by the row of @elements that it is; none: the definition is refused. */
void raw_read_element(struct loader *l, struct raw *raw, const xmlNode *node,
		      const struct element *elements, size_t n);

/* raw_read_parts: all that stands in a <model>. raw_check_attributes: only @known ones (NULL ends
 * them) may stand at @node. */
void raw_read_parts(struct loader *l, struct raw *raw, const xmlNode *node);
void raw_check_attributes(struct loader *l, struct raw *raw, const xmlNode *node,
			  const char *const *known);
bool raw_is_blank(const xmlNode *node);

/* The same words in <model> and in <cpu>. */
void raw_read_feature(struct loader *l, struct raw *raw, const xmlNode *node);
void raw_read_signature(struct loader *l, struct raw *raw, const xmlNode *node);
void raw_take_vendor(struct loader *l, struct raw *raw, unsigned int line, const char *name);
void raw_take_ancestor(struct loader *l, struct raw *raw, unsigned int line, const char *name);

/* raw_read_cpu: what libvirt's <cpu> says, of a host, a domain or a baseline; also domcapabilities'
 * <mode>. */
void raw_read_cpu(struct loader *l, struct raw *raw, const xmlNode *node);

/**
 * raw_document: the element of a document that tells a CPU: the <cpu> of a host or a domain, the
 * <mode> host-model of domcapabilities, the <model> of a CPU map. NULL, and @err with the line: it
 * has none, or several.
 */
const xmlNode *raw_document(const xmlDoc *doc, const char *path, struct error *err);

#endif
