#include "mcc_text.h"

static void add_char(mcc_text *text, char c) {
  if (text->length + 1 < sizeof text->chars) {
    text->chars[text->length] = c;
    text->length += 1;
    text->chars[text->length] = '\0';
  }
}

void mcc_text_clear(mcc_text *text) {
  text->length = 0;
  text->chars[0] = '\0';
}

void mcc_text_add(mcc_text *text, const char *more) {
  while (*more != '\0') {
    add_char(text, *more);
    more += 1;
  }
}

void mcc_text_add_decimal(mcc_text *text, size_t value) {
  char digits[24];
  size_t count = 0;
  do {
    digits[count] = "0123456789"[value % 10];
    count += 1;
    value /= 10;
  } while (value != 0);
  while (count > 0) {
    count -= 1;
    add_char(text, digits[count]);
  }
}

void mcc_text_add_hex32(mcc_text *text, uint32_t value) {
  for (unsigned shift = 32; shift > 0; shift -= 4) {
    add_char(text, "0123456789abcdef"[(value >> (shift - 4)) & 15u]);
  }
}
