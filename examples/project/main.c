/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daily_report - the sales of all shops on one day: a small project, laid out as one that grows.
 *
 *	daily_report run daily-report --param day=2026-01-05
 *	daily_report ls                                            the flows, and their parameters
 */
#include "config/settings.h"
#include "flows/flows.h"

int main(int argc, char **argv)
{
	static const weir_flow *const flows[] = { &daily_report_flow, &data_extraction_flow, &data_processing_flow,
		                                  &reporting_flow, NULL };
	weir_problem problem;

	/* Before weir_main: what is read here, the tasks' processes have too. */
	if (settings_read("config/.env", &problem) < 0)
		return weir_complain(&problem);
	return weir_main(argc, argv, flows);
}
