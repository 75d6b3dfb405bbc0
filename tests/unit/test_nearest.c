/* SPDX-License-Identifier: Apache-2.0 */
/* Which stock models are nearest to a host. */
#include "cpumap/fleet/nearest.h"
#include "check.h"

static struct featset set_of(const char *names)
{
	struct featset set = {0};

	CHECK(featset_parse(&set, names, strlen(names), ' ', NULL) == 0);
	return set;
}

/* A QEMU of few models. */
static struct qemu_model models[] = {
	{.name = (char *)"small", .id = {.vendor = "GenuineIntel"}},
	{.name = (char *)"middle", .id = {.vendor = "AuthenticAMD"}},
	{.name = (char *)"twin", .id = {.vendor = "GenuineIntel"}},
	{.name = (char *)"big", .alias_of = (char *)"big-v1", .id = {.vendor = "AuthenticAMD"}},
	{.name = (char *)"big-v1", .id = {.vendor = "AuthenticAMD"}},
	{.name = (char *)"max", .computed = true},
};
static const char *const has[] = {"fpu de",
				  "fpu de pse x2apic",
				  "fpu de pse hypervisor",
				  "fpu de pse tsc msr",
				  "fpu de pse tsc msr",
				  "fpu"};

static void check_order(const struct host_view *view, const char *vendor, bool runs,
			const char *wanted)
{
	struct qemu q = {.model = models, .n_models = ARRAY_SIZE(models)};
	_cleanup_stock_ struct stock s = {0};
	_cleanup_text_ struct text order = {0};
	struct nearest found[3];
	size_t n;

	for (size_t i = 0; i < ARRAY_SIZE(models); i++)
		models[i].features = set_of(has[i]);
	CHECK(stock_add_qemu(&s, &q) == 0);
	CHECK(s.n == 4);
	n = nearest_find(found, ARRAY_SIZE(found), &s, view, vendor, runs, NULL);
	for (size_t i = 0; i < n; i++)
		text_addf(&order, "%s%s:%zu-%zu?%zu+", i ? " " : "", found[i].model->name,
			  featset_count(&found[i].lacks), featset_count(&found[i].unknown),
			  featset_count(&found[i].more));
	CHECK_STR(order.data ? order.data : "", wanted);
}

static void test_order(void)
{
	struct host_view view = {.has = set_of("fpu de pse tsc"),
				 .known = set_of("fpu de pse tsc msr")};

	/* one lacking is as near as one more, and comes behind it */
	check_order(&view, "AuthenticAMD", false, "middle:0-0?1+ twin:0-0?1+ big:1-0?0+");
	check_order(&view, "GenuineIntel", false, "twin:0-0?1+ middle:0-0?1+ big:1-0?0+");
	check_order(&view, "", true, "middle:0-0?1+ twin:0-0?1+ small:0-0?2+");
}

/* What nobody knows isn't lacking, and such a model doesn't surely run. */
static void test_unknown(void)
{
	struct host_view view = {.has = set_of("fpu de pse"), .known = set_of("fpu de pse tsc")};

	check_order(&view, "", false, "middle:0-0?0+ twin:0-0?0+ small:0-0?1+");
	view.has = set_of("fpu de pse tsc");
	check_order(&view, "", false, "middle:0-0?1+ twin:0-0?1+ big:0-1?0+");
}

int main(void)
{
	test_order();
	test_unknown();
	return check_done();
}
