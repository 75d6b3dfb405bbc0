/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /etc/libvirt/hooks/qemu: libvirt runs it for each step of every guest's life, with the domain's
 * XML on stdin. It lets all guests pass that have nothing to do with a site model, without loading
 * or running anything; the others go to the worker, `cpushim hook`. libc alone, static.
 *
 * What is refused where the worker can't be asked stands in decide_alone().
 *
 *	qemu NAME OPERATION SUB-OPERATION EXTRA < domain.xml
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>

#include "cpumap/core/paths.h"
#include "cpumap/core/util.h"
#include "hook/core/call.h"
#include "hook/core/domainfile.h"
#include "hook/core/record.h"
#include "hook/core/refusal.h"
#include "hook/core/scan.h"
#include "child.h"
#include "sitenames.h"
#include "stocknames.h"

#define WORKER_SECONDS 10
/* it prints the domain with some features more */
#define WORKER_LIMIT (LIBVIRT_XML_LIMIT + ((size_t)1 << 20))

struct call {
	enum operation operation;
	const char *domain;
	char **argv;
	struct text xml;
	bool cut;                /* there was more XML than is kept */
	int unread;              /* errno of what kept the rest of it from being read, or 0 */
	struct scan scan;        /* of all of it */
	bool recorded;           /* it has asked for a site model, or arrives so, by its record */
	char uuid[UUID_LEN + 1]; /* "": none found */
	const char *model;       /* what it asks for, not terminated; NULL: nothing */
	size_t model_len;
	enum names_answer names; /* whose that is */
	struct error table;      /* why that can't be told */
};

/* @named: the reason is the model that the front has read, which is or may be a site model */
static int __attribute__((format(printf, 4, 5)))
refuse(const struct call *c, bool named, struct head head, const char *fmt, ...)
{
	_cleanup_free_ char *model = named ? strndup(c->model, c->model_len) : NULL;
	struct error err = {0};
	struct daemon daemon;
	char what[1024];
	va_list ap;

	va_start(ap, fmt);
	error_format(what, sizeof(what), fmt, ap);
	va_end(ap);
	error_set(&err, -EPERM, c->domain, 0, "%s", what);
	refusal_print(daemon_calling(&daemon), model, head, &err);
	return 1;
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

/* All of stdin, so that libvirt never writes into a closed pipe; the start of it is kept for the
 * worker. */
static void read_xml(struct call *c)
{
	char buf[65536];
	ssize_t n;

	while ((n = read_some(buf, sizeof(buf))) > 0) {
		scan_feed(&c->scan, buf, (size_t)n);
		c->cut |= c->xml.len + (size_t)n > LIBVIRT_XML_LIMIT;
		if (!c->cut)
			text_add(&c->xml, buf, (size_t)n);
	}
	c->unread = n < 0 ? errno : 0;
	scan_end(&c->scan);
	(void)uuid_parse(c->scan.uuid.data, c->scan.uuid.len, c->uuid);
	c->model = scan_model(&c->scan, &c->model_len);
}

/* Is the model a site model? A model that the front can't read isn't one of libvirt's or QEMU's
 * own. */
static void look_up(struct call *c)
{
	if (!c->model)
		return;
	c->names = names_find(c->model, c->model_len, &c->table);
	if (c->names == NAMES_UNKNOWN && stock_name(c->model, c->model_len))
		c->names = NAMES_OTHER;
}

static bool write_all(int fd, const char *data, size_t len)
{
	struct pollfd out = {.fd = fd, .events = POLLOUT};

	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EAGAIN)
			(void)poll(&out, 1, -1);
		else if (n < 0 && errno != EINTR)
			return false;
		if (n > 0) {
			data += n;
			len -= (size_t)n;
		}
	}
	return true;
}

/* The XML for the worker's stdin. */
static int xml_file(const struct call *c)
{
	int fd = memfd_create("domain", MFD_CLOEXEC);

	if (fd < 0 || (write_all(fd, c->xml.data, c->xml.len) && lseek(fd, 0, SEEK_SET) == 0))
		return fd;
	(void)close(fd);
	return -1;
}

/* Why the worker can't be asked, or gave no answer. */
static const char *failure(int rc)
{
	if (rc == -ETIME)
		return "`cpushim hook` took over 10 s and was ended; start it again, or see what "
		       "keeps "
		       "this host busy";
	return "`cpushim hook` failed; mend what it says above, or reinstall cpushim";
}

/* Passes on what the worker printed; its exit status. */
static int tell(const struct child_said *said, int status)
{
	(void)write_all(STDERR_FILENO, said->err.data, said->err.len);
	if (write_all(STDOUT_FILENO, said->out.data, said->out.len))
		return status;
	fprintf(stderr, "cpushim: standard output: %s\n", strerror(errno));
	return 2;
}

/* Runs the worker. Its exit status, or -1 and @why. */
static int run_worker(const struct call *c, const char **why)
{
	_cleanup_free_ char *path = root_path(COMMAND_PATH);
	_cleanup_said_ struct child_said said = {0};
	_cleanup_close_ int xml = -1;
	char caller[32] = "--" CALL_BY_HAND;
	char *argv[] = {(char *)"cpushim",
			(char *)"hook",
			caller,
			(char *)(c->recorded ? "--" CALL_RECORD : caller),
			(char *)"--",
			c->argv[1],
			c->argv[2],
			c->argv[3],
			c->argv[4],
			NULL};
	struct daemon daemon;
	int rc;

	*why = c->cut ? "its XML is too large" : "memory or descriptors have run out";
	if (c->cut || c->xml.failed || !path)
		return -1;
	xml = xml_file(c);
	if (xml < 0)
		return -1;
	if (daemon_calling(&daemon))
		(void)snprintf(caller, sizeof(caller), "--" CALL_LIBVIRT "=%d", (int)daemon.pid);
	rc = child_run(path, argv, xml, WORKER_SECONDS, WORKER_LIMIT, &said);
	if (rc >= 0 && rc < CALL_FRONT)
		return tell(&said, rc);
	(void)write_all(STDERR_FILENO, said.err.data, said.err.len);
	*why = failure(rc);
	return -1;
}

static int refuse_model(const struct call *c, const char *why)
{
	return refuse(c, true, head("hook failed"), "model '%.*s': can't be checked, as %s",
		      (int)c->model_len, c->model, why);
}

/*
 * Without the worker. A domain is refused
 * - if it has asked for a site model before, by its record;
 * - if the front itself has read its model, plainly or not, and that is a site's;
 * - if it is written as libvirt doesn't write it, and its model isn't one of libvirt's or QEMU's own;
 * - if the front couldn't follow it at all.
 * Everything else passes.
 */
static int decide_alone(const struct call *c, const char *why)
{
	if (c->names == NAMES_OURS)
		return refuse_model(c, why);
	if (c->recorded)
		return refuse(c, false, head("cpushim hook failed"),
			      "it asked for a site model, which can't be checked, as %s", why);
	if (c->scan.form == SCAN_OPAQUE)
		return refuse(c, false, head("unclear XML"),
			      "it may ask for a site model: its XML isn't written as libvirt "
			      "writes it, and can't be checked, as %s",
			      why);
	if (c->scan.form == SCAN_ODD && c->model && !stock_name(c->model, c->model_len))
		return refuse_model(c, why);
	return 0;
}

/* What was saved before cpushim came, as an image or a snapshot, names no site model: libvirt had
 * translated it. The domain's definition still does. A start looks for a directory of snapshots, and
 * no further without one. */
static bool may_come_back(const struct call *c)
{
	_cleanup_free_ char *path = NULL, *xml = NULL;
	struct scan scan = {0};
	const char *model;
	size_t len;

	if (c->operation == OPERATION_PREPARE &&
	    !domainfile_exists(DOMAINFILE_SNAPSHOTS, c->domain))
		return false;
	if ((c->operation != OPERATION_PREPARE && c->operation != OPERATION_RESTORE) ||
	    domainfile_path(&path, DOMAINFILE_DEFINITION, c->domain, 0) < 0 ||
	    file_read(path, TRUST_ANY, LIBVIRT_XML_LIMIT, &xml, &len, NULL) < 0)
		return false;
	scan_feed(&scan, xml, len);
	scan_end(&scan);
	model = scan_model(&scan, &len);
	return model && names_find(model, len, NULL) == NAMES_OURS;
}

static int refuse_unknown(const struct call *c)
{
	return refuse(c, true, head("no usable table"),
		      "model '%.*s': is neither libvirt's nor QEMU's own, and whether it is a site "
		      "model can't be told, as the table can't be read (%s); `cpushim compile`",
		      (int)c->model_len, c->model, c->table.what);
}

/* At prepare a record belongs to an arrival that goes on here, or an earlier start left it, and
 * then it is removed. A person's prepare isn't a start: it mustn't remove the record of a start
 * that is under way. */
static void look_at_record(struct call *c)
{
	struct daemon daemon;

	if (!record_exists(c->uuid))
		return;
	c->recorded = c->operation == OPERATION_START || c->operation == OPERATION_STARTED;
	if (c->operation == OPERATION_PREPARE && daemon_calling(&daemon)) {
		c->recorded = record_arrives(c->uuid, &daemon);
		if (!c->recorded)
			(void)record_remove(c->uuid);
	}
	if (c->operation == OPERATION_STOP)
		(void)record_remove(c->uuid);
}

/* At start and started only what was asked at prepare is held against what became of it. At an
 * arrival the worker removes what an earlier one left. */
static bool concerns_us(const struct call *c)
{
	if (c->recorded || c->scan.form == SCAN_OPAQUE)
		return true;
	if (c->operation == OPERATION_START || c->operation == OPERATION_STARTED)
		return false;
	return c->scan.form != SCAN_PLAIN || c->names == NAMES_OURS ||
	       (operation_arrives(c->operation) && record_exists(c->uuid)) || may_come_back(c);
}

static int handle(struct call *c)
{
	const char *why;
	int status;

	if (c->operation == OPERATION_OTHER)
		return 0;
	read_xml(c);
	look_at_record(c);
	if (c->operation == OPERATION_STOP)
		return 0;
	if (c->unread)
		return refuse(c, false, head("unreadable XML"),
			      "it may name a site model, and its XML can't be read: %s",
			      strerror(c->unread));
	if (c->operation == OPERATION_PREPARE || operation_arrives(c->operation))
		look_up(c);
	if (c->scan.form == SCAN_PLAIN && c->names == NAMES_UNKNOWN && !c->recorded)
		return refuse_unknown(c);
	if (!concerns_us(c))
		return 0;
	status = run_worker(c, &why);
	return status < 0 ? decide_alone(c, why) : status;
}

/*
 * libvirt 11.3 takes a hook's refusal to restore a managed save for success: the guest doesn't run,
 * nobody is told, and the image is deleted (qemuDomainObjRestore, src/qemu/qemu_driver.c). So it is
 * recorded, and prepare, which comes next, refuses the guest: then the image stays.
 */
static bool leave_to_prepare(const struct call *c)
{
	struct record r = {.phase = RECORD_REFUSED, .time = record_clock()};

	if (c->operation != OPERATION_RESTORE || !domainfile_exists(DOMAINFILE_SAVE, c->domain) ||
	    !daemon_calling(&r.daemon))
		return false;
	if (c->model)
		(void)snprintf(r.model, sizeof(r.model), "%.*s", (int)c->model_len, c->model);
	r.model[strcspn(r.model, "\n")] = '\0';
	return record_write(c->uuid, c->domain, &r, NULL) == 0;
}

int main(int argc, char **argv)
{
	struct call c = {0};
	int status;

	open_standard_files(O_RDWR); /* closed input is none: libvirt always gives one */
	/* libvirt always has four arguments */
	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return puts("hook (cpushim) " CPUSHIM_VERSION) < 0 || fflush(stdout) != 0;
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
	(void)signal(SIGXFSZ, SIG_IGN); /* a limit on files is an error to tell, here and there */
	c.argv = argv;
	c.domain = argv[1];
	c.operation = operation_of(argv[2], argv[3]);
	status = handle(&c);
	if (status != 0 && leave_to_prepare(&c))
		status = 0;
	text_free(&c.xml);
	return status;
}
