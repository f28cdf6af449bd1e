/* SPDX-License-Identifier: Apache-2.0 */
#include "base/number.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

bool number_skip(struct cursor *cursor)
{
	cursor_take(cursor, '-');
	if (!cursor_take(cursor, '0') && cursor_skip_digits(cursor) == 0)
		return false;
	if (cursor_take(cursor, '.') && cursor_skip_digits(cursor) == 0)
		return false;
	if (cursor_take(cursor, 'e') || cursor_take(cursor, 'E')) {
		if (!cursor_take(cursor, '-'))
			cursor_take(cursor, '+');
		return cursor_skip_digits(cursor) > 0;
	}
	return true;
}

bool number_is_valid(struct str text)
{
	struct cursor cursor = cursor_of(text);

	return number_skip(&cursor) && cursor_at_end(&cursor);
}

/* --- a valid number taken apart: digits times a power of ten --- */

enum { DIGITS_MAX = 19, EXPONENT_LIMIT = 1000000000 };

struct parts {
	bool negative;
	bool exact;      /* all significant digits are in `digits` */
	uint64_t digits; /* the first DIGITS_MAX significant ones, without trailing zeros */
	int64_t exponent;
};

/* Take one run of digits. Zeros are only counted until another digit follows them, so that trailing ones never fill up
   the place: `pending` is how many, `count` how many digits were taken. What does not fit is counted as if it were zeros,
   which keeps the exponent right. */
static void gather(struct cursor *cursor, struct parts *parts, size_t *count, size_t *pending)
{
	for (; is_digit(cursor_peek(cursor)); cursor->next++) {
		if (*cursor->next == '0') {
			*pending += *count > 0;
			continue;
		}
		if (*count + *pending + 1 > DIGITS_MAX) {
			parts->exact = false;
			(*pending)++;
			continue;
		}
		for (; *pending > 0; (*pending)--, (*count)++)
			parts->digits *= 10;
		parts->digits = parts->digits * 10 + (uint64_t)(*cursor->next - '0');
		(*count)++;
	}
}

/* Beyond the limit the sign of the exponent decides everything, since no text has that many digits to outweigh it: so it
   stays there and can't overflow. */
static int64_t take_exponent(struct cursor *cursor)
{
	bool negative = cursor_take(cursor, '-');
	int64_t exponent = 0;

	if (!negative)
		cursor_take(cursor, '+');
	for (; is_digit(cursor_peek(cursor)); cursor->next++)
		exponent = MIN(exponent * 10 + (*cursor->next - '0'), (int64_t)EXPONENT_LIMIT);
	return negative ? -exponent : exponent;
}

static struct parts take_apart(struct str number)
{
	struct cursor cursor = cursor_of(number);
	struct parts parts = { .exact = true };
	size_t count = 0, pending = 0;
	const char *fraction;

	parts.negative = cursor_take(&cursor, '-');
	gather(&cursor, &parts, &count, &pending);
	if (cursor_take(&cursor, '.')) {
		fraction = cursor.next;
		gather(&cursor, &parts, &count, &pending);
		parts.exponent = fraction - cursor.next;
	}
	parts.exponent += (int64_t)pending;
	if (cursor_take(&cursor, 'e') || cursor_take(&cursor, 'E'))
		parts.exponent += take_exponent(&cursor);
	return parts;
}

bool integer_parse(struct str number, int64_t *out)
{
	struct parts parts = take_apart(number);
	uint64_t limit = (uint64_t)INT64_MAX + (parts.negative ? 1 : 0);

	if (parts.digits == 0)
		parts.exponent = 0;
	/* What has more digits than fit is larger than 64 bits, or has a fraction. */
	if (!parts.exact || parts.exponent < 0 || parts.exponent >= DIGITS_MAX)
		return false;
	for (; parts.exponent > 0; parts.exponent--) {
		if (parts.digits > limit / 10)
			return false;
		parts.digits *= 10;
	}
	if (parts.digits > limit)
		return false;
	*out = (int64_t)(parts.negative ? 0 - parts.digits : parts.digits);
	return true;
}

/* --- doubles --- */

/* Made once and kept until the program ends. */
static locale_t c_locale;

static void make_locale(void)
{
	c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	ASSERT(c_locale);
}

/* The C library's correctly rounded conversion, without the program's locale. The text must end with a NUL. */
static double convert(const char *text)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, make_locale);
	return strtod_l(text, NULL, c_locale);
}

static double convert_copy(struct str number)
{
	char buffer[64];
	AUTO(freep) char *heap = number.length < sizeof buffer ? NULL : xmalloc(number.length + 1);
	char *copy = heap ? heap : buffer;

	memcpy(copy, number.data, number.length);
	copy[number.length] = '\0';
	return convert(copy);
}

/* Powers of ten that are doubles without rounding. */
static const double powers_of_ten[] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
	                                1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };

enum { EXACT_POWER_MAX = ARRAY_LENGTH(powers_of_ten) - 1 };

double real_parse(struct str number)
{
	struct parts parts = take_apart(number);
	double value = (double)parts.digits;

	/* One operation on two exact numbers rounds once, which is right; all else is left to the C library. */
	if (!parts.exact || parts.digits > UINT64_C(1) << 53 || parts.exponent > EXACT_POWER_MAX ||
	    parts.exponent < -EXACT_POWER_MAX)
		return convert_copy(number);
	if (parts.exponent < 0)
		value /= powers_of_ten[-parts.exponent];
	else
		value *= powers_of_ten[parts.exponent];
	return parts.negative ? -value : value;
}

bool real_scale(double number, int64_t factor, int64_t *out)
{
	double whole;
	double rest = modf(number, &whole) * (double)factor;
	int64_t scaled;

	/* Divided, the limit is far inside of what int64_t can hold, so the conversion is defined. NaN fails too. */
	if (!(fabs(whole) <= (double)(INT64_MAX / factor)))
		return false;
	return !__builtin_mul_overflow((int64_t)whole, factor, &scaled) &&
	       !__builtin_add_overflow(scaled, (int64_t)nearbyint(rest), out);
}

size_t integer_write(int64_t value, char out[INTEGER_TEXT_SIZE])
{
	char digits[INTEGER_TEXT_SIZE];
	char *first = digits + sizeof digits;
	uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	size_t length;

	do {
		*--first = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest > 0);
	if (value < 0)
		*--first = '-';
	length = (size_t)(digits + sizeof digits - first);
	memcpy(out, first, length);
	return length;
}

/* The significant digits of a positive double: 0.d1d2d3… times 10 to the point-th power. */
struct shortest {
	char digits[20];
	int count;
	int point;
};

static bool reads_back(const struct shortest *number, double value)
{
	char text[64];

	snprintf(text, sizeof text, "%.*se%d", number->count, number->digits, number->point - number->count);
	return convert(text) == value;
}

/* The next larger number of as many digits, which must not be all nines. */
static void step_up(struct shortest *number)
{
	char *last = &number->digits[number->count - 1];

	for (; *last == '9'; last--)
		*last = '0';
	++*last;
}

static void trim_zeros(struct shortest *number)
{
	while (number->count > 1 && number->digits[number->count - 1] == '0')
		number->count--;
}

/* Round to that many digits and check that they read back. Taking the digits out of the text one by one leaves the
   decimal point of the locale behind. */
static bool try_digits(double value, int count, struct shortest *out)
{
	char text[64];
	const char *next = text;
	bool right;
	int exponent;

	snprintf(text, sizeof text, "%.*e", count - 1, value);
	out->count = 0;
	for (; *next != 'e'; next++) {
		if (is_digit(*next))
			out->digits[out->count++] = *next;
	}
	out->point = (int)strtol(next + 1, NULL, 10) + 1;
	right = reads_back(out, value);
	/* Below a power of two doubles lie closer together than above it, unless they have few bits, so there the second
	   nearest number may be right. No double that is a power of two starts with 16 nines. */
	if (!right && count == DBL_DIG + 1 && frexp(value, &exponent) == 0.5) {
		step_up(out);
		right = reads_back(out, value);
	}
	trim_zeros(out);
	return right;
}

/* Few real values need more than their integer and six decimals (seconds with microseconds): such a value is an integer
   below 1e15 divided by 1e6, both exact, so the quotient that equals it proves that these digits read back as it. */
static bool try_millionths(double value, struct shortest *out)
{
	double scaled = nearbyint(value * 1e6);
	char text[INTEGER_TEXT_SIZE];
	int length;

	if (!(value < 1e9) || scaled / 1e6 != value)
		return false;
	length = (int)integer_write((int64_t)scaled, text);
	memcpy(out->digits, text, (size_t)length);
	out->point = length - 6;
	out->count = length;
	trim_zeros(out);
	return true;
}

/* Fifteen digits always survive in a double, unless it is so small that it has fewer bits than usual. */
static struct shortest find_shortest(double value)
{
	struct shortest shortest;
	int count = value < DBL_MIN ? 1 : DBL_DIG;

	if (try_millionths(value, &shortest))
		return shortest;
	while (!try_digits(value, count, &shortest))
		count++;
	return shortest;
}

static char *put(char *out, const char *text, int length)
{
	memcpy(out, text, (size_t)length);
	return out + length;
}

static char *put_zeros(char *out, int count)
{
	memset(out, '0', (size_t)count);
	return out + count;
}

static char *put_fixed(char *out, const struct shortest *number)
{
	int before = MIN(number->count, MAX(number->point, 0));

	if (number->point <= 0) {
		out = put(out, "0.", 2);
		out = put_zeros(out, -number->point);
		return put(out, number->digits, number->count);
	}
	out = put(out, number->digits, before);
	out = put_zeros(out, number->point - before);
	out = put(out, ".", 1);
	if (before == number->count)
		return put(out, "0", 1);
	return put(out, number->digits + before, number->count - before);
}

static char *put_exponential(char *out, const struct shortest *number)
{
	int exponent = number->point - 1;

	out = put(out, number->digits, 1);
	if (number->count > 1) {
		out = put(out, ".", 1);
		out = put(out, number->digits + 1, number->count - 1);
	}
	out = put(out, exponent < 0 ? "e-" : "e+", 2);
	if (abs(exponent) < 10)
		out = put(out, "0", 1);
	return out + integer_write(abs(exponent), out);
}

size_t real_write(double value, char out[REAL_TEXT_SIZE])
{
	struct shortest shortest;
	char *end = out;

	ASSERT(isfinite(value));
	if (signbit(value))
		end = put(end, "-", 1);
	if (value == 0)
		return (size_t)(put(end, "0.0", 3) - out);
	shortest = find_shortest(fabs(value));
	if (shortest.point > -4 && shortest.point <= 16)
		end = put_fixed(end, &shortest);
	else
		end = put_exponential(end, &shortest);
	return (size_t)(end - out);
}

/* --- decimal numbers in text --- */

static int64_t take_whole(struct cursor *cursor, size_t *digit_count)
{
	int64_t whole = 0;

	for (; is_digit(cursor_peek(cursor)); cursor->next++, (*digit_count)++) {
		if (__builtin_mul_overflow(whole, 10, &whole) ||
		    __builtin_add_overflow(whole, *cursor->next - '0', &whole))
			whole = INT64_MAX;
	}
	return whole;
}

bool decimal_parse(struct str text, struct decimal *out)
{
	struct cursor cursor = cursor_of(text);
	size_t digit_count = 0;

	*out = (struct decimal){ .negative = cursor_take(&cursor, '-') };
	if (!out->negative)
		cursor_take(&cursor, '+');
	out->whole = take_whole(&cursor, &digit_count);
	if (cursor_take(&cursor, '.') && cursor_take_fraction(&cursor, &out->billionths))
		digit_count++;
	return digit_count > 0 && cursor_at_end(&cursor);
}
