/* Plain and small; weak, so that a C library's own versions win where one is linked. */
#include <string.h>

#include <stdint.h>

/* Or gcc would turn the loop of memcpy into a call of memcpy. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("no-tree-loop-distribute-patterns")
#endif
#define WEAK __attribute__((weak))

static int both_aligned(uintptr_t a, uintptr_t b) { return ((a | b) & (sizeof(uint32_t) - 1)) == 0; }

/* Words may alias whatever type the caller's bytes have. */
typedef uint32_t __attribute__((may_alias)) word;

WEAK void *memcpy(void *destination, const void *source, size_t bytes) {
  uint8_t *to = (uint8_t *)destination;
  const uint8_t *from = (const uint8_t *)source;
  size_t i = 0;
  if (both_aligned((uintptr_t)to, (uintptr_t)from)) {
    for (; i + sizeof(word) <= bytes; i += sizeof(word)) {
      *(word *)(void *)(to + i) = *(const word *)(const void *)(from + i);
    }
  }
  for (; i < bytes; i += 1) {
    to[i] = from[i];
  }
  return destination;
}

WEAK void *memmove(void *destination, const void *source, size_t bytes) {
  uint8_t *to = (uint8_t *)destination;
  const uint8_t *from = (const uint8_t *)source;
  if ((uintptr_t)to <= (uintptr_t)from) {
    for (size_t i = 0; i < bytes; i += 1) {
      to[i] = from[i];
    }
  } else {
    for (size_t i = bytes; i > 0; i -= 1) {
      to[i - 1] = from[i - 1];
    }
  }
  return destination;
}

WEAK void *memset(void *destination, int value, size_t bytes) {
  uint8_t *to = (uint8_t *)destination;
  for (size_t i = 0; i < bytes; i += 1) {
    to[i] = (uint8_t)value;
  }
  return destination;
}

WEAK int memcmp(const void *left, const void *right, size_t bytes) {
  const uint8_t *a = (const uint8_t *)left;
  const uint8_t *b = (const uint8_t *)right;
  for (size_t i = 0; i < bytes; i += 1) {
    if (a[i] != b[i]) {
      return a[i] < b[i] ? -1 : 1;
    }
  }
  return 0;
}

WEAK int strcmp(const char *left, const char *right) {
  size_t i = 0;
  while (left[i] != '\0' && left[i] == right[i]) {
    i += 1;
  }
  return (uint8_t)left[i] - (uint8_t)right[i];
}

WEAK size_t strlen(const char *text) {
  size_t length = 0;
  while (text[length] != '\0') {
    length += 1;
  }
  return length;
}
