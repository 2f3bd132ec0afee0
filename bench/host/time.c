/* Times the model on this machine: takes input k from in_0_<k>.bin, leaves output k in out_0_<k>.bin, and prints the median
 * and the least of the batches in milliseconds of one inference. As bench/web/measure.js: 600 ms of warm-up, batches of 15 ms,
 * at least 0.7 s of them and at least 7. */
#define _POSIX_C_SOURCE 200809L
#include "mcc_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define WARM_UP_MS 600.0
#define BATCH_MS 15.0
#define TOTAL_MS 700.0
#define MIN_BATCHES 7
#define MAX_BATCHES 1000

static double now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

static double batch_ms(long count) {
  const double start = now_ms();
  for (long i = 0; i < count; i += 1) {
    mcc_the_model.run();
  }
  return now_ms() - start;
}

static int transfer(const mcc_tensor *tensor, const char *prefix, size_t k, const char *mode) {
  char name[64];
  snprintf(name, sizeof name, "%s_0_%zu.bin", prefix, k);
  FILE *file = fopen(name, mode);
  if (file == NULL) {
    fprintf(stderr, "time: cannot open %s\n", name);
    return 1;
  }
  const size_t done = mode[0] == 'r' ? fread(tensor->data, 1, tensor->bytes, file) : fwrite(tensor->data, 1, tensor->bytes, file);
  fclose(file);
  return done == tensor->bytes ? 0 : 1;
}

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a;
  const double y = *(const double *)b;
  return (x > y) - (x < y);
}

int main(void) {
  static double batches[MAX_BATCHES];
  for (size_t k = 0; k < mcc_the_model.input_count; k += 1) {
    if (transfer(&mcc_the_model.inputs[k], "in", k, "rb") != 0) return 1;
  }
  if (mcc_the_model.reset != NULL) mcc_the_model.reset();
  if (mcc_the_model.run() != 0) return 1;
  for (size_t k = 0; k < mcc_the_model.output_count; k += 1) {
    if (transfer(&mcc_the_model.outputs[k], "out", k, "wb") != 0) return 1;
  }
  long count = 1;
  for (double warm = 0; warm < WARM_UP_MS;) {
    const double ms = batch_ms(count);
    warm += ms;
    if (ms < BATCH_MS) count = ms < 1 ? 2 * count : (long)((double)count * BATCH_MS / ms) + 1;
  }
  int n = 0;
  for (double total = 0; n < MAX_BATCHES && (total < TOTAL_MS || n < MIN_BATCHES); n += 1) {
    const double ms = batch_ms(count);
    total += ms;
    batches[n] = ms / (double)count;
  }
  qsort(batches, (size_t)n, sizeof batches[0], ascending);
  printf("%.9f %.9f\n", batches[n / 2], batches[0]);
  return 0;
}
