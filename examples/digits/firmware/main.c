/* Reads the sample digits with the compiled network and prints what it made of them.
 *
 * This is the whole application: the network is digits.c, which mcc wrote; start-up code, linker script and the
 * console (semihosting: a debugger or qemu shows the text) are runtime/c of mcc. On a board of yours, replace those by
 * what you have, and keep the call of digits_run. */
#include "digits.h"
#include "mcc_io.h"
#include "mcc_text.h"
#include "samples.h"

#define SIDE 28
#define DIGITS 10

static uint8_t arena[DIGITS_ARENA_BYTES] __attribute__((aligned(DIGITS_ARENA_ALIGN)));

/* Two rows of pixels make one line, because characters are about twice as high as wide. */
static void print_picture(const int8_t *pixels) {
  static const char shades[] = " .:-=+*#%@";
  for (int row = 0; row < SIDE; row += 2) {
    char line[SIDE + 2];
    for (int column = 0; column < SIDE; column += 1) {
      const int8_t *upper = pixels + row * SIDE + column;
      int ink = upper[0] + upper[SIDE] + 256; /* 0 to 510 */
      line[column] = shades[ink * (int)(sizeof shades - 1) / 511];
    }
    line[SIDE] = '\n';
    line[SIDE + 1] = '\0';
    mcc_io_print(line);
  }
}

static int most_probable(const int8_t *output) {
  int best = 0;
  for (int digit = 1; digit < DIGITS; digit += 1) {
    if (output[digit] > output[best]) {
      best = digit;
    }
  }
  return best;
}

/* "sample N label L answer A output 80807f…", the output's ten bytes in hexadecimal */
static void print_answer(int sample, int label, int answer, const int8_t *output) {
  static const char hexadecimal[] = "0123456789abcdef";
  char bytes[2 * DIGITS + 1];
  for (int digit = 0; digit < DIGITS; digit += 1) {
    uint8_t value = (uint8_t)output[digit];
    bytes[2 * digit] = hexadecimal[value >> 4];
    bytes[2 * digit + 1] = hexadecimal[value & 15];
  }
  bytes[2 * DIGITS] = '\0';

  mcc_text text;
  mcc_text_clear(&text);
  mcc_text_add(&text, "sample ");
  mcc_text_add_decimal(&text, (size_t)sample);
  mcc_text_add(&text, " label ");
  mcc_text_add_decimal(&text, (size_t)label);
  mcc_text_add(&text, " answer ");
  mcc_text_add_decimal(&text, (size_t)answer);
  mcc_text_add(&text, " output ");
  mcc_text_add(&text, bytes);
  mcc_text_add(&text, "\n");
  mcc_io_print(text.chars);
}

/* The start-up code of runtime/c comes here; the result is the exit status of qemu. */
int mcc_main(int argc, char *const *argv) {
  (void)argc;
  (void)argv;
  for (int sample = 0; sample < SAMPLE_COUNT; sample += 1) {
    static int8_t output[DIGITS];
    if (digits_run(sample_pixels[sample], output, arena) != 0) {
      mcc_io_print_error("digits_run reported an error\n");
      return 1;
    }
    print_picture(sample_pixels[sample]);
    print_answer(sample, sample_labels[sample], most_probable(output), output);
  }
  return 0;
}
