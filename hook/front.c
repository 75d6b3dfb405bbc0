/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /etc/libvirt/hooks/qemu: libvirt runs it for each step of every guest's life, with the domain's
 * XML on stdin. It lets all guests pass that have nothing to do with a site model, without loading
 * or running anything; the others go to the worker, `cpushim hook`. libc alone, static.
 *
 *	qemu NAME OPERATION SUB-OPERATION EXTRA < domain.xml
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "cpumap/libvirt.h"
#include "cpumap/mapinclude.h"
#include "cpumap/table.h"
#include "cpumap/util.h"
#include "domainfile.h"
#include "record.h"

#define WORKER         "/usr/bin/cpushim"
#define WORKER_SECONDS 60

enum operation { PASS, PREPARE, START, STARTED, ARRIVE, STOP };

/* What libvirt calls us for (docs/hooks); whatever isn't here is let pass, unread: an error at
 * reconnect would kill a running guest. */
static const struct {
	const char *name, *sub;
	enum operation operation;
} operations[] = {
	{"prepare", "begin", PREPARE}, {"start", "begin", START},    {"started", "begin", STARTED},
	{"migrate", "begin", ARRIVE},  {"restore", "begin", ARRIVE}, {"stopped", "end", STOP},
	{"release", "end", STOP},
};

struct call {
	enum operation operation;
	const char *domain;
	char **argv;
	struct text xml;
	bool cut;                /* there was more XML than is kept */
	bool named;              /* a site model's name occurs in it, kept or not */
	bool hidden;             /* or may, in what isn't kept */
	int unread;              /* errno of what kept the rest of it from being read, or 0 */
	bool recorded;           /* it has asked for a site model, or arrives so, by its record */
	char uuid[UUID_LEN + 1]; /* "": none found */
	struct strv names;       /* of the site's models */
};

static int __attribute__((format(printf, 2, 3))) refuse(const struct call *c, const char *fmt, ...)
{
	struct error err = {0};
	char what[1024], line[2048];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	error_set(&err, -EPERM, c->domain, 0, "%s", what);
	error_line(&err, line, sizeof(line));
	fputs(line, stderr);
	return 1;
}

static enum operation operation_of(const char *name, const char *sub)
{
	for (size_t i = 0; i < ARRAY_SIZE(operations); i++)
		if (strcmp(operations[i].name, name) == 0 && strcmp(operations[i].sub, sub) == 0)
			return operations[i].operation;
	return PASS;
}

static bool names_a_model(const struct strv *names, const char *text, size_t len)
{
	for (size_t i = 0; i < names->n; i++)
		if (memmem(text, len, names->item[i], strlen(names->item[i])))
			return true;
	return false;
}

static bool contains(const char *text, size_t len, const char *what)
{
	return memmem(text, len, what, strlen(what));
}

/* Not to be searched as it stands: a name may be hidden in a character reference or torn by a
 * comment or a processing instruction, or the characters aren't bytes. */
static bool may_hide(const char *text, size_t len)
{
	return contains(text, len, "&#") || contains(text, len, "<!") ||
	       contains(text, len, "<?") || memchr(text, 0, len);
}

/* Some bytes of stdin, whoever made it non-blocking; 0 at its end, or what errno says. */
static ssize_t read_some(char *buf, size_t size)
{
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
	ssize_t n;

	while ((n = read(STDIN_FILENO, buf, size)) < 0 && (errno == EINTR || errno == EAGAIN))
		if (errno == EAGAIN)
			(void)poll(&in, 1, -1);
	return n;
}

/* All of stdin, so that libvirt never writes into a closed pipe; the start of it is kept. */
static void read_xml(struct call *c)
{
	char buf[MODEL_NAME_MAX + 65536];
	size_t old = 0; /* bytes of @buf that are the end of what was searched before */
	ssize_t n;

	while ((n = read_some(buf + old, sizeof(buf) - old)) > 0) {
		size_t have = old + (size_t)n;

		c->cut |= c->xml.len + (size_t)n > LIBVIRT_XML_LIMIT;
		if (!c->cut)
			text_add(&c->xml, buf + old, (size_t)n);
		c->named |= names_a_model(&c->names, buf, have);
		c->hidden |= c->cut && may_hide(buf, have);
		old = have < MODEL_NAME_MAX ? have : MODEL_NAME_MAX;
		memmove(buf, buf + have - old, old);
	}
	c->unread = n < 0 ? errno : 0;
	text_adds(&c->xml, "");
}

/* libvirt writes it in front of everything that a tenant can choose, but for the name, which can't
 * have a '<' in it. */
static void find_uuid(struct call *c)
{
	static const char tag[] = "<uuid>";
	const char *at = c->xml.len ? memmem(c->xml.data, c->xml.len, tag, strlen(tag)) : NULL;
	size_t left;

	if (!at)
		return;
	at += strlen(tag);
	left = (size_t)(c->xml.data + c->xml.len - at);
	if (left >= UUID_LEN && uuid_valid(at, UUID_LEN))
		memcpy(c->uuid, at, UUID_LEN);
}

/* mapinclude_print puts a `%` into `--`. */
static void drop_percent(char *name)
{
	char *to = name;

	for (const char *from = name; *from; from++)
		if (*from != '%')
			*to++ = *from;
	*to = '\0';
}

/* The names from the comment in our include for libvirt's map: losing the table mustn't make us
 * forget what we answer for. */
static void names_of_include(struct strv *names)
{
	/* libvirt before 4.7 has one file, and our models in it */
	_cleanup_free_ char *path = root_path(LIBVIRTMAP_DIR "/" LIBVIRTMAP_OURS), *text = NULL;
	_cleanup_free_ char *single = root_path(LIBVIRTMAP_DIR ".xml");
	char *pos, *name;
	size_t len;

	if (!path || !single ||
	    (file_read(path, TRUST_OWNER, 16 << 20, &text, &len, NULL) < 0 &&
	     file_read(single, TRUST_OWNER, 16 << 20, &text, &len, NULL) < 0))
		return;
	pos = strstr(text, MAPINCLUDE_NAMES);
	if (!pos)
		return;
	pos += strlen(MAPINCLUDE_NAMES);
	pos[strcspn(pos, "\n")] = '\0';
	while ((name = strsep(&pos, " "))) {
		drop_percent(name);
		if (*name && strcmp(name, "-->") != 0)
			(void)strv_add(names, name, strlen(name));
	}
}

static void find_names(struct strv *names)
{
	_cleanup_free_ char *path = root_path(TABLE_PATH);
	_cleanup_table_ struct table t = {0};

	if (!path || table_load(&t, path, NULL) < 0) {
		names_of_include(names);
		return;
	}
	for (size_t i = 0; i < t.n; i++)
		(void)strv_add(names, t.row[i].model, strlen(t.row[i].model));
}

/* Behind the XML declaration, if there is one; NULL if it says another encoding than UTF-8. */
static const char *skip_declaration(const char *start, const char *end)
{
	_cleanup_free_ char *declaration = NULL;
	const char *close;

	if (end - start < 6 || memcmp(start, "<?xml", 5) != 0)
		return start;
	close = memmem(start, (size_t)(end - start), "?>", 2);
	declaration = close ? strndup(start, (size_t)(close - start)) : NULL;
	if (!declaration ||
	    (strstr(declaration, "encoding") && !strcasestr(declaration, "'utf-8'") &&
	     !strcasestr(declaration, "\"utf-8\"")))
		return NULL;
	return close;
}

/* May a name be hidden in it, or are its bytes not ASCII's? */
static bool is_opaque(const struct call *c)
{
	const char *start = c->xml.data, *end = start + c->xml.len;

	if (end - start >= 3 && memcmp(start, "\xef\xbb\xbf", 3) == 0)
		start += 3;
	/* a byte order mark, or EBCDIC's '<' */
	if (start < end && ((unsigned char)*start >= 0x80 || *start == 0x4c))
		return true;
	start = skip_declaration(start, end);
	return !start || c->hidden || may_hide(start, (size_t)(end - start));
}

/* The XML for the worker's stdin. */
static int xml_file(const struct call *c)
{
	int fd = memfd_create("domain", MFD_CLOEXEC);

	for (size_t at = 0; fd >= 0 && at < c->xml.len;) {
		ssize_t n = write(fd, c->xml.data + at, c->xml.len - at);

		if (n <= 0) {
			(void)close(fd);
			return -1;
		}
		at += (size_t)n;
	}
	if (fd >= 0 && lseek(fd, 0, SEEK_SET) < 0) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

/* Runs the worker. Its exit status, or -1 if it can't be run. */
static int run_worker(const struct call *c)
{
	_cleanup_free_ char *path = root_path(WORKER);
	_cleanup_close_ int xml = xml_file(c);
	char caller[32] = "--by-hand";
	char *argv[] = {(char *)"cpushim",
			(char *)"hook",
			caller,
			(char *)(c->recorded ? "--record" : caller),
			(char *)"--",
			c->argv[1],
			c->argv[2],
			c->argv[3],
			c->argv[4],
			NULL};
	struct daemon daemon;
	int status;
	pid_t pid;

	if (!path || xml < 0)
		return -1;
	if (daemon_calling(&daemon))
		(void)snprintf(caller, sizeof(caller), "--libvirt=%d", (int)daemon.pid);
	pid = fork();
	if (pid == 0) {
		(void)alarm(WORKER_SECONDS);
		if (dup2(xml, STDIN_FILENO) == 0)
			(void)execv(path, argv);
		_exit(127);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) <= 2 ? WEXITSTATUS(status) : -1;
}

/* Without the worker: refuse what surely asks for a site model, let everything else pass. */
static int decide_alone(const struct call *c)
{
	char element[MODEL_NAME_MAX + 16];

	for (size_t i = 0; i < c->names.n; i++) {
		(void)snprintf(element, sizeof(element), ">%s</model>", c->names.item[i]);
		if (contains(c->xml.data, c->xml.len, element))
			return refuse(
				c,
				"model '%s': can't be checked, as `cpushim hook` failed; mend what "
				"it says above, or reinstall cpushim",
				c->names.item[i]);
	}
	if (c->recorded)
		return refuse(c, "it asked for a site model, which can't be checked, as `cpushim "
				 "hook` failed; mend what it says above, or reinstall cpushim");
	return 0;
}

/* What was saved before cpushim came, as an image or a snapshot, names no site model: libvirt had
 * translated it. The domain's definition still does. A start looks for a directory of snapshots, and
 * no further without one. */
static bool may_come_back(const struct call *c)
{
	_cleanup_free_ char *snapshots = NULL, *path = NULL, *xml = NULL;
	size_t len;

	if (c->operation == PREPARE &&
	    (domainfile_path(&snapshots, DOMAINFILE_SNAPSHOTS, c->domain, 0) < 0 ||
	     access(snapshots, F_OK) < 0))
		return false;
	return (c->operation == PREPARE || strcmp(c->argv[2], "restore") == 0) &&
	       domainfile_path(&path, DOMAINFILE_DEFINITION, c->domain, 0) == 0 &&
	       file_read(path, TRUST_ANY, LIBVIRT_XML_LIMIT, &xml, &len, NULL) == 0 &&
	       names_a_model(&c->names, xml, len);
}

/* Only what has a site model's name in it, or may hide one, or has asked for one. At an arrival the
 * worker removes what an earlier one left. */
static bool concerns_us(const struct call *c)
{
	return c->recorded || c->named || (c->names.n > 0 && is_opaque(c)) ||
	       (c->operation == ARRIVE && record_exists(c->uuid)) || may_come_back(c);
}

/* At prepare a record is an arrival's that goes on here, or what an earlier start left behind,
 * which helps nobody. A person's prepare isn't a start: it mustn't take away the record of one that
 * is under way. */
static void look_at_record(struct call *c)
{
	struct daemon daemon;

	if (!record_exists(c->uuid))
		return;
	c->recorded = c->operation == START || c->operation == STARTED;
	if (c->operation == PREPARE && daemon_calling(&daemon)) {
		c->recorded = record_arrives(c->uuid, &daemon);
		if (!c->recorded)
			(void)record_remove(c->uuid);
	}
	if (c->operation == STOP)
		(void)record_remove(c->uuid);
}

static int handle(struct call *c)
{
	int status;

	if (c->operation == PASS)
		return 0;
	if (c->operation != STOP)
		find_names(&c->names);
	read_xml(c);
	if (c->xml.failed)
		return c->named ? refuse(c, "out of memory") : 0;
	find_uuid(c);
	look_at_record(c);
	if (c->operation == STOP)
		return 0;
	if (c->unread && (c->names.n > 0 || c->recorded))
		return refuse(c, "it may name a site model, and its XML can't be read: %s",
			      strerror(c->unread));
	if (!concerns_us(c))
		return 0;
	if (c->cut)
		return refuse(c, "it may name a site model, and its XML is too large");
	status = run_worker(c);
	return status < 0 ? decide_alone(c) : status;
}

int main(int argc, char **argv)
{
	struct call c = {0};
	int status;

	if (argc != 5) {
		fputs("cpushim: usage: qemu DOMAIN OPERATION SUB-OPERATION EXTRA < domain.xml\n"
		      "by hand: qemu demo prepare begin - < domain.xml prints it with its site "
		      "model expanded\n",
		      stderr);
		return 2;
	}
	/* what a caller ignores would be taken for the worker's failure */
	(void)signal(SIGCHLD, SIG_DFL);
	(void)signal(SIGPIPE, SIG_IGN);
	c.argv = argv;
	c.domain = argv[1];
	c.operation = operation_of(argv[2], argv[3]);
	status = handle(&c);
	text_free(&c.xml);
	strv_free(&c.names);
	return status;
}
