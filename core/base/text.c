/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Text as events carry it.
 *
 * Everything that a process can choose (arguments, file names, its comm) is bytes, and JSON is
 * text. So bytes are checked here first, quickly, because nearly all are ASCII; what isn't UTF-8 is
 * repaired by the one practice that other tools share, so that a reader who decodes the exact bytes
 * (base64) with any of them gets the same text that we wrote.
 */
#include <string.h>

#include "base/text.h"

/* By lead byte (Unicode 15, table 3-7): the range of the second byte, and the length. */
struct lead {
        uint8_t low, high;
        uint8_t length; /* of the whole sequence; 0: cannot lead one */
};

static struct lead classify_lead(uint8_t byte)
{
        if (byte >= 0xc2 && byte <= 0xdf)
                return (struct lead){ 0x80, 0xbf, 2 };
        if (byte == 0xe0)
                return (struct lead){ 0xa0, 0xbf, 3 };
        if (byte == 0xed)
                return (struct lead){ 0x80, 0x9f, 3 }; /* no surrogates */
        if (byte >= 0xe1 && byte <= 0xef)
                return (struct lead){ 0x80, 0xbf, 3 };
        if (byte == 0xf0)
                return (struct lead){ 0x90, 0xbf, 4 };
        if (byte == 0xf4)
                return (struct lead){ 0x80, 0x8f, 4 };
        if (byte >= 0xf1 && byte <= 0xf3)
                return (struct lead){ 0x80, 0xbf, 4 };
        return (struct lead){ 0, 0, 0 };
}

struct text_unit text_unit(const uint8_t *p, size_t left)
{
        struct text_unit unit = { .size = 1 };
        struct lead lead;

        if (p[0] < 0x80) {
                unit.character = p[0];
                unit.is_valid = p[0] != 0;
                return unit;
        }
        lead = classify_lead(p[0]);
        if (lead.length == 0 || left < 2 || p[1] < lead.low || p[1] > lead.high)
                return unit;
        unit.character = (p[0] & (0x7fU >> lead.length)) << 6 | (p[1] & 0x3f);
        for (unit.size = 2; unit.size < lead.length; unit.size++) {
                if (unit.size == left || (p[unit.size] & 0xc0) != 0x80)
                        return unit;
                unit.character = unit.character << 6 | (p[unit.size] & 0x3f);
        }
        unit.is_valid = true;
        return unit;
}

/* How many bytes from the start are in 0x01..0x7f, rounded down to what is cheap to find. */
static size_t ascii_prefix(const uint8_t *p, size_t size)
{
        const uint64_t ones = UINT64_C(0x0101010101010101);
        uint64_t word;
        size_t n = 0;

        /* A byte's high bit shows in `word` if it is not ASCII, in `word - ones` if it is NUL. */
        for (; size - n >= sizeof(word); n += sizeof(word)) {
                memcpy(&word, p + n, sizeof(word));
                if ((word | (word - ones)) & (ones << 7))
                        break;
        }
        return n;
}

bool text_is_valid(struct span s)
{
        const uint8_t *p = (const uint8_t *)s.data;
        struct text_unit unit;
        size_t n = 0;

        while (n < s.size) {
                n += ascii_prefix(p + n, s.size - n);
                if (n == s.size)
                        break;
                unit = text_unit(p + n, s.size - n);
                if (!unit.is_valid)
                        return false;
                n += unit.size;
        }
        return true;
}

void text_repair(struct span s, struct buf *ret)
{
        const uint8_t *p = (const uint8_t *)s.data;
        size_t n = 0, done = 0; /* done: up to here it is in `ret` */

        while (n < s.size) {
                struct text_unit unit = text_unit(p + n, s.size - n);

                if (!unit.is_valid) {
                        buf_append(ret, p + done, n - done);
                        buf_append(ret, TEXT_REPLACEMENT, sizeof(TEXT_REPLACEMENT) - 1);
                        done = n + unit.size;
                }
                n += unit.size;
        }
        if (done < s.size)
                buf_append(ret, p + done, s.size - done);
}

size_t text_count_nuls(struct span s)
{
        const uint64_t ones = UINT64_C(0x0101010101010101), lows = ones * 0x7f;
        uint64_t word;
        size_t count = 0, n = 0;

        /* A bit for each byte that is 0, without carries between them; the product adds them up. */
        for (; s.size - n >= sizeof(word); n += sizeof(word)) {
                memcpy(&word, s.data + n, sizeof(word));
                word = ~(((word & lows) + lows) | word | lows) >> 7;
                count += word * ones >> 56;
        }
        for (; n < s.size; n++)
                count += s.data[n] == '\0';
        return count;
}

void text_base64(struct span s, struct buf *ret)
{
        static const char digits[] =
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        const uint8_t *p = (const uint8_t *)s.data;
        size_t n;
        char *out;

        out = buf_reserve(ret, text_base64_size(s.size));
        if (!out)
                return;
        ret->size += text_base64_size(s.size);
        for (n = 0; s.size - n >= 3; n += 3) {
                *out++ = digits[p[n] >> 2];
                *out++ = digits[(p[n] & 0x03) << 4 | p[n + 1] >> 4];
                *out++ = digits[(p[n + 1] & 0x0f) << 2 | p[n + 2] >> 6];
                *out++ = digits[p[n + 2] & 0x3f];
        }
        if (n == s.size)
                return;
        *out++ = digits[p[n] >> 2];
        if (s.size - n == 1) {
                *out++ = digits[(p[n] & 0x03) << 4];
                *out++ = '=';
        } else {
                *out++ = digits[(p[n] & 0x03) << 4 | p[n + 1] >> 4];
                *out++ = digits[(p[n + 1] & 0x0f) << 2];
        }
        *out = '=';
}

static void put_digits(char *p, unsigned n, uint32_t value)
{
        for (; n > 0; n--, value /= 10)
                p[n - 1] = (char)('0' + value % 10);
}

struct date {
        int64_t year;
        uint32_t month, day; /* from 1 */
};

/*
 * Proleptic Gregorian date of a day counted from 1970-01-01, without gmtime_r() and its lock. Years
 * are counted from March, so that the leap day comes last; 719,468 is the number of days from
 * 0000-03-01 on, 146,097 that of an era of 400 years; months from March have 153 days in five.
 */
static struct date date_of_day(int64_t days)
{
        int64_t era, year;
        uint32_t day, year_of_era, month;

        days += 719468;
        era = (days >= 0 ? days : days - 146096) / 146097;
        day = (uint32_t)(days - era * 146097);
        year_of_era = (day - day / 1460 + day / 36524 - day / 146096) / 365;
        day -= 365 * year_of_era + year_of_era / 4 - year_of_era / 100;
        month = (5 * day + 2) / 153;
        day = day - (153 * month + 2) / 5 + 1;
        year = era * 400 + year_of_era;
        if (month < 10)
                return (struct date){ year, month + 3, day };
        return (struct date){ year + 1, month - 9, day };
}

/* 0000-01-01T00:00:00Z and 9999-12-31T23:59:59Z */
#define TIME_FIRST INT64_C(-62167219200)
#define TIME_LAST INT64_C(253402300799)

bool text_has_time(int64_t sec, uint32_t nsec)
{
        return sec >= TIME_FIRST && sec <= TIME_LAST && nsec < NSEC_PER_SEC;
}

bool text_time(int64_t sec, uint32_t nsec, char ret[static TEXT_TIME_SIZE])
{
        struct date date;
        uint32_t second;

        if (!text_has_time(sec, nsec))
                return false;
        second = (uint32_t)((sec - TIME_FIRST) % 86400); /* that is a midnight, and not later */
        date = date_of_day((sec - second) / 86400);

        memcpy(ret, "0000-00-00T00:00:00.000000000Z", TEXT_TIME_SIZE);
        put_digits(ret, 4, (uint32_t)date.year);
        put_digits(ret + 5, 2, date.month);
        put_digits(ret + 8, 2, date.day);
        put_digits(ret + 11, 2, second / 3600);
        put_digits(ret + 14, 2, second / 60 % 60);
        put_digits(ret + 17, 2, second % 60);
        put_digits(ret + 20, 9, nsec);
        return true;
}

size_t text_hex(uint64_t value, char ret[static TEXT_HEX_SIZE])
{
        static const char digits[] = "0123456789abcdef";
        size_t size = value == 0 ? 1 : (67 - (size_t)__builtin_clzll(value)) / 4;

        ret[size] = '\0';
        for (size_t n = size; n > 0; n--, value >>= 4)
                ret[n - 1] = digits[value & 0xf];
        return size;
}
