/* SPDX-License-Identifier: Apache-2.0 */
/* The text of libvirt's index.xml, with and without the include of our models. Everything else in it stays
 * as it is, byte for byte; comments are passed over. */
#ifndef CPUSHIM_MAPINDEX_H
#define CPUSHIM_MAPINDEX_H

#include <stddef.h>

#include "cpumap/core/error.h"
#include "cpumap/core/util.h"

/* index_names: how often does the text name our include? */
size_t index_names(const char *text);

/* index_has_ours: does it name our include, or has it what index_comment_out left? */
bool index_has_ours(const char *text);

/**
 * index_with_include: the text naming our include once, behind the features: models come after the features
 * that they name.
 * -EINVAL: it names no x86_features.xml.
 */
int index_with_include(struct text *out, const char *text, struct error *err);

/* index_without_include: the text without our include; a line goes if it has nothing else. */
void index_without_include(struct text *out, const char *text);

/**
 * index_comment_out: make comments of the elements that name our include. The text keeps its length;
 * index_without_include and index_with_include drop them.
 * Returns how many there were. -EINVAL: one is too short, and @text is of no use.
 */
int index_comment_out(char *text);

#endif
