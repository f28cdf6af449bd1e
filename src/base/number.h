/* SPDX-License-Identifier: Apache-2.0 */
/* number.h - numbers and their text, exactly and in every locale alike: always "." as the decimal point. */
#ifndef WEIR_BASE_NUMBER_H
#define WEIR_BASE_NUMBER_H

#include "base/cursor.h"

enum {
	INTEGER_TEXT_SIZE = 20, /* "-9223372036854775808" */
	REAL_TEXT_SIZE = 32,
};

/*
 * Step over a number as JSON writes it (RFC 8259: -0.5e+10). False when there is none; the cursor then stands at the
 * character that is wrong.
 */
bool number_skip(struct cursor *cursor);

/* Is the whole text a number as JSON writes it? */
bool number_is_valid(struct str text);

/* The nearest double to a valid number; infinite when it is too large. */
double real_parse(struct str number);

/* The number times a power of ten up to 1e6, to the nearest integer: the fraction alone is rounded, so that large numbers
   stay exact. False when it is no number or does not fit. */
bool real_scale(double number, int64_t factor, int64_t *out);

/* The value of a valid number that is integral ("3", "3.0", "1e3") and fits. False for others. */
bool integer_parse(struct str number, int64_t *out);

/*
 * The shortest digits that read back as the same finite double, laid out as Python prints it: 1.0, 0.1, 1e-05, 1e+16.
 * Return the length; no NUL is written.
 */
size_t real_write(double value, char out[REAL_TEXT_SIZE]);
size_t integer_write(int64_t value, char out[INTEGER_TEXT_SIZE]);

/* A number in text, exact to nine decimal places. */
struct decimal {
	bool negative;
	int64_t whole;      /* INT64_MAX when larger */
	int32_t billionths; /* 0 to 999999999 */
};

/* Read digits with an optional sign, and point among, before or after them. False when the text is anything else. */
bool decimal_parse(struct str text, struct decimal *out);

#endif
