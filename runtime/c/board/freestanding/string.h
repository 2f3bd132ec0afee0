/* The part of <string.h> that emitted code and the harness use, for compilers that come without a C library. */
#ifndef MCC_STRING_H
#define MCC_STRING_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

void *memcpy(void *destination, const void *source, size_t bytes);
void *memmove(void *destination, const void *source, size_t bytes);
void *memset(void *destination, int value, size_t bytes);
int memcmp(const void *left, const void *right, size_t bytes);
int strcmp(const char *left, const char *right);
size_t strlen(const char *text);

#ifdef __cplusplus
}
#endif

#endif
