/* A plugin for qemu (API version 1, as in Debian's qemu 7.2) that counts every executed instruction by its address, between
 * the first arrival at `begin` and the next one at `end`. Arguments: begin=0x…, end=0x…, base=0x… (where the code starts),
 * bytes=N (how long it is), out=FILE. The file gets a line "ADDRESS COUNT" (hexadecimal, decimal) for each address that was
 * executed, in ascending order. Counts do not depend on time: two runs give the same file.
 *
 * The few declarations of the plugin interface that are used stand here, so no header of qemu's is needed. */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VISIBLE __attribute__((visibility("default")))

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef void (*block_callback)(qemu_plugin_id_t id, struct qemu_plugin_tb *block);
typedef void (*instruction_callback)(unsigned int cpu, void *data);
typedef void (*exit_callback)(qemu_plugin_id_t id, void *data);

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, block_callback callback);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, instruction_callback callback, int flags,
                                            void *data);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, exit_callback callback, void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *block, size_t index);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);

VISIBLE int qemu_plugin_version = 1;
VISIBLE int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv);

static uint64_t begin_address;
static uint64_t end_address;
static uint64_t base;
static uint64_t halfwords;
static const char *out_path;
static uint64_t *counts;
static enum { WAITING, COUNTING, DONE } state = WAITING;

static void executed(unsigned int cpu, void *data) {
  (void)cpu;
  const uint64_t address = (uint64_t)(uintptr_t)data;
  if (state == WAITING && address == begin_address) {
    state = COUNTING;
  } else if (state == COUNTING && address == end_address) {
    state = DONE;
  } else if (state == COUNTING && address - base < 2 * halfwords) {
    counts[(address - base) / 2] += 1;
  }
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *block) {
  (void)id;
  for (size_t i = 0; i < qemu_plugin_tb_n_insns(block); i += 1) {
    struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(block, i);
    qemu_plugin_register_vcpu_insn_exec_cb(insn, executed, 0, (void *)(uintptr_t)qemu_plugin_insn_vaddr(insn));
  }
}

static void finished(qemu_plugin_id_t id, void *data) {
  (void)id;
  (void)data;
  FILE *file = state == DONE ? fopen(out_path, "w") : NULL;
  if (file == NULL) {
    fprintf(stderr, "count: %s\n", state == DONE ? "cannot write the counts" : "begin or end was never reached");
    return;
  }
  for (uint64_t i = 0; i < halfwords; i += 1) {
    if (counts[i] > 0) {
      fprintf(file, "%" PRIx64 " %" PRIu64 "\n", base + 2 * i, counts[i]);
    }
  }
  fclose(file);
}

static int take(const char *argument) {
  const char *value = strchr(argument, '=');
  if (value == NULL) {
    return 0;
  }
  const size_t length = (size_t)(value - argument);
  value += 1;
  if (length == 5 && strncmp(argument, "begin", length) == 0) {
    begin_address = strtoull(value, NULL, 0);
  } else if (length == 3 && strncmp(argument, "end", length) == 0) {
    end_address = strtoull(value, NULL, 0);
  } else if (length == 4 && strncmp(argument, "base", length) == 0) {
    base = strtoull(value, NULL, 0);
  } else if (length == 5 && strncmp(argument, "bytes", length) == 0) {
    halfwords = strtoull(value, NULL, 0) / 2 + 1;
  } else if (length == 3 && strncmp(argument, "out", length) == 0) {
    out_path = strdup(value);
  } else {
    return 0;
  }
  return 1;
}

int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv) {
  (void)info;
  for (int i = 0; i < argc; i += 1) {
    if (!take(argv[i])) {
      fprintf(stderr, "count: unknown argument %s\n", argv[i]);
      return 1;
    }
  }
  counts = calloc(halfwords, sizeof *counts);
  if (counts == NULL || out_path == NULL) {
    fprintf(stderr, "count: begin, end, base, bytes and out are needed\n");
    return 1;
  }
  qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
  qemu_plugin_register_atexit_cb(id, finished, NULL);
  return 0;
}
