/* SPDX-License-Identifier: Apache-2.0 */
#include "libvirtquestion.h"

#include <errno.h>

typedef int ask_libvirt(const struct libvirt *l, const struct strv *args, struct text *answer,
			struct error *err);

/* An argument; NULL if it is empty. */
static const char *arg(const struct strv *args, size_t i)
{
	return *args->item[i] ? args->item[i] : NULL;
}

static void add_string(struct text *answer, const char *s)
{
	text_add(answer, s, strlen(s) + 1);
}

/* @said: libvirt's answer to a question about @where, taken over; NULL: it refused. */
static int add_said(const struct libvirt *l, char *said, const char *where, struct text *answer,
		    struct error *err)
{
	_cleanup_free_ char *owned = said;

	if (!owned)
		return libvirt_fail(l, -EINVAL, where, err);
	add_string(answer, owned);
	return 0;
}

static int ask_versions(const struct libvirt *l, const struct strv *args, struct text *answer,
			struct error *err)
{
	unsigned long library = 0, daemon = 0;
	int r = libvirt_need(l, LIBVIRT_CALL(get_version), err);

	(void)args;
	if (r == 0 && l->conn)
		r = libvirt_need(l, LIBVIRT_CALL(get_lib_version), err);
	if (r < 0)
		return r;
	if (l->call.get_version(&library, NULL, NULL) < 0 ||
	    (l->conn && l->call.get_lib_version(l->conn, &daemon) < 0))
		return libvirt_fail(l, -EINVAL, LIBVIRT_LIBRARY, err);
	text_addf(answer, "%lu%c%lu%c", library, 0, daemon, 0);
	return 0;
}

static int ask_models(const struct libvirt *l, const struct strv *args, struct text *answer,
		      struct error *err)
{
	char **names = NULL;
	int r = libvirt_need(l, LIBVIRT_CALL(get_cpu_model_names), err), n;

	if (r < 0)
		return r;
	n = l->call.get_cpu_model_names(l->conn, arg(args, 0), &names, 0);
	if (n < 0)
		return libvirt_fail(l, -EINVAL, "libvirt's CPU map", err);
	for (int i = 0; i < n; i++) {
		add_string(answer, names[i]);
		free(names[i]);
	}
	free(names);
	return 0;
}

static int baseline(const struct libvirt *l, const struct strv *args, unsigned int flags,
		    struct text *answer, struct error *err)
{
	int r = libvirt_need(l, LIBVIRT_CALL(baseline_cpu), err);

	if (r < 0)
		return r;
	return add_said(l,
			l->call.baseline_cpu(l->conn, (const char **)args->item,
					     (unsigned int)args->n, flags),
			"baseline", answer, err);
}

static int ask_baseline(const struct libvirt *l, const struct strv *args, struct text *answer,
			struct error *err)
{
	return baseline(l, args, 0, answer, err);
}

static int ask_expanded(const struct libvirt *l, const struct strv *args, struct text *answer,
			struct error *err)
{
	return baseline(l, args, LIBVIRT_EXPAND_FEATURES, answer, err);
}

static int ask_compare(const struct libvirt *l, const struct strv *args, struct text *answer,
		       struct error *err)
{
	int r = libvirt_need(l, LIBVIRT_CALL(compare_cpu), err);

	if (r < 0)
		return r;
	r = l->call.compare_cpu(l->conn, arg(args, 0), 0);
	if (r < 0)
		return libvirt_fail(l, -EINVAL, "comparison with the host's CPU", err);
	text_addf(answer, "%d%c", r, 0);
	return 0;
}

static int ask_native(const struct libvirt *l, const struct strv *args, struct text *answer,
		      struct error *err)
{
	int r = libvirt_need(l, LIBVIRT_CALL(domain_to_native), err);

	return r < 0 ? r
		     : add_said(l, l->call.domain_to_native(l->conn, "qemu-argv", arg(args, 0), 0),
				"domain", answer, err);
}

static int ask_capabilities(const struct libvirt *l, const struct strv *args, struct text *answer,
			    struct error *err)
{
	int r = libvirt_need(l, LIBVIRT_CALL(get_domain_capabilities), err);

	if (r < 0)
		return r;
	return add_said(l,
			l->call.get_domain_capabilities(l->conn, arg(args, 0), arg(args, 1),
							arg(args, 2), arg(args, 3), 0),
			arg(args, 0) ? arg(args, 0) : "domain capabilities", answer, err);
}

/* A guest that starts all the same runs nothing, and is gone when this process is. */
static int ask_start(const struct libvirt *l, const struct strv *args, struct text *answer,
		     struct error *err)
{
	int r = libvirt_need(l, LIBVIRT_CALL(domain_start), err);
	void *domain;

	(void)answer;
	if (r == 0)
		r = libvirt_need(l, LIBVIRT_CALL(domain_destroy), err);
	if (r < 0)
		return r;
	domain = l->call.domain_start(l->conn, arg(args, 0),
				      LIBVIRT_START_PAUSED | LIBVIRT_AUTODESTROY);
	if (!domain)
		return libvirt_fail(l, -EINVAL, "domain", err);
	(void)l->call.domain_destroy(domain);
	(void)l->call.domain_free(domain);
	return 0;
}

static int ask_domains(const struct libvirt *l, const struct strv *args, struct text *answer,
		       struct error *err)
{
	(void)args;
	return question_domains(l, answer, err);
}

static const struct {
	const char *name;
	size_t args; /* at least */
	ask_libvirt *put;
	bool offline; /* needs no connection */
} questions[] = {
	{QUESTION_VERSIONS, 0, ask_versions, true},
	{QUESTION_MODELS, 1, ask_models},
	{QUESTION_BASELINE, 1, ask_baseline},
	{QUESTION_EXPANDED, 1, ask_expanded},
	{QUESTION_COMPARE, 1, ask_compare},
	{QUESTION_NATIVE, 1, ask_native},
	{QUESTION_START, 1, ask_start},
	{QUESTION_CAPABILITIES, 4, ask_capabilities},
	{QUESTION_DOMAINS, 0, ask_domains},
};

int question_put(const struct libvirt *l, const char *question, const struct strv *args,
		 struct text *answer, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(questions); i++)
		if (strcmp(questions[i].name, question) == 0 && args->n >= questions[i].args &&
		    (l->conn || questions[i].offline))
			return questions[i].put(l, args, answer, err);
	return error_set(err, -EPROTO, NULL, 0, "nobody asks '%s' like that", question);
}
