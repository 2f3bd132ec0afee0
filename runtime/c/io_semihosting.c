/* mcc_io.h on bare metal: a debugger or emulator does the I/O ("Semihosting for AArch32 and
 * AArch64" by Arm, which RISC-V took over with its own trap sequence). */
#include "mcc_io.h"

#include "board/semihosting.h"

#include <string.h>

enum { SYS_OPEN = 0x01, SYS_CLOSE = 0x02, SYS_WRITE = 0x05, SYS_READ = 0x06, SYS_FLEN = 0x0c };
enum { SYS_GET_CMDLINE = 0x15, SYS_EXIT_EXTENDED = 0x20 };
enum { MODE_READ_BINARY = 1, MODE_WRITE = 4, MODE_WRITE_BINARY = 5, MODE_APPEND = 8 };
#define STOPPED_APPLICATION_EXIT 0x20026u
#define INVALID_HANDLE (-1)
#define MAX_ARGUMENTS 8

static int32_t open_file(const char *path, uint32_t mode) {
  uintptr_t block[3];
  block[0] = (uintptr_t)path;
  block[1] = mode;
  block[2] = strlen(path);
  return mcc_semihosting_call(SYS_OPEN, block);
}

static void close_file(int32_t handle) {
  uintptr_t block[1];
  block[0] = (uintptr_t)handle;
  mcc_semihosting_call(SYS_CLOSE, block);
}

/* SYS_READ and SYS_WRITE answer how many bytes they did NOT transfer. */
static int transfer_all(uint32_t operation, int32_t handle, uintptr_t data, size_t bytes) {
  uintptr_t block[3];
  block[0] = (uintptr_t)handle;
  block[1] = data;
  block[2] = bytes;
  return mcc_semihosting_call(operation, block) == 0;
}

/* Any failure to open counts as absent: without a file system there is no better answer. */
mcc_io_status mcc_io_read(const char *path, void *data, size_t bytes, size_t *found) {
  int32_t handle = open_file(path, MODE_READ_BINARY);
  if (handle == INVALID_HANDLE) {
    return MCC_IO_ABSENT;
  }
  mcc_io_status status = MCC_IO_FAILED;
  uintptr_t block[1];
  block[0] = (uintptr_t)handle;
  int32_t size = mcc_semihosting_call(SYS_FLEN, block);
  if (size >= 0) {
    *found = (size_t)size;
    if (*found != bytes) {
      status = MCC_IO_WRONG_SIZE;
    } else if (bytes == 0 || transfer_all(SYS_READ, handle, (uintptr_t)data, bytes)) {
      status = MCC_IO_OK;
    }
  }
  close_file(handle);
  return status;
}

mcc_io_status mcc_io_write(const char *path, const void *data, size_t bytes) {
  int32_t handle = open_file(path, MODE_WRITE_BINARY);
  if (handle == INVALID_HANDLE) {
    return MCC_IO_FAILED;
  }
  int written = bytes == 0 || transfer_all(SYS_WRITE, handle, (uintptr_t)data, bytes);
  close_file(handle);
  return written ? MCC_IO_OK : MCC_IO_FAILED;
}

/* The special file ":tt" is the console: opened for writing it is standard output, for appending standard error. */
static void write_console(const char *text, uint32_t mode) {
  int32_t handle = open_file(":tt", mode);
  if (handle != INVALID_HANDLE) {
    transfer_all(SYS_WRITE, handle, (uintptr_t)text, strlen(text));
    close_file(handle);
  }
}

void mcc_io_print(const char *text) { write_console(text, MODE_WRITE); }

void mcc_io_print_error(const char *text) { write_console(text, MODE_APPEND); }

void mcc_io_exit(int status) {
  uintptr_t block[2];
  block[0] = STOPPED_APPLICATION_EXIT;
  block[1] = (uintptr_t)status;
  for (;;) {
    mcc_semihosting_call(SYS_EXIT_EXTENDED, block);
  }
}

/* Splits the text at spaces, in place; the words after the last slot are dropped. */
static int split_words(char *text, char **words) {
  int count = 0;
  while (count < MAX_ARGUMENTS) {
    while (*text == ' ') {
      text += 1;
    }
    if (*text == '\0') {
      break;
    }
    words[count] = text;
    count += 1;
    while (*text != ' ' && *text != '\0') {
      text += 1;
    }
    if (*text == ' ') {
      *text = '\0';
      text += 1;
    }
  }
  return count;
}

void mcc_io_start(void) {
  char line[256];
  char *words[MAX_ARGUMENTS];
  uintptr_t block[2];
  block[0] = (uintptr_t)line;
  block[1] = sizeof line;
  int count = 0;
  if (mcc_semihosting_call(SYS_GET_CMDLINE, block) == 0) {
    line[sizeof line - 1] = '\0';
    count = split_words(line, words);
  }
  mcc_io_exit(mcc_main(count, words));
}
