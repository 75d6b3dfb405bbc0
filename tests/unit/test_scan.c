/* SPDX-License-Identifier: Apache-2.0 */
/* What the front sees of a domain: by the depth of its elements, however the bytes come. */
#include "hook/core/record.h"
#include "hook/core/scan.h"
#include "hook/front/stocknames.h"
#include "check.h"

#include "cpumap/core/util.h"

static const struct {
	const char *xml;
	enum scan_form form;
	const char *model; /* NULL: none */
} cases[] = {
	{"<domain type='kvm'><cpu mode='custom'><model>m</model></cpu></domain>", SCAN_PLAIN, "m"},
	{"<domain><cpu><model fallback='allow' vendor_id='a&amp;b'>m</model></cpu></domain>",
	 SCAN_PLAIN, "m"},
	{"<domain xmlns:qemu='u'><cpu>\n\t<model>m</model></cpu><qemu:commandline/></domain>",
	 SCAN_PLAIN, "m"},
	{"<domain><cpu mode='host-model'><model>m</model></cpu></domain>", SCAN_PLAIN, NULL},
	{"<domain><cpu><topology/></cpu></domain>", SCAN_PLAIN, NULL},
	{"<domain/>", SCAN_PLAIN, NULL},
	{"<domain><cpu/></domain>trailing <cpu><model>n</model></cpu>", SCAN_PLAIN, NULL},
	{" \n", SCAN_PLAIN, NULL},
	{"", SCAN_PLAIN, NULL},
	{"<domain><metadata><cpu><model>n</model></cpu></metadata></domain>", SCAN_PLAIN, NULL},
	{"<domain><a><!-- </a><cpu><model>n</model></cpu> --></a></domain>", SCAN_PLAIN, NULL},
	{"<domain><a><![CDATA[</a><cpu>]]]></a><cpu><model>m</model></cpu></domain>", SCAN_PLAIN,
	 "m"},
	{"<domain><a><?p </a><cpu>?\?></a><cpu><model>m</model></cpu></domain>", SCAN_PLAIN, "m"},
	{"<domain><a b='/>' c=\"'>\"/><cpu><model>m</model></cpu></domain>", SCAN_PLAIN, "m"},
	{"<domain><cputune><cpu/></cputune><cpu><model>m</model></cpu></domain>", SCAN_PLAIN, "m"},
	{"<!-- --><domain><cpu><model>m</model></cpu></domain>", SCAN_ODD, "m"},
	{"<domain><!-- --><cpu><model>m</model></cpu></domain>", SCAN_ODD, "m"},
	{"<domain><cpu><a><!-- --></a><model>m</model></cpu></domain>", SCAN_ODD, "m"},
	{"<domain><cpu><model>m</model></cpu><cpu><model>n</model></cpu></domain>", SCAN_ODD, "m"},
	{"<domain><cpu><model>m</model><model>n</model></cpu></domain>", SCAN_ODD, "m"},
	{"<domain><x:cpu><model>n</model></x:cpu><cpu><model>m</model></cpu></domain>", SCAN_ODD,
	 "m"},
	{"<domain><cpu x:match='a'><model>m</model></cpu></domain>", SCAN_ODD, "m"},
	{"<domain><cpu><model>m<a/></model></cpu></domain>", SCAN_OPAQUE, "m"},
	{"<domain><cpu><model>m<!-- --></model></cpu></domain>", SCAN_OPAQUE, "m"},
	{"<domain><cpu><model>&#109;</model></cpu></domain>", SCAN_OPAQUE, "&#109;"},
	{"<domain><cpu x:mode='custom'><model>m</model></cpu></domain>", SCAN_OPAQUE, "m"},
	{"<domain><cpu mode='cust&#111;m'><model>m</model></cpu></domain>", SCAN_OPAQUE, "m"},
	{"<domain xmlns='u'><cpu><model>m</model></cpu></domain>", SCAN_OPAQUE, "m"},
	{"<domain><cpu xmlns='u'><model>m</model></cpu></domain>", SCAN_OPAQUE, "m"},
	{"<domain><cpu><model xmlns='u'>m</model></cpu></domain>", SCAN_OPAQUE, "m"},
	{"<!DOCTYPE domain><domain/>", SCAN_OPAQUE, NULL},
	{"<?xml version='1.0'?><domain/>", SCAN_OPAQUE, NULL},
	{"\xef\xbb\xbf<domain/>", SCAN_OPAQUE, NULL},
	{"<x:domain/>", SCAN_OPAQUE, NULL},
	{"<domain><cpu><model>m</model></cpu>", SCAN_OPAQUE, "m"},
	{"garbage", SCAN_OPAQUE, NULL},
};

static void test_forms(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct scan s = {0};
		const char *model;
		char shown[128];
		size_t len;

		/* in pieces of 1, 2, 3 ... bytes */
		for (size_t at = 0, n = 1; at < strlen(cases[i].xml); at += n, n = 1 + i % 7) {
			size_t left = strlen(cases[i].xml) - at;

			scan_feed(&s, cases[i].xml + at, n < left ? n : left);
		}
		scan_end(&s);
		model = scan_model(&s, &len);
		(void)snprintf(shown, sizeof(shown), "%d %.*s in %s", (int)s.form, (int)len,
			       model ? model : "", cases[i].xml);
		if (!CHECK(s.form == cases[i].form) ||
		    !CHECK(!model == !cases[i].model &&
			   (!model || (len == strlen(cases[i].model) &&
				       memcmp(model, cases[i].model, len) == 0))))
			printf("  %s\n", shown);
	}
}

/* A name that is cut is no shorter one's. */
static void test_long_model(void)
{
	static const char head[] = "<domain><cpu><model>", tail[] = "</model></cpu></domain>";
	struct scan s = {0};
	size_t len;

	scan_feed(&s, head, strlen(head));
	for (size_t i = 0; i < 100000; i++)
		scan_feed(&s, "x", 1);
	scan_feed(&s, tail, strlen(tail));
	scan_end(&s);
	CHECK(s.form == SCAN_PLAIN);
	CHECK(scan_model(&s, &len) != NULL);
	CHECK(len > MODEL_NAME_MAX);
	CHECK(len <= sizeof(s.model.data));
}

static void test_crowded(void)
{
	struct scan few = {0}, many = {0};

	scan_feed(&few, "<domain><a", 10);
	scan_feed(&many, "<domain><a", 10);
	for (size_t i = 0; i < SCAN_ATTRIBUTES; i++)
		scan_feed(&few, " x=''", 5);
	for (size_t i = 0; i < SCAN_ATTRIBUTES + 1; i++)
		scan_feed(&many, " x=''", 5);
	CHECK(!few.crowded);
	CHECK(many.crowded);
}

static void test_uuid(void)
{
	static const char canonical[] = "6b2f0d3e-52cf-4b1f-9a57-3a1e8f1c2d64";
	static const char *const same[] = {
		canonical,
		"6B2F0D3E-52CF-4B1F-9A57-3A1E8F1C2D64",
		"6b2f0d3e52cf4b1f9a573a1e8f1c2d64",
		"\n 6b2f 0d3e52cf4b1f--9a573a1e8f1c2d64\t",
	};
	static const char *const bad[] = {
		"",
		"6b2f0d3e-52cf-4b1f-9a57-3a1e8f1c2d6",
		"6b2f0d3e-52cf-4b1f-9a57-3a1e8f1c2d644",
		"6-b2f0d3e-52cf-4b1f-9a57-3a1e8f1c2d64",
		"../../etc/passwd",
		"6b2f0d3e-52cf-4b1f-9a57-3a1e8f1c2dg4",
		"6b2f0d3e-52cf-4b1f-9a57-3a1e8f1c2d64-",
	};
	char uuid[UUID_LEN + 1];

	for (size_t i = 0; i < ARRAY_SIZE(same); i++) {
		CHECK(uuid_parse(same[i], strlen(same[i]), uuid));
		CHECK_STR(uuid, canonical);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		CHECK(!uuid_parse(bad[i], strlen(bad[i]), uuid));
		CHECK_STR(uuid, "");
	}
}

static void test_stock_names(void)
{
	static const char *const stock[] = {
		"486",           "Broadwell",   "DiamondRapids", "YongFeng-v2", "athlon",
		"cpu64-rhel5",   "cpu64-rhel6", "pentiumpro",    "qemu64",      "EPYC-Turin-v1",
		"Opteron_G5-v1", "max",         "host"};
	static const char *const others[] = {"",          "gate64",  "gate64-v1",
					     "x86-64-v2", "kvm64-v", "kvm64-v1-v1",
					     "-v1",       "KVM64",   "kvm64 "};

	for (size_t i = 0; i < ARRAY_SIZE(stock); i++)
		if (!CHECK(stock_name(stock[i], strlen(stock[i]))))
			printf("  %s\n", stock[i]);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (!CHECK(!stock_name(others[i], strlen(others[i]))))
			printf("  %s\n", others[i]);
}

int main(void)
{
	test_forms();
	test_long_model();
	test_crowded();
	test_uuid();
	test_stock_names();
	return check_done();
}
