/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpushim rewrite: what the hook prints at prepare, for a file. Also KubeVirt's hook onDefineDomain, which has
 * the domain in an argument (runOnDefineDomain, cmd/sidecars/sidecar_shim.go, KubeVirt 1.2).
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sys/wait.h>

#include "cpumap/core/paths.h"
#include "hook/worker/worker.h"
#include "cmd.h"

static const char usage[] =
	"Usage: cpushim rewrite [--diff] [FILE]\n"
	"       cpushim rewrite [--vmi JSON] --domain XML\n"
	"Print the domain XML in FILE (or from stdin) with its site model expanded; a domain\n"
	"without one as it is. Reasons why it can't run here go to stderr.\n"
	"\n"
	"  -d, --diff        only the difference\n"
	"      --domain XML  this domain: so KubeVirt calls it, by the name onDefineDomain\n"
	"      --vmi JSON    KubeVirt's own description of it, which isn't read\n"
	"  -h, --help        this text\n"
	"\n"
	"Exit status: 0 done; 1 it can't run here; 2 not a domain, or no table.\n";

/* What is to be rewritten, and how. */
struct order {
	const char *path;   /* NULL: standard input */
	const char *domain; /* the XML itself, instead */
	bool diff;
};

static const char *input_name(const struct order *o)
{
	return o->domain ? "--domain" : o->path ? o->path : "standard input";
}

static int read_input(const struct order *o, char **xml, size_t *len, struct error *err)
{
	int r;

	if (o->domain) {
		*len = strlen(o->domain);
		*xml = strdup(o->domain);
		return *xml ? 0 : error_set(err, -ENOMEM, NULL, 0, "out of memory");
	}
	if (o->path)
		return file_read(o->path, TRUST_NAMED, LIBVIRT_XML_LIMIT, xml, len, err);
	r = fd_read_all(STDIN_FILENO, LIBVIRT_XML_LIMIT, xml, len);
	return r < 0 ? error_set(err, r, input_name(o), 0, "%s", strerror(-r)) : 0;
}

static int memory_file(const char *data, size_t len)
{
	FILE *f = tmpfile();
	int fd = -1;

	if (f && fwrite(data, 1, len, f) == len && fflush(f) == 0)
		fd = dup(fileno(f));
	if (f)
		(void)fclose(f);
	return fd;
}

/* Runs diff(1) on both, with labels. Its exit statuses 0 and 1 mean success. */
static int print_diff(const char *before, size_t before_len, const struct text *after)
{
	_cleanup_close_ int a = memory_file(before, before_len);
	_cleanup_close_ int b = memory_file(after->data, after->len);
	char path_a[32], path_b[32];
	struct error err = {0};
	int status = -1;
	pid_t pid;

	(void)snprintf(path_a, sizeof(path_a), "/proc/self/fd/%d", a);
	(void)snprintf(path_b, sizeof(path_b), "/proc/self/fd/%d", b);
	(void)fflush(stdout);
	pid = a < 0 || b < 0 ? -1 : fork();
	if (pid == 0) {
		(void)execlp("diff", "diff", "-u", "--label", "before", "--label", "after", path_a,
			     path_b, (char *)NULL);
		_exit(127);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) <= 1)
		return EXIT_YES;
	if (pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 127)
		error_set(&err, -ENOENT, NULL, 0, "diff can't be run; is diffutils installed?");
	else
		error_set(&err, -EIO, NULL, 0, "diff failed, so its output isn't whole");
	return cmd_fail(&err);
}

static int rewrite(struct asked *a, const char *name, bool diff)
{
	_cleanup_reasons_ struct reasons reasons = {0};
	_cleanup_text_ struct text xml = {0};
	const struct domain *d = &a->domain;
	const struct table_row *row = a->facts.row;
	struct error err = {0};
	int status = EXIT_YES;

	decide_request(d, &a->facts, &reasons);
	if (!*row->refused) {
		asked_map(a);
		if (domain_print(&xml, d, row, a->facts.map, &err) < 0)
			return cmd_fail(&err);
		if (diff)
			status = print_diff(d->xml, d->len, &xml);
		else
			(void)fwrite(xml.data, 1, xml.len, stdout);
		unsaid_print(name, &a->facts);
	}
	return reasons_print(false, name, row->model, &reasons) && status == EXIT_YES ? EXIT_NO
										      : status;
}

static int read_options(int argc, char **argv, struct order *o)
{
	static const struct option options[] = {{"diff", no_argument, NULL, 'd'},
						{"domain", required_argument, NULL, 'D'},
						{"vmi", required_argument, NULL, 'V'},
						{"help", no_argument, NULL, 'h'},
						{0}};
	int opt;

	while ((opt = getopt_long(argc, argv, "dh", options, NULL)) != -1) {
		if (opt == 'h')
			return cmd_help(usage);
		if (opt == '?')
			return usage_error("rewrite", NULL);
		if (opt == 'd')
			o->diff = true;
		else if (opt == 'D')
			o->domain = optarg;
	}
	if (argc - optind > (o->domain ? 0 : 1))
		return usage_error("rewrite",
				   o->domain ? "takes --domain or FILE" : "takes one FILE");
	o->path = argv[optind];
	return -1;
}

int cmd_rewrite(int argc, char **argv)
{
	_cleanup_asked_ struct asked a = {0};
	_cleanup_free_ char *xml = NULL;
	struct order o = {0};
	struct error err = {0};
	size_t len;
	int status = read_options(argc, argv, &o);

	if (status >= 0)
		return status;
	if (read_input(&o, &xml, &len, &err) < 0 ||
	    asked_read(&a, xml, len, input_name(&o), &err) < 0)
		return cmd_fail(&err);
	if (!a.facts.row) {
		if (!o.diff)
			(void)fwrite(xml, 1, len, stdout);
		return cmd_flush(EXIT_YES);
	}
	return cmd_flush(rewrite(&a, a.domain.name ? a.domain.name : "domain", o.diff));
}
