/* SPDX-License-Identifier: Apache-2.0 */
/* tasks.h - the tasks that flows share. A task knows no flow, and everything it needs is a parameter. */
#ifndef TASKS_TASKS_H
#define TASKS_TASKS_H

#include <weir.h>

/* {path} -> the lines of a text file, without their ends, null for one that is not UTF-8; null when there is no such file. */
extern const weir_task read_lines_task;

/* {path, text} -> the path. The file is there whole or not at all; its folder is made. */
extern const weir_task write_text_task;

/* {shop, lines} -> {"shop", "orders", "cents", "refused"}; lines may be null: then orders is null too. */
extern const weir_task sum_sales_task;

#endif
