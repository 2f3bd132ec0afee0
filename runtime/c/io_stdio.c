/* mcc_io.h on an operating system: C's own files and streams. */
#include "mcc_io.h"

#include <errno.h>
#include <stdio.h>

mcc_io_status mcc_io_read(const char *path, void *data, size_t bytes, size_t *found) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) {
    return errno == ENOENT ? MCC_IO_ABSENT : MCC_IO_FAILED;
  }
  mcc_io_status status = MCC_IO_FAILED;
  if (fseek(file, 0, SEEK_END) == 0) {
    long size = ftell(file);
    if (size >= 0 && fseek(file, 0, SEEK_SET) == 0) {
      *found = (size_t)size;
      if (*found != bytes) {
        status = MCC_IO_WRONG_SIZE;
      } else if (fread(data, 1, bytes, file) == bytes) {
        status = MCC_IO_OK;
      }
    }
  }
  fclose(file);
  return status;
}

mcc_io_status mcc_io_write(const char *path, const void *data, size_t bytes) {
  FILE *file = fopen(path, "wb");
  if (file == NULL) {
    return MCC_IO_FAILED;
  }
  size_t written = fwrite(data, 1, bytes, file);
  int closed = fclose(file);
  return written == bytes && closed == 0 ? MCC_IO_OK : MCC_IO_FAILED;
}

void mcc_io_print(const char *text) { fputs(text, stdout); }

void mcc_io_print_error(const char *text) {
  fflush(stdout);
  fputs(text, stderr);
}

int main(int argc, char **argv) { return mcc_main(argc, argv); }
