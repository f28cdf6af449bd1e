/* SPDX-License-Identifier: Apache-2.0 */
/* settings.h - what may differ from one machine to the next. */
#ifndef CONFIG_SETTINGS_H
#define CONFIG_SETTINGS_H

#include <weir.h>

/* Read once, before the first flow; never changed afterwards. */
struct settings {
	const char *data_folder;   /* a folder for each day, in it a file SHOP.csv for each shop */
	const char *report_folder; /* where reports are written */
	json_t *shops;             /* their names, an array of strings */
	const char *currency;      /* "CNY" */
};

extern struct settings settings;

/* From the environment and the file: 0, or an error code with every wrong setting named in the problem. */
int settings_read(const char *env_file, weir_problem *problem);

#endif
