/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The formats that read_path recognises. A host begins where a line says so; its format then reads it to
 * its end, which is where another one begins, or the text ends.
 */
#ifndef CPUSHIM_FORMATS_H
#define CPUSHIM_FORMATS_H

#include "input.h"
#include "read.h"

/* One text that is being read. */
struct session {
	struct read *read;
	struct input *in;
	const char *stem; /* what a host without a name is called, by its file */
	size_t n_hosts;   /* of this text */
	/* a <capabilities> of this text has no <domainCapabilities> behind it (read_xml.c) */
	bool capabilities_apart;
	struct error *err;
};

struct format {
	const char *name; /* struct host's format */
	/* does a host of this format begin in this line? */
	bool (*begins)(const struct line *line);
	/* reads the host that begins in the next line, and hands it over. 0, -errno, or what
	 * session_take returned */
	int (*read)(struct session *s, const struct format *format);
};

extern const struct format formats[];
extern const size_t n_formats;

/* format_of: the format of the host that begins in this line, or NULL. */
const struct format *format_of(const struct line *line);

/* session_host: begin @h, which is in @format from line @number on. -ENOMEM. */
int session_host(struct session *s, const struct format *format, unsigned int number,
		 struct host *h);

/* session_take: hand @h over. 0, what take returned, or -ENOMEM. */
int session_take(struct session *s, struct host *h);

bool dump_begins(const struct line *line);
int dump_read(struct session *s, const struct format *format);
bool aida_begins(const struct line *line);
int aida_read(struct session *s, const struct format *format);
bool cpuid1_begins(const struct line *line);
int cpuid1_read(struct session *s, const struct format *format);
bool guestdump_begins(const struct line *line);
int guestdump_read(struct session *s, const struct format *format);
bool cpuinfo_begins(const struct line *line);
int cpuinfo_read(struct session *s, const struct format *format);
bool lscpu_begins(const struct line *line);
int lscpu_read(struct session *s, const struct format *format);
bool proxmox_begins(const struct line *line);
int proxmox_read(struct session *s, const struct format *format);
bool xmlhosts_begins(const struct line *line);
int xmlhosts_read(struct session *s, const struct format *format);
bool libcpuid_begins(const struct line *line);
int libcpuid_read(struct session *s, const struct format *format);

#endif
