/* What the harness needs from the world: files, two text streams and the command line.
 * io_stdio.c provides it where there is an operating system, io_semihosting.c on bare metal. */
#ifndef MCC_IO_H
#define MCC_IO_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum mcc_io_status { MCC_IO_OK, MCC_IO_ABSENT, MCC_IO_WRONG_SIZE, MCC_IO_FAILED } mcc_io_status;

/* Reads a whole file that must hold exactly `bytes` bytes. MCC_IO_ABSENT: there is no such file.
 * MCC_IO_WRONG_SIZE: it has another size, which is put into *found. */
mcc_io_status mcc_io_read(const char *path, void *data, size_t bytes, size_t *found);

/* Creates or replaces a file. */
mcc_io_status mcc_io_write(const char *path, const void *data, size_t bytes);

/* Both write the text as it is: lines bring their own '\n'. */
void mcc_io_print(const char *text);
void mcc_io_print_error(const char *text);

/* The harness itself (main.c); called by each implementation's entry point. Returns the exit status. */
int mcc_main(int argc, char *const *argv);

/* Bare metal only: the start-up code calls mcc_io_start once memory is ready, a fault ends in mcc_io_exit. */
void mcc_io_start(void);
void mcc_io_exit(int status);

#ifdef __cplusplus
}
#endif

#endif
