/* One line of text put together without printf: longer text is cut off, never overrun. */
#ifndef MCC_TEXT_H
#define MCC_TEXT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mcc_text {
  char chars[256]; /* always ends with '\0' */
  size_t length;
} mcc_text;

void mcc_text_clear(mcc_text *text);
void mcc_text_add(mcc_text *text, const char *more);
void mcc_text_add_decimal(mcc_text *text, size_t value);
void mcc_text_add_hex32(mcc_text *text, uint32_t value); /* eight lower-case digits */

#ifdef __cplusplus
}
#endif

#endif
