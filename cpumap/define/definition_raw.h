/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files that read definitions share: a definition as it is written, before its ancestor
 * and its name are checked. definition_read.c reads what stands in a <model>, definition_cpu.c what
 * stands in libvirt's <cpu>, definition.c makes models of it.
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
	bool imported; /* made from a CPU that others described */
	bool asked; /* its model and its problems are wanted: it isn't only here to be built on */
	char *ancestor; /* NULL: none */
	unsigned int ancestor_line;
	char *base; /* NULL: not said */
	struct identity id;
	struct featset on, off;
	struct featset msr;              /* features that were asked for and that no definition can
					  * have */
	unsigned int msr_line;           /* where the first of them is */
	unsigned int signatures, marked; /* how many <signature> were read, and how many features
					  * were passed over that are marked added= or removed= */
	enum { FRESH, RESOLVING, GOOD, BAD } state;
	struct model model; /* once the state is GOOD; its name and origin are copies */
};

struct loader {
	struct definitions *d;
	const struct definition_world *world;
	struct raw *raw;
	size_t n;
	bool asking; /* what is read now is wanted */
	bool failed; /* out of memory */
};

/* An element that is allowed, the function that reads it (NULL: it is ignored), and its
 * attributes. */
struct element {
	const char *ns, *name;
	void (*read)(struct loader *l, struct raw *raw, const xmlNode *node);
	const char *attribute[6];
	bool text; /* it may contain text */
};

/* raw_copy: a copy of @s. Without memory the loader is marked as failed. */
char *raw_copy(struct loader *l, const char *s);

/* raw_new: one more, for an element <model> or <cpu>. Pointers that were returned before are no
 * longer valid. NULL: out of memory, and the loader is marked as failed. */
struct raw *raw_new(struct loader *l, const char *name, const char *path, const xmlNode *node);

/* raw_spoil: note a problem; the definition is refused. */
void raw_spoil(struct loader *l, struct raw *raw, unsigned int line, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* raw_warn: note something that is accepted and that people should know. */
void raw_warn(struct loader *l, const struct raw *raw, unsigned int line, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* raw_shown: foreign text for a message; the last two results stay valid. */
const char *raw_shown(const char *s);

/* raw_read_element: read @node by its row of @elements. Without a row the definition is refused. */
void raw_read_element(struct loader *l, struct raw *raw, const xmlNode *node,
		      const struct element *elements, size_t n);

/* raw_read_parts: read all that stands in a <model>. raw_check_attributes: refuse a @node with
 * attributes that aren't @known (NULL ends the list). */
void raw_read_parts(struct loader *l, struct raw *raw, const xmlNode *node);
void raw_check_attributes(struct loader *l, struct raw *raw, const xmlNode *node,
			  const char *const *known);
bool raw_is_blank(const xmlNode *node);

/* What <model> and <cpu> say in the same words. */
void raw_read_feature(struct loader *l, struct raw *raw, const xmlNode *node);
void raw_read_signature(struct loader *l, struct raw *raw, const xmlNode *node);
void raw_take_vendor(struct loader *l, struct raw *raw, unsigned int line, const char *name);
void raw_take_ancestor(struct loader *l, struct raw *raw, unsigned int line, const char *name);

/* raw_read_cpu: read libvirt's <cpu> of a host, a domain or a baseline; also the <mode> of
 * domcapabilities. */
void raw_read_cpu(struct loader *l, struct raw *raw, const xmlNode *node);

/**
 * raw_document: the element of a document that describes a CPU: the <cpu> of a host or a domain,
 * the <mode> host-model of domcapabilities, the <model> of a CPU map. NULL, and @err with the line:
 * it has none, or several.
 */
const xmlNode *raw_document(const xmlDoc *doc, const char *path, struct error *err);

#endif
