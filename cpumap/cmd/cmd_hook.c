/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpushim hook: the worker, which the front runs with the domain's XML on stdin:
 *	cpushim hook --libvirt=PID|--by-hand [--record] NAME OPERATION SUB-OPERATION EXTRA
 */
#include <errno.h>
#include <getopt.h>
#include <sys/stat.h>

#include "cpumap/core/paths.h"
#include "hook/core/domainfile.h"
#include "hook/core/call.h"
#include "hook/core/record.h"
#include "hook/domain/mark.h"
#include "hook/domain/process.h"
#include "hook/domain/unclear.h"
#include "hook/worker/arrival.h"
#include "hook/worker/native.h"
#include "hook/worker/restore.h"
#include "hook/worker/worker.h"
#include "cmd.h"

static const char usage[] =
	"Usage: cpushim hook --libvirt=PID|--by-hand [--record] NAME OPERATION SUB-OPERATION "
	"EXTRA\n"
	"The worker of libvirt's hook, which runs it with the domain's XML on standard input.\n"
	"By hand: /etc/libvirt/hooks/qemu NAME prepare begin - < domain.xml\n";

struct job {
	const char *name;
	bool libvirt;         /* it calls, and not a person */
	bool recorded;        /* the domain asked for a site model before, by its record */
	struct daemon daemon; /* libvirt's that calls */
	struct asked asked;
};

static int refuse(const struct job *j, const char *model, const struct reasons *reasons)
{
	return reasons_print(j->libvirt, j->name, model, reasons) ? EXIT_NO : EXIT_YES;
}

/* Refuses for what went wrong here. */
static int fail(const struct job *j, struct head why, const struct error *err)
{
	const struct table_row *row = j->asked.facts.row;

	refusal_print(j->libvirt, row ? row->model : NULL, why, err);
	return EXIT_NO;
}

/* Refuses if the record couldn't be written: what the domain asked for would be forgotten. */
static int check_recorded(const struct job *j, int rc, const struct error *err)
{
	return rc < 0 ? fail(j, head("not recorded"), err) : EXIT_YES;
}

/* Records what a domain that may start asks for: what its arrival asked for, or what its XML
 * says. */
static int record_request(const struct job *j, const struct record *arrival)
{
	const struct domain *d = &j->asked.domain;
	struct error err = {0};
	struct record r;

	if (!j->libvirt)
		return EXIT_YES;
	if (arrival)
		r = *arrival;
	else
		decide_record(d, j->asked.facts.row, &r);
	r.phase = RECORD_REQUEST;
	return check_recorded(j, record_write(d->uuid, j->name, &r, &err), &err);
}

/* Prints the domain with its model expanded, which libvirt throws away. */
static int print_expanded(struct job *j)
{
	_cleanup_text_ struct text xml = {0};
	const struct asked *a = &j->asked;
	struct error err = {0};

	if (*a->facts.row->refused)
		return EXIT_YES;
	/* libvirt discards the answer, so it shouldn't wait for its map to be read */
	if (!j->libvirt)
		asked_map(&j->asked);
	if (domain_print(&xml, &a->domain, a->facts.row, a->facts.map, &err) < 0)
		return fail(j, head("unclear <cpu>"), &err);
	(void)fwrite(xml.data, 1, xml.len, stdout);
	if (!j->libvirt)
		unsaid_print(j->name, &a->facts);
	return EXIT_YES;
}

/* libvirt's release matters only for a domain's own features. */
static void learn_release(struct job *j)
{
	if (j->libvirt && j->asked.domain.own.n)
		j->asked.facts.libvirt = daemon_release(&j->daemon);
}

/*
 * Does an ordinary user's session daemon call? It runs this hook, too, but root's directory of
 * records can be neither written nor checked for it. A user may write in his own root
 * (CPUSHIM_ROOT).
 */
static bool is_session(const struct job *j)
{
	_cleanup_free_ char *root = root_path("/");
	struct stat st;

	return j->libvirt && geteuid() != 0 &&
	       !(root && stat(root, &st) == 0 && st.st_uid == geteuid());
}

/* May it run here? */
static void decide(struct job *j, struct reasons *reasons)
{
	const char *model = j->asked.facts.row->model;

	learn_release(j);
	if (is_session(j))
		because(reasons, head("not in session"),
			"site models are for qemu:///system, and this libvirt is of uid %u; define "
			"the domain there, or give it the <cpu> that `cpushim expand --format xml "
			"%s` prints",
			(unsigned int)geteuid(), model);
	else
		decide_request(&j->asked.domain, &j->asked.facts, reasons);
}

static int request(struct job *j, const struct record *arrival)
{
	_cleanup_reasons_ struct reasons reasons = {0};
	const struct asked *a = &j->asked;

	if (!a->facts.row)
		return EXIT_YES;
	decide(j, &reasons);
	if (print_expanded(j) != EXIT_YES)
		return EXIT_NO;
	if (refuse(j, a->facts.row->model, &reasons) != EXIT_YES)
		return cmd_flush(EXIT_NO);
	return cmd_flush(record_request(j, arrival));
}

/* The row is looked for by what was asked at prepare: libvirt may have another model by now. */
static void use_record(struct job *j, const struct record *r)
{
	struct asked *a = &j->asked;

	a->facts.row = asked_row(a, r->model, a->facts.emulator);
}

/* A start, or a snapshot that comes back? A person's prepare is neither. */
static int begin(struct job *j)
{
	_cleanup_reasons_ struct reasons reasons = {0};
	const struct table_row *row =
		j->libvirt ? restore_snapshot(&j->asked, j->name, &reasons) : NULL;

	if (row && refuse(j, row->model, &reasons) != EXIT_YES)
		return EXIT_NO;
	return request(j, NULL);
}

/* What restore refused of a managed save is refused here, for what restore would say of it now. */
static int refused(struct job *j, const struct record *r)
{
	_cleanup_reasons_ struct reasons reasons = {0};
	struct asked *a = &j->asked;
	const struct table_row *row = a->facts.row;

	if (row) {
		decide(j, &reasons);
		decide_mark(&a->domain, row, &reasons);
	} else {
		row = restore_image(a, j->name, &reasons);
	}
	if (reasons_none(&reasons))
		because(&reasons, head("was refused"),
			"libvirt wasn't let restore its managed save; start it again once what its "
			"log says is mended, or boot it anew (`virsh managedsave-remove %s`)",
			j->name);
	return refuse(j, row ? row->model : *r->model ? r->model : NULL, &reasons);
}

static int prepare(struct job *j)
{
	_cleanup_reasons_ struct reasons reasons = {0};
	const struct asked *a = &j->asked;
	struct record arrival;
	struct error err = {0};
	int rc = j->recorded ? arrival_take(&a->domain, j->name, &arrival, &err) : -ENOENT;

	/* if the image went since, this is a start like any other */
	if (rc == -ENOENT || (rc == 0 && arrival.phase == RECORD_REFUSED &&
			      !domainfile_exists(DOMAINFILE_SAVE, j->name)))
		return begin(j);
	if (rc < 0)
		return fail(j, head("bad record"), &err);
	if (arrival.phase == RECORD_REFUSED)
		return refused(j, &arrival);
	if (a->facts.native)
		use_record(j, &arrival); /* prepare shows what libvirt made of it */
	(a->facts.native ? native_arrival : decide_arrival)(&a->domain, &a->facts, &arrival,
							    &reasons);
	if (refuse(j, arrival.model, &reasons) != EXIT_YES)
		return EXIT_NO;
	return request(j, &arrival);
}

/* What arrives by migration or from a saved file: refused if it can't run here. */
static int arrive(struct job *j)
{
	_cleanup_reasons_ struct reasons reasons = {0};
	const struct asked *a = &j->asked;
	struct error err = {0};

	if (j->libvirt)
		arrival_forget(&a->domain);
	if (!a->facts.row)
		return EXIT_YES;
	decide(j, &reasons);
	decide_mark(&a->domain, a->facts.row, &reasons);
	if (refuse(j, a->facts.row->model, &reasons) != EXIT_YES)
		return EXIT_NO;
	if (!j->libvirt)
		return EXIT_YES;
	return check_recorded(j, arrival_note(&a->domain, a->facts.row, &j->daemon, j->name, &err),
			      &err);
}

/* A saved image of no site model may be one of a domain that asks for one. */
static int restore(struct job *j)
{
	_cleanup_reasons_ struct reasons reasons = {0};
	const struct table_row *row;

	if (j->asked.facts.row || !j->libvirt)
		return arrive(j);
	arrival_forget(&j->asked.domain);
	row = restore_image(&j->asked, j->name, &reasons);
	return row ? refuse(j, row->model, &reasons) : EXIT_YES;
}

/* Reads the request of this domain. -ENOENT: it asked for no site model at prepare. Other errors
 * are printed here. */
static int recorded(const struct job *j, struct record *r)
{
	const char *uuid = j->asked.domain.uuid;
	struct error err = {0};
	int rc;

	if (!uuid || !uuid_valid(uuid, strlen(uuid)))
		return -ENOENT;
	rc = record_read(uuid, r, &err);
	if (rc < 0 && rc != -ENOENT)
		(void)fail(j, head("bad record"), &err);
	if (rc < 0 || r->phase == RECORD_REQUEST)
		return rc;
	rc = error_set(&err, -EBUSY, j->name, 0,
		       "a guest of the same UUID arrived while it was starting; start it again");
	(void)fail(j, head("start it again"), &err);
	return rc;
}

static int start(struct job *j)
{
	_cleanup_reasons_ struct reasons reasons = {0};
	struct record r;
	int rc = recorded(j, &r);

	if (rc < 0)
		return rc == -ENOENT ? EXIT_YES : EXIT_NO;
	use_record(j, &r);
	(j->asked.facts.native ? native_start : decide_start)(&j->asked.domain, &j->asked.facts, &r,
							      &reasons);
	return refuse(j, r.model, &reasons);
}

/* The process whose PID is in a file. */
static int read_process(struct process *p, const char *path)
{
	_cleanup_free_ char *text = NULL;
	uint64_t pid;
	size_t len;

	if (file_read(path, TRUST_ANY, PROCESS_LIMIT, &text, &len, NULL) < 0 ||
	    number_parse(text, strcspn(text, "\n"), 10, INT32_MAX, &pid) < 0)
		return -ENOENT;
	return process_read(p, "/proc", (int)pid);
}

/* The QEMU whose PID libvirt noted, if it is the domain's. */
static bool read_qemu(struct process *p, const char *name, const char *uuid)
{
	for (unsigned int spelling = 0;; spelling++) {
		_cleanup_free_ char *path = NULL;
		const char *its;

		if (domainfile_path(&path, DOMAINFILE_PID, name, spelling) < 0)
			return false;
		if (read_process(p, path) < 0)
			continue;
		its = process_option(p, "-uuid");
		if (its && strcmp(its, uuid) == 0)
			return true;
		process_free(p);
	}
}

/* Is its argument the wrapper's, and is it the table's QEMU, and not one that was put there since
 * prepare? */
static void check_started(struct job *j, const struct process *qemu, const struct record *r,
			  struct reasons *reasons)
{
	_cleanup_free_ char *program = process_program("/proc", qemu->pid);

	decide_started(process_option(qemu, "-cpu"), &j->asked.facts, r, reasons);
	if (!program || !j->asked.facts.row)
		return;
	asked_program(&j->asked, program);
	decide_qemu(&j->asked.facts, reasons);
}

static int check_process(struct job *j, const struct record *r)
{
	_cleanup_reasons_ struct reasons reasons = {0};
	_cleanup_process_ struct process qemu = {0};

	use_record(j, r);
	if (!read_qemu(&qemu, j->name, j->asked.domain.uuid))
		because(&reasons, head("QEMU not found"),
			"its QEMU can't be found by libvirt's " LIBVIRT_STATE_DIR "/NAME.pid");
	else if (j->asked.facts.native)
		native_started(&qemu, &j->asked.facts, r, &reasons);
	else
		check_started(j, &qemu, r, &reasons);
	return refuse(j, r->model, &reasons);
}

/* Has the guest marked. A guest that arrived has its mark already. An ordinary user's daemon isn't
 * the one that would be asked. */
static void mark(const struct job *j, const struct record *r)
{
	const struct domain *d = &j->asked.domain;

	if (j->libvirt && geteuid() == 0 && !mark_is(d, r->model, r->digest))
		mark_start(d->uuid, r->model, r->digest, &j->daemon);
}

static int started(struct job *j)
{
	struct record r;
	int rc = recorded(j, &r), status = EXIT_NO;

	if (rc == -ENOENT)
		return EXIT_YES;
	if (rc == 0)
		status = check_process(j, &r);
	/* checked once: nothing later needs it */
	(void)record_remove(j->asked.domain.uuid);
	if (status == EXIT_YES)
		mark(j, &r);
	return status;
}

static int (*const run_operation[])(struct job *j) = {
	[OPERATION_PREPARE] = prepare, [OPERATION_START] = start,     [OPERATION_STARTED] = started,
	[OPERATION_MIGRATE] = arrive,  [OPERATION_RESTORE] = restore, [OPERATION_STOP] = NULL,
};

/* A domain that can't be judged without the table; the front has the last word. */
static int no_table(const struct job *j, const struct error *why)
{
	struct error err = {0};

	error_set(&err, why->code, why->where, 0, "%s; `cpushim compile` writes it anew",
		  why->what);
	refusal_print(j->libvirt, j->asked.domain.model, head("no usable table"), &err);
	return CALL_FRONT;
}

/* XML that can't be understood: refused if a site model may be asked for in it. */
static int not_understood(const struct job *j, char *xml, size_t len, const struct error *err)
{
	_cleanup_free_ char *path = root_path(TABLE_PATH);
	_cleanup_table_ struct table all = {0};
	struct error why = {0};

	if (!path || table_load(&all, path, &why) < 0)
		return no_table(j, &why);
	if (j->recorded || unclear_may_ask(&all, xml, len, err))
		return fail(j, head("unclear XML"), err);
	return EXIT_YES;
}

static int run(struct job *j, enum operation operation)
{
	_cleanup_free_ char *xml = NULL;
	struct domain domain;
	struct error err = {0};
	size_t len;
	int r = fd_read_all(STDIN_FILENO, LIBVIRT_XML_LIMIT, &xml, &len);

	if (r < 0) {
		error_set(&err, r, j->name, 0, "its XML can't be read: %s", strerror(-r));
		return fail(j, head("unreadable XML"), &err);
	}
	r = domain_read(&domain, xml, len, j->name, &err);
	if (r < 0) {
		domain_free(&domain);
		return not_understood(j, xml, len, &err);
	}
	if (asked_domain(&j->asked, &domain, &err) < 0)
		return no_table(j, &err);
	return run_operation[operation] ? run_operation[operation](j) : EXIT_YES;
}

/* Reads the daemon that runs the front, or the process that may be the daemon. */
static bool read_daemon(struct job *j, const char *pid)
{
	uint64_t number;

	if (number_parse(pid, strlen(pid), 10, INT32_MAX, &number) < 0)
		return false;
	j->libvirt = true;
	daemon_at(number, &j->daemon);
	return true;
}

int cmd_hook(int argc, char **argv)
{
	static const struct option options[] = {{CALL_LIBVIRT, required_argument, NULL, 'l'},
						{CALL_BY_HAND, no_argument, NULL, 'm'},
						{CALL_RECORD, no_argument, NULL, 'r'},
						{"help", no_argument, NULL, 'h'},
						{0}};
	struct job j = {0};
	int opt, status;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'h')
			return cmd_help(usage);
		if (opt == '?' || (opt == 'l' && !read_daemon(&j, optarg)))
			return usage_error("hook", NULL);
		j.recorded |= opt == 'r';
	}
	if (argc - optind != 4)
		return usage_error("hook", "is run by libvirt's hook with a domain's name, "
					   "operation, sub-operation and extra");
	j.name = argv[optind];
	status = run(&j, operation_of(argv[optind + 1], argv[optind + 2]));
	asked_free(&j.asked);
	return status;
}
