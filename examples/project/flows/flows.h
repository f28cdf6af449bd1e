/* SPDX-License-Identifier: Apache-2.0 */
/* flows.h - the flows of this project. Each can be started alone; daily-report runs the others in order. */
#ifndef FLOWS_FLOWS_H
#define FLOWS_FLOWS_H

#include <weir.h>

/* {day} -> the report's path */
extern const weir_flow daily_report_flow;

/* {day} -> {SHOP: lines or null} */
extern const weir_flow data_extraction_flow;

/* {files} -> the sums of sum-sales, in the order of the shops */
extern const weir_flow data_processing_flow;

/* {day, sums} -> the path of the report */
extern const weir_flow reporting_flow;

#endif
