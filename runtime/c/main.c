/* Runs the model on files and prints what it answered. The same program on a PC, in node, under
 * qemu and on a board:
 *
 *   <program> [runs] [--keep-state]
 *
 * Run r takes input k from in_<r>_<k>.bin and leaves output k in out_<r>_<k>.bin, both in the
 * current directory, and prints "run R output K bytes B crc XXXXXXXX" (the CRC-32 of zlib).
 * An input without a file is filled with seeded bytes, and a line says so: a firmware runs and
 * prints CRCs that can be compared even where there are no files. State is reset before every
 * run, or with --keep-state before the first one only. */
#include "mcc_io.h"
#include "mcc_model.h"
#include "mcc_text.h"

#include <string.h>

/* Whatever is not state is undefined between runs, so a byte that is neither 0 nor the previous
 * run's shows a read of memory that nothing wrote, and an output that nothing wrote. */
#define POISON 0xa5

/* Four bits at a time: 64 bytes of table in flash rather than 1024. */
static uint32_t crc32_of(const void *data, size_t bytes) {
  static const uint32_t table[16] = {
      0x00000000u, 0x1db71064u, 0x3b6e20c8u, 0x26d930acu, 0x76dc4190u, 0x6b6b51f4u, 0x4db26158u, 0x5005713cu,
      0xedb88320u, 0xf00f9344u, 0xd6d6a3e8u, 0xcb61b38cu, 0x9b64c2b0u, 0x86d3d2d4u, 0xa00ae278u, 0xbdbdf21cu,
  };
  const uint8_t *p = (const uint8_t *)data;
  uint32_t crc = 0xffffffffu;
  for (size_t i = 0; i < bytes; i += 1) {
    crc ^= p[i];
    crc = (crc >> 4) ^ table[crc & 15u];
    crc = (crc >> 4) ^ table[crc & 15u];
  }
  return crc ^ 0xffffffffu;
}

static int fail(const mcc_text *message) {
  mcc_text line;
  mcc_text_clear(&line);
  mcc_text_add(&line, "mcc: ");
  mcc_text_add(&line, message->chars);
  mcc_text_add(&line, "\n");
  mcc_io_print_error(line.chars);
  return 1;
}

static void file_name(mcc_text *name, const char *prefix, size_t run, size_t index) {
  mcc_text_clear(name);
  mcc_text_add(name, prefix);
  mcc_text_add_decimal(name, run);
  mcc_text_add(name, "_");
  mcc_text_add_decimal(name, index);
  mcc_text_add(name, ".bin");
}

/* "run R input K" or "run R output K" */
static void begin_line(mcc_text *line, size_t run, const char *what, size_t index) {
  mcc_text_clear(line);
  mcc_text_add(line, "run ");
  mcc_text_add_decimal(line, run);
  mcc_text_add(line, what);
  mcc_text_add_decimal(line, index);
}

/* The linear congruential generator of Numerical Recipes (its "quick and dirty" ranqd1), top byte. */
static uint32_t fill_seeded(const mcc_tensor *input, uint32_t x) {
  uint8_t *p = (uint8_t *)input->data;
  for (size_t i = 0; i < input->bytes; i += 1) {
    x = x * 1664525u + 1013904223u;
    p[i] = (uint8_t)(x >> 24);
  }
  return x;
}

static int read_inputs(const mcc_model *model, size_t run) {
  uint32_t x = 12345u + 1000003u * (uint32_t)run;
  for (size_t k = 0; k < model->input_count; k += 1) {
    const mcc_tensor *input = &model->inputs[k];
    mcc_text text;
    size_t found = 0;
    file_name(&text, "in_", run, k);
    mcc_io_status status = mcc_io_read(text.chars, input->data, input->bytes, &found);
    if (status == MCC_IO_ABSENT) {
      x = fill_seeded(input, x);
      begin_line(&text, run, " input ", k);
      mcc_text_add(&text, " seeded\n");
      mcc_io_print(text.chars);
    } else if (status == MCC_IO_WRONG_SIZE) {
      mcc_text_add(&text, " has ");
      mcc_text_add_decimal(&text, found);
      mcc_text_add(&text, " bytes, but input ");
      mcc_text_add(&text, input->name);
      mcc_text_add(&text, " takes ");
      mcc_text_add_decimal(&text, input->bytes);
      return fail(&text);
    } else if (status != MCC_IO_OK) {
      mcc_text_add(&text, " cannot be read");
      return fail(&text);
    }
  }
  return 0;
}

static int write_outputs(const mcc_model *model, size_t run) {
  for (size_t k = 0; k < model->output_count; k += 1) {
    const mcc_tensor *output = &model->outputs[k];
    mcc_text text;
    file_name(&text, "out_", run, k);
    if (mcc_io_write(text.chars, output->data, output->bytes) != MCC_IO_OK) {
      mcc_text_add(&text, " cannot be written");
      return fail(&text);
    }
    begin_line(&text, run, " output ", k);
    mcc_text_add(&text, " bytes ");
    mcc_text_add_decimal(&text, output->bytes);
    mcc_text_add(&text, " crc ");
    mcc_text_add_hex32(&text, crc32_of(output->data, output->bytes));
    mcc_text_add(&text, "\n");
    mcc_io_print(text.chars);
  }
  return 0;
}

static void forget(const mcc_model *model) {
  if (model->arena != NULL) {
    memset(model->arena, POISON, model->arena_bytes);
  }
  if (model->reset != NULL) {
    model->reset();
  }
}

/* Empty functions around an inference, where a debugger, a trace or an instruction counter finds its two ends. */
#if defined(__GNUC__)
#define MARKER __attribute__((noinline)) void
#define KEEP() __asm__ volatile("")
#else
#define MARKER void
#define KEEP() (void)0
#endif
MARKER mcc_inference_begins(void);
MARKER mcc_inference_ends(void);
MARKER mcc_inference_begins(void) { KEEP(); }
MARKER mcc_inference_ends(void) { KEEP(); }

static int run_once(const mcc_model *model, size_t run, int keep_state) {
  if (read_inputs(model, run) != 0) {
    return 1;
  }
  if (run == 0 || !keep_state) {
    forget(model);
  }
  for (size_t k = 0; k < model->output_count; k += 1) {
    memset(model->outputs[k].data, POISON, model->outputs[k].bytes);
  }
  mcc_inference_begins();
  const int status = model->run();
  mcc_inference_ends();
  if (status != 0) {
    mcc_text text;
    mcc_text_clear(&text);
    mcc_text_add(&text, model->name);
    mcc_text_add(&text, ": the model's run function reported an error in run ");
    mcc_text_add_decimal(&text, run);
    return fail(&text);
  }
  return write_outputs(model, run);
}

/* Up to six decimal digits; returns 0 when the text is anything else. */
static int parse_count(const char *text, size_t *count) {
  size_t value = 0;
  size_t digits = 0;
  while (text[digits] >= '0' && text[digits] <= '9' && digits < 6) {
    value = value * 10 + (size_t)(text[digits] - '0');
    digits += 1;
  }
  *count = value;
  return digits > 0 && text[digits] == '\0';
}

int mcc_main(int argc, char *const *argv) {
  size_t runs = 1;
  int keep_state = 0;
  for (int i = 1; i < argc; i += 1) {
    if (strcmp(argv[i], "--keep-state") == 0) {
      keep_state = 1;
    } else if (!parse_count(argv[i], &runs)) {
      mcc_text text;
      mcc_text_clear(&text);
      mcc_text_add(&text, "expected a number of runs (0 to 999999) or --keep-state, found ");
      mcc_text_add(&text, argv[i]);
      return fail(&text);
    }
  }
  for (size_t run = 0; run < runs; run += 1) {
    if (run_once(&mcc_the_model, run, keep_state) != 0) {
      return 1;
    }
  }
  return 0;
}
