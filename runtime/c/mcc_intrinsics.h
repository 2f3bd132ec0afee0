/* The operations of mcc's kernels that C has no operator for, each with a portable definition and, where a target has an
 * instruction for it, that instruction. Both give the same bits. C99, and C++17 as well.
 *
 * Relied on, beyond the standard, because gcc, clang, armclang, IAR and MSVC define them so: int has 32 bits or more,
 * converting to a signed type wraps, and >> of a negative number is arithmetic. */
#ifndef MCC_INTRINSICS_H
#define MCC_INTRINSICS_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if INT_MAX < 2147483647
#error "mcc: int has fewer than 32 bits here, so 8-bit products would overflow; choose a 32-bit target"
#endif
#if (-1 >> 1) != -1
#error "mcc: >> of a negative number is not arithmetic here; choose another compiler"
#endif
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "mcc: the weights and the vector code are little-endian, this target is not"
#endif

/*@ about */
/* Every definition stands below a marker line that names what it defines, and uses only what stands above it, so that
 * emitted code can carry just the definitions it needs. What stands above the first marker is always carried. */

/*@ MCC_ALIGN */
#if defined(__GNUC__)
#define MCC_ALIGN(bytes) __attribute__((aligned(bytes)))
#elif defined(_MSC_VER)
#define MCC_ALIGN(bytes) __declspec(align(bytes))
#elif defined(__cplusplus)
#define MCC_ALIGN(bytes) alignas(bytes)
#else
#define MCC_ALIGN(bytes) _Alignas(bytes)
#endif

/*@ MCC_KERNEL */
/* Kernels stay functions of their own: the stack then holds one kernel's frame at a time, and a map file or a profile
 * shows each of them. */
#if defined(__GNUC__)
#define MCC_KERNEL static __attribute__((noinline)) void
#elif defined(_MSC_VER)
#define MCC_KERNEL static __declspec(noinline) void
#else
#define MCC_KERNEL static void
#endif

/*@ MCC_RESTRICT */
#if !defined(__cplusplus)
#define MCC_RESTRICT restrict
#elif defined(__GNUC__) || defined(_MSC_VER)
#define MCC_RESTRICT __restrict
#else
#define MCC_RESTRICT
#endif

/*@ MCC_HAS_SIMD32 */
/* The dual 16-bit instructions of Armv7E-M, of Armv8-M with the DSP extension, and of Armv6 and later. */
#if defined(__GNUC__) && defined(__ARM_FEATURE_SIMD32) && !defined(__aarch64__)
#define MCC_HAS_SIMD32 1
#else
#define MCC_HAS_SIMD32 0
#endif

/*@ MCC_HAS_THUMB2 */
/* Armv7-M and later, without Armv8-M Baseline: LDRD, MLA, and far loads of bytes with their sign. */
#if defined(__GNUC__) && defined(__thumb2__)
#define MCC_HAS_THUMB2 1
#else
#define MCC_HAS_THUMB2 0
#endif

/*@ MCC_HAS_THUMB1 */
/* Armv6-M and Armv8-M Baseline: 8 registers that multiply and load, and others that add. */
#if defined(__GNUC__) && defined(__thumb__) && !defined(__thumb2__)
#define MCC_HAS_THUMB1 1
#else
#define MCC_HAS_THUMB1 0
#endif

/*@ MCC_HAS_RV32M */
/* RISC-V of 32 bits with multiplication */
#if defined(__GNUC__) && defined(__riscv_mul) && defined(__riscv_xlen) && __riscv_xlen == 32
#define MCC_HAS_RV32M 1
#else
#define MCC_HAS_RV32M 0
#endif

/*@ MCC_JOIN */
/* Two tokens as one name; with __COUNTER__ a name that is new each time, so that macros may stand in each other's operands. */
#define MCC_JOIN_(a, b) a##b
#define MCC_JOIN(a, b) MCC_JOIN_(a, b)

/*@ MCC_LOW_REGISTER */
#if MCC_HAS_THUMB1
#define MCC_LOW_REGISTER(x) "l"(x)
#else
#define MCC_LOW_REGISTER(x) "r"(x)
#endif

/*@ MCC_INF_F32 MCC_INF_F64 MCC_NAN_F32 MCC_NAN_F64 */
#if defined(__GNUC__)
#define MCC_INF_F32 __builtin_inff()
#define MCC_INF_F64 __builtin_inf()
#define MCC_NAN_F32 __builtin_nanf("")
#define MCC_NAN_F64 __builtin_nan("")
#else
#include <math.h>
#define MCC_INF_F32 INFINITY
#define MCC_INF_F64 ((double)INFINITY)
#define MCC_NAN_F32 NAN
#define MCC_NAN_F64 ((double)NAN)
#endif

/*@ mcc_load_i8 */
static inline int32_t mcc_load_i8(const void *p) {
  int8_t v;
  memcpy(&v, p, sizeof v);
  return v;
}

/*@ mcc_load_u8 */
static inline int32_t mcc_load_u8(const void *p) {
  uint8_t v;
  memcpy(&v, p, sizeof v);
  return v;
}

/*@ mcc_load_i16 */
static inline int32_t mcc_load_i16(const void *p) {
  int16_t v;
  memcpy(&v, p, sizeof v);
  return v;
}

/*@ mcc_load_u16 */
static inline int32_t mcc_load_u16(const void *p) {
  uint16_t v;
  memcpy(&v, p, sizeof v);
  return v;
}

/*@ mcc_load_i32 */
/* Four bytes at any alignment; one load where the target allows that. */
static inline int32_t mcc_load_i32(const void *p) {
  int32_t v;
  memcpy(&v, p, sizeof v);
  return v;
}

/*@ mcc_load_i64 */
static inline int64_t mcc_load_i64(const void *p) {
  int64_t v;
  memcpy(&v, p, sizeof v);
  return v;
}

/*@ mcc_load_f32 */
static inline float mcc_load_f32(const void *p) {
  float v;
  memcpy(&v, p, sizeof v);
  return v;
}

/*@ mcc_load_f64 */
static inline double mcc_load_f64(const void *p) {
  double v;
  memcpy(&v, p, sizeof v);
  return v;
}

/*@ mcc_load_i8_ordered */
/* The byte that many bytes behind p with its sign, in the same way as the word below. Armv6-M loads bytes without their
 * sign, and no farther than 31 bytes. */
#if MCC_HAS_THUMB2 || MCC_HAS_THUMB1 || MCC_HAS_RV32M
#if MCC_HAS_THUMB2
#define MCC_LOAD_I8 "ldrsb %0, [%1, %2]"
#elif MCC_HAS_THUMB1
#define MCC_LOAD_I8 "ldrb %0, [%1, %2]\n\tsxtb %0, %0"
#else
#define MCC_LOAD_I8 "lb %0, %2(%1)"
#endif
#define mcc_load_i8_ordered(p, offset) MCC_LOAD_I8_NAMED(p, offset, MCC_JOIN(mcc_byte_, __COUNTER__))
#define MCC_LOAD_I8_NAMED(p, offset, byte)                                                                   \
  __extension__({                                                                                            \
    int32_t byte;                                                                                            \
    if (MCC_HAS_THUMB1 && (offset) > 31)                                                                     \
      byte = ((const int8_t *)(p))[offset];                                                                  \
    else                                                                                                     \
      __asm__ volatile(MCC_LOAD_I8                                                                           \
                       : "=" MCC_LOW_REGISTER(byte)                                                          \
                       : MCC_LOW_REGISTER(p), "n"(MCC_HAS_THUMB1 ? (offset) & 31 : (offset))                 \
                       : "memory");                                                                          \
    byte;                                                                                                    \
  })
#else
static inline int32_t mcc_load_i8_ordered(const void *p, int offset) { return ((const int8_t *)p)[offset]; }
#endif

/*@ mcc_load_u8_ordered */
/* the byte without a sign */
#if MCC_HAS_THUMB2 || MCC_HAS_THUMB1 || MCC_HAS_RV32M
#if MCC_HAS_RV32M
#define MCC_LOAD_U8 "lbu %0, %2(%1)"
#else
#define MCC_LOAD_U8 "ldrb %0, [%1, %2]"
#endif
#define mcc_load_u8_ordered(p, offset) MCC_LOAD_U8_NAMED(p, offset, MCC_JOIN(mcc_byte_, __COUNTER__))
#define MCC_LOAD_U8_NAMED(p, offset, byte)                                                                   \
  __extension__({                                                                                            \
    int32_t byte;                                                                                            \
    if (MCC_HAS_THUMB1 && (offset) > 31)                                                                     \
      byte = ((const uint8_t *)(p))[offset];                                                                 \
    else                                                                                                     \
      __asm__ volatile(MCC_LOAD_U8                                                                           \
                       : "=" MCC_LOW_REGISTER(byte)                                                          \
                       : MCC_LOW_REGISTER(p), "n"(MCC_HAS_THUMB1 ? (offset) & 31 : (offset))                 \
                       : "memory");                                                                          \
    byte;                                                                                                    \
  })
#else
static inline int32_t mcc_load_u8_ordered(const void *p, int offset) { return ((const uint8_t *)p)[offset]; }
#endif

/*@ mcc_load_i32_ordered */
/* The aligned word that many bytes behind p, by a load that stays where it is written, among the dual multiplies:
 * compilers that may move it load early, and those that may compute its address keep one for each; then they spill, since
 * a core has 14 registers. */
#if MCC_HAS_SIMD32 || MCC_HAS_THUMB2
#define mcc_load_i32_ordered(p, offset) MCC_LOAD_I32_NAMED(p, offset, MCC_JOIN(mcc_word_, __COUNTER__))
#define MCC_LOAD_I32_NAMED(p, offset, word)                                                                  \
  __extension__({                                                                                            \
    int32_t word;                                                                                            \
    __asm__ volatile("ldr %0, [%1, %2]" : "=r"(word) : "r"(p), "n"(offset) : "memory");                      \
    word;                                                                                                    \
  })
#else
static inline int32_t mcc_load_i32_ordered(const void *p, int offset) {
  int32_t v;
  memcpy(&v, (const char *)p + offset, sizeof v);
  return v;
}
#endif

/*@ mcc_load_i64_ordered */
/* two aligned words in the same way, the first below the second; not onto the address, which early Cortex-M3 lose then
 * (erratum 602117) */
#if MCC_HAS_SIMD32 || MCC_HAS_THUMB2
#define mcc_load_i64_ordered(p, offset)                                                                      \
  MCC_LOAD_I64_NAMED(p, offset, MCC_JOIN(mcc_low_, __COUNTER__), MCC_JOIN(mcc_high_, __COUNTER__))
#define MCC_LOAD_I64_NAMED(p, offset, low, high)                                                             \
  __extension__({                                                                                            \
    int32_t low;                                                                                             \
    int32_t high;                                                                                            \
    __asm__ volatile("ldrd %0, %1, [%2, %3]" : "=&r"(low), "=&r"(high) : "r"(p), "n"(offset) : "memory");    \
    (int64_t)(((uint64_t)(uint32_t)high << 32) | (uint32_t)low);                                             \
  })
#else
static inline int64_t mcc_load_i64_ordered(const void *p, int offset) {
  int64_t v;
  memcpy(&v, (const char *)p + offset, sizeof v);
  return v;
}
#endif

/*@ mcc_store_i8 */
static inline void mcc_store_i8(void *p, int32_t x) {
  const int8_t v = (int8_t)x;
  memcpy(p, &v, sizeof v);
}

/*@ mcc_store_u8 */
static inline void mcc_store_u8(void *p, int32_t x) {
  const uint8_t v = (uint8_t)x;
  memcpy(p, &v, sizeof v);
}

/*@ mcc_store_i16 */
static inline void mcc_store_i16(void *p, int32_t x) {
  const int16_t v = (int16_t)x;
  memcpy(p, &v, sizeof v);
}

/*@ mcc_store_u16 */
static inline void mcc_store_u16(void *p, int32_t x) {
  const uint16_t v = (uint16_t)x;
  memcpy(p, &v, sizeof v);
}

/*@ mcc_store_i32 */
static inline void mcc_store_i32(void *p, int32_t x) { memcpy(p, &x, sizeof x); }

/*@ mcc_store_i64 */
static inline void mcc_store_i64(void *p, int64_t x) { memcpy(p, &x, sizeof x); }

/*@ mcc_store_f32 */
static inline void mcc_store_f32(void *p, float x) { memcpy(p, &x, sizeof x); }

/*@ mcc_store_f64 */
static inline void mcc_store_f64(void *p, double x) { memcpy(p, &x, sizeof x); }

/*@ mcc_min */
static inline int32_t mcc_min(int32_t a, int32_t b) { return a < b ? a : b; }

/*@ mcc_max */
static inline int32_t mcc_max(int32_t a, int32_t b) { return a > b ? a : b; }

/*@ mcc_clamp */
/* x limited to [low, high] */
static inline int32_t mcc_clamp(int32_t x, int32_t low, int32_t high) { return x < low ? low : (x > high ? high : x); }

/*@ mcc_add_wrap */
/* modulo 2^32, as are sub_wrap and mul_wrap */
static inline int32_t mcc_add_wrap(int32_t a, int32_t b) { return (int32_t)((uint32_t)a + (uint32_t)b); }

/*@ mcc_sub_wrap */
static inline int32_t mcc_sub_wrap(int32_t a, int32_t b) { return (int32_t)((uint32_t)a - (uint32_t)b); }

/*@ mcc_mul_wrap */
static inline int32_t mcc_mul_wrap(int32_t a, int32_t b) { return (int32_t)((uint32_t)a * (uint32_t)b); }

/*@ mcc_rem */
/* The remainder with the sign of a. C leaves INT32_MIN % -1 undefined; here it is 0. */
static inline int32_t mcc_rem(int32_t a, int32_t b) { return b == -1 ? 0 : a % b; }

/*@ mcc_shl */
/* bits shifted out are lost */
static inline int32_t mcc_shl(int32_t a, int32_t n) { return (int32_t)((uint32_t)a << n); }

/*@ mcc_shr_u */
/* zeros come in at the top */
static inline int32_t mcc_shr_u(int32_t a, int32_t n) { return (int32_t)((uint32_t)a >> n); }

/*@ mcc_lt_u */
static inline int32_t mcc_lt_u(int32_t a, int32_t b) { return (uint32_t)a < (uint32_t)b; }

/*@ mcc_clz */
/* leading zero bits, 32 for 0 */
static inline int32_t mcc_clz(int32_t a) {
#if defined(__GNUC__)
  return a == 0 ? 32 : __builtin_clz((unsigned)a);
#else
  int32_t n = 0;
  for (uint32_t x = (uint32_t)a; n < 32 && (x & 0x80000000u) == 0; x <<= 1) {
    n += 1;
  }
  return n;
#endif
}

/*@ mcc_popcount */
static inline int32_t mcc_popcount(int32_t a) {
#if defined(__GNUC__) && (defined(__POPCNT__) || defined(__aarch64__) || defined(__wasm__))
  return __builtin_popcount((unsigned)a);
#else
  uint32_t x = (uint32_t)a;
  x = x - ((x >> 1) & 0x55555555u);
  x = (x & 0x33333333u) + ((x >> 2) & 0x33333333u);
  x = (x + (x >> 4)) & 0x0f0f0f0fu;
  return (int32_t)((x * 0x01010101u) >> 24);
#endif
}

/*@ mcc_extend8 */
/* the low byte as a signed number */
static inline int32_t mcc_extend8(int32_t a) { return (int8_t)a; }

/*@ mcc_extend16 */
/* the low halfword as a signed number */
static inline int32_t mcc_extend16(int32_t a) { return (int16_t)a; }

/*@ mcc_add_wrap64 */
static inline int64_t mcc_add_wrap64(int64_t a, int64_t b) { return (int64_t)((uint64_t)a + (uint64_t)b); }

/*@ mcc_sub_wrap64 */
static inline int64_t mcc_sub_wrap64(int64_t a, int64_t b) { return (int64_t)((uint64_t)a - (uint64_t)b); }

/*@ mcc_mul_wrap64 */
static inline int64_t mcc_mul_wrap64(int64_t a, int64_t b) { return (int64_t)((uint64_t)a * (uint64_t)b); }

/*@ mcc_shl64 */
static inline int64_t mcc_shl64(int64_t a, int64_t n) { return (int64_t)((uint64_t)a << n); }

/*@ mcc_min64 */
static inline int64_t mcc_min64(int64_t a, int64_t b) { return a < b ? a : b; }

/*@ mcc_max64 */
static inline int64_t mcc_max64(int64_t a, int64_t b) { return a > b ? a : b; }

/*@ mcc_popcount64 */
static inline int64_t mcc_popcount64(int64_t a) {
  const uint64_t x = (uint64_t)a;
  return mcc_popcount((int32_t)(uint32_t)x) + mcc_popcount((int32_t)(uint32_t)(x >> 32));
}

/*@ mcc_f32_bits */
static inline int32_t mcc_f32_bits(float x) {
  int32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

/*@ mcc_f32_from_bits */
static inline float mcc_f32_from_bits(int32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

/*@ mcc_f64_bits */
static inline uint64_t mcc_f64_bits(double x) {
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

/*@ mcc_f64_from_bits */
static inline double mcc_f64_from_bits(uint64_t bits) {
  double x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

/*@ mcc_min_f32 */
/* the first operand when either is NaN, as are the other three */
static inline float mcc_min_f32(float a, float b) { return b < a ? b : a; }

/*@ mcc_max_f32 */
static inline float mcc_max_f32(float a, float b) { return a < b ? b : a; }

/*@ mcc_min_f64 */
static inline double mcc_min_f64(double a, double b) { return b < a ? b : a; }

/*@ mcc_max_f64 */
static inline double mcc_max_f64(double a, double b) { return a < b ? b : a; }

/*@ mcc_abs_f32 */
static inline float mcc_abs_f32(float x) { return mcc_f32_from_bits(mcc_f32_bits(x) & 0x7fffffff); }

/*@ mcc_abs_f64 */
static inline double mcc_abs_f64(double x) { return mcc_f64_from_bits(mcc_f64_bits(x) & ~(UINT64_C(1) << 63)); }

/*@ mcc_sign_f32 */
/* |x| with the sign bit of s: keeps the rounding functions' zeros of the right sign */
static inline float mcc_sign_f32(float x, float s) {
  const uint32_t sign = (uint32_t)mcc_f32_bits(s) & 0x80000000u;
  return mcc_f32_from_bits((int32_t)(((uint32_t)mcc_f32_bits(x) & 0x7fffffffu) | sign));
}

/*@ mcc_sign_f64 */
static inline double mcc_sign_f64(double x, double s) {
  const uint64_t sign = UINT64_C(1) << 63;
  return mcc_f64_from_bits((mcc_f64_bits(x) & ~sign) | (mcc_f64_bits(s) & sign));
}

/*@ mcc_trunc_f32 */
/* From 2^23 on, and for NaN, a float is its own integer part. */
static inline float mcc_trunc_f32(float x) {
  return mcc_abs_f32(x) < 8388608.0f ? mcc_sign_f32((float)(int32_t)x, x) : x;
}

/*@ mcc_floor_f32 */
static inline float mcc_floor_f32(float x) {
  const float t = mcc_trunc_f32(x);
  return t > x ? t - 1.0f : t;
}

/*@ mcc_ceil_f32 */
static inline float mcc_ceil_f32(float x) {
  const float t = mcc_trunc_f32(x);
  return t < x ? t + 1.0f : t;
}

/*@ mcc_nearest_f32 */
/* Ties to even: adding 2^23 leaves no room for a fraction, so the sum itself rounds. */
static inline float mcc_nearest_f32(float x) {
  const float a = mcc_abs_f32(x);
  return a < 8388608.0f ? mcc_sign_f32((a + 8388608.0f) - 8388608.0f, x) : x;
}

/*@ mcc_trunc_f64 */
static inline double mcc_trunc_f64(double x) {
  return mcc_abs_f64(x) < 4503599627370496.0 ? mcc_sign_f64((double)(int64_t)x, x) : x;
}

/*@ mcc_floor_f64 */
static inline double mcc_floor_f64(double x) {
  const double t = mcc_trunc_f64(x);
  return t > x ? t - 1.0 : t;
}

/*@ mcc_ceil_f64 */
static inline double mcc_ceil_f64(double x) {
  const double t = mcc_trunc_f64(x);
  return t < x ? t + 1.0 : t;
}

/*@ mcc_nearest_f64 */
static inline double mcc_nearest_f64(double x) {
  const double a = mcc_abs_f64(x);
  return a < 4503599627370496.0 ? mcc_sign_f64((a + 4503599627370496.0) - 4503599627370496.0, x) : x;
}

/*@ mcc_i32_from_f32 */
/* towards zero, saturating; 0 for NaN */
static inline int32_t mcc_i32_from_f32(float x) {
#if defined(__GNUC__) && defined(__ARM_FP) && !defined(__aarch64__)
  float bits;
  int32_t r;
  __asm__("vcvt.s32.f32 %0, %1" : "=t"(bits) : "t"(x));
  memcpy(&r, &bits, sizeof r);
  return r;
#else
  if (x >= 2147483648.0f) {
    return INT32_MAX;
  }
  return x >= -2147483648.0f ? (int32_t)x : (x < 0.0f ? INT32_MIN : 0);
#endif
}

/*@ mcc_i32_from_f64 */
static inline int32_t mcc_i32_from_f64(double x) {
  if (x >= 2147483648.0) {
    return INT32_MAX;
  }
  return x > -2147483649.0 ? (int32_t)x : (x < 0.0 ? INT32_MIN : 0);
}

/*@ mcc_i64_from_f64 */
static inline int64_t mcc_i64_from_f64(double x) {
  if (x >= 9223372036854775808.0) {
    return INT64_MAX;
  }
  return x >= -9223372036854775808.0 ? (int64_t)x : (x < 0.0 ? INT64_MIN : 0);
}

/*@ mcc_sqrt_digits */
/* sqrt(m * 2^n), correctly rounded, for m in [2^n, 2^(n+2)): one bit of the root per step and one bit more, which with
 * the remainder decides the rounding. A root never lies halfway between two numbers of n + 1 bits. */
static inline uint64_t mcc_sqrt_digits(uint64_t m, int n) {
  uint64_t rest = m << 1;
  uint64_t twice = 0;
  uint64_t root = 0;
  for (uint64_t bit = UINT64_C(1) << (n + 1); bit != 0; bit >>= 1) {
    if (rest >= twice + bit) {
      rest -= twice + bit;
      twice += bit << 1;
      root += bit;
    }
    rest <<= 1;
  }
  return (root + (root & 1)) >> 1;
}

/*@ mcc_soft_sqrt_f32 */
static inline float mcc_soft_sqrt_f32(float x) {
  uint32_t bits = (uint32_t)mcc_f32_bits(x);
  int32_t exponent = (int32_t)(bits >> 23);
  if (bits << 1 == 0 || bits == 0x7f800000u || x != x) {
    return x;
  }
  if (bits >= 0x80000000u) {
    return (x - x) / (x - x);
  }
  if (exponent == 0) {
    const int32_t up = mcc_clz((int32_t)bits) - 8;
    bits <<= up;
    exponent = 1 - up;
  }
  exponent -= 127;
  const uint64_t mantissa = (bits & 0x7fffffu) | 0x800000u;
  const uint64_t root = mcc_sqrt_digits(mantissa << (exponent & 1), 23);
  return mcc_f32_from_bits((int32_t)root + ((exponent >> 1) + 126) * 0x800000);
}

/*@ mcc_soft_sqrt_f64 */
static inline double mcc_soft_sqrt_f64(double x) {
  uint64_t bits = mcc_f64_bits(x);
  int32_t exponent = (int32_t)(bits >> 52);
  if (bits << 1 == 0 || exponent == 0x7ff || x != x) {
    return x;
  }
  if (bits >> 63 != 0) {
    return (x - x) / (x - x);
  }
  if (exponent == 0) {
    for (exponent = 1; bits >> 52 == 0; exponent -= 1) {
      bits <<= 1;
    }
  }
  exponent -= 1023;
  const uint64_t mantissa = (bits & 0xfffffffffffffu) | 0x10000000000000u;
  const uint64_t root = mcc_sqrt_digits(mantissa << (exponent & 1), 52);
  return mcc_f64_from_bits(root + ((uint64_t)((exponent >> 1) + 1022) << 52));
}

/*@ mcc_sqrt_f32 mcc_sqrt_f64 */
/* Correctly rounded, without the library's sqrt: bare-metal toolchains come without it. */
#if defined(__SSE2__)
#include <emmintrin.h>
#endif
static inline float mcc_sqrt_f32(float x) {
#if defined(__SSE2__)
  return _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(x)));
#elif defined(__wasm__)
  return __builtin_sqrtf(x);
#elif defined(__GNUC__) && defined(__aarch64__)
  float r;
  __asm__("fsqrt %s0, %s1" : "=w"(r) : "w"(x));
  return r;
#elif defined(__GNUC__) && defined(__ARM_FP) && (__ARM_FP & 4) && !defined(__SOFTFP__)
  float r;
  __asm__("vsqrt.f32 %0, %1" : "=t"(r) : "t"(x));
  return r;
#elif defined(__GNUC__) && defined(__riscv_flen)
  float r;
  __asm__("fsqrt.s %0, %1" : "=f"(r) : "f"(x));
  return r;
#else
  return mcc_soft_sqrt_f32(x);
#endif
}

static inline double mcc_sqrt_f64(double x) {
#if defined(__SSE2__)
  return _mm_cvtsd_f64(_mm_sqrt_sd(_mm_set_sd(x), _mm_set_sd(x)));
#elif defined(__wasm__)
  return __builtin_sqrt(x);
#elif defined(__GNUC__) && defined(__aarch64__)
  double r;
  __asm__("fsqrt %d0, %d1" : "=w"(r) : "w"(x));
  return r;
#elif defined(__GNUC__) && defined(__ARM_FP) && (__ARM_FP & 8) && !defined(__SOFTFP__)
  double r;
  __asm__("vsqrt.f64 %P0, %P1" : "=w"(r) : "w"(x));
  return r;
#elif defined(__GNUC__) && defined(__riscv_flen) && __riscv_flen >= 64
  double r;
  __asm__("fsqrt.d %0, %1" : "=f"(r) : "f"(x));
  return r;
#else
  return mcc_soft_sqrt_f64(x);
#endif
}

/*@ mcc_clamp64 */
/* x limited to the range of int32_t */
static inline int32_t mcc_clamp64(int64_t x) {
  return x > INT32_MAX ? INT32_MAX : (x < INT32_MIN ? INT32_MIN : (int32_t)x);
}

/*@ mcc_sqrdmulh */
/* (a * b + 2^30) >> 31, saturated: gemmlowp's SaturatingRoundingDoublingHighMul */
static inline int32_t mcc_sqrdmulh(int32_t a, int32_t b) {
  const int64_t product = (int64_t)a * b;
  return a == INT32_MIN && b == INT32_MIN ? INT32_MAX : (int32_t)((product + (INT64_C(1) << 30)) >> 31);
}

/*@ mcc_rdivpot */
/* x / 2^n to nearest, ties away from zero, n in [0, 31]: gemmlowp's RoundingDivideByPOT */
static inline int32_t mcc_rdivpot(int32_t x, int32_t n) {
  const int32_t mask = (int32_t)((UINT32_C(1) << n) - 1);
  const int32_t threshold = (mask >> 1) + (x < 0 ? 1 : 0);
  return (x >> n) + ((x & mask) > threshold ? 1 : 0);
}

/*@ mcc_ssat */
/* x limited to signed integers of that many bits; gcc does not find the instruction by itself */
static inline int32_t mcc_ssat(int32_t x, int bits) {
  const int32_t high = (int32_t)((UINT32_C(1) << (bits - 1)) - 1);
#if defined(__GNUC__) && defined(__ARM_FEATURE_SAT) && !defined(__aarch64__)
  int32_t r;
  if (bits == 8) {
    __asm__("ssat %0, #8, %1" : "=r"(r) : "r"(x));
    return r;
  }
  if (bits == 16) {
    __asm__("ssat %0, #16, %1" : "=r"(r) : "r"(x));
    return r;
  }
#endif
  return x > high ? high : (x < -high - 1 ? -high - 1 : x);
}

/*@ mcc_usat */
/* x limited to unsigned integers of that many bits */
static inline int32_t mcc_usat(int32_t x, int bits) {
  const int32_t high = (int32_t)((UINT32_C(1) << bits) - 1);
#if defined(__GNUC__) && defined(__ARM_FEATURE_SAT) && !defined(__aarch64__)
  int32_t r;
  if (bits == 7) {
    __asm__("usat %0, #7, %1" : "=r"(r) : "r"(x));
    return r;
  }
  if (bits == 15) {
    __asm__("usat %0, #15, %1" : "=r"(r) : "r"(x));
    return r;
  }
#endif
  return x > high ? high : (x < 0 ? 0 : x);
}

/*@ mcc_sqadd */
/* saturating */
static inline int32_t mcc_sqadd(int32_t a, int32_t b) {
#if MCC_HAS_SIMD32
  int32_t r;
  __asm__("qadd %0, %1, %2" : "=r"(r) : "r"(a), "r"(b));
  return r;
#else
  return mcc_clamp64((int64_t)a + b);
#endif
}

/*@ mcc_sqsub */
/* saturating */
static inline int32_t mcc_sqsub(int32_t a, int32_t b) {
#if MCC_HAS_SIMD32
  int32_t r;
  __asm__("qsub %0, %1, %2" : "=r"(r) : "r"(a), "r"(b));
  return r;
#else
  return mcc_clamp64((int64_t)a - b);
#endif
}

/*@ mcc_sqshl */
/* a * 2^n, saturating, n in [0, 31] */
static inline int32_t mcc_sqshl(int32_t a, int32_t n) { return mcc_clamp64((int64_t)a * (INT64_C(1) << n)); }

/*@ mcc_mulhi */
/* high word of the product (SMMUL) */
static inline int32_t mcc_mulhi(int32_t a, int32_t b) { return (int32_t)(((int64_t)a * b) >> 32); }

/*@ mcc_mulhir */
/* high word of the product plus 2^31 (SMMULR) */
static inline int32_t mcc_mulhir(int32_t a, int32_t b) {
#if MCC_HAS_SIMD32
  int32_t r;
  __asm__("smmulr %0, %1, %2" : "=r"(r) : "r"(a), "r"(b));
  return r;
#else
  return (int32_t)(((int64_t)a * b + (INT64_C(1) << 31)) >> 32);
#endif
}

/*@ mcc_mla_ordered */
/* c + a * b modulo 2^32, computed among ordered loads where it is written (MLA). Armv6-M multiplies onto an operand and
 * adds it to a sum in a register that can do little else. */
static inline int32_t mcc_mla_ordered(int32_t a, int32_t b, int32_t c) {
#if MCC_HAS_THUMB2
  __asm__ volatile("mla %0, %1, %2, %0" : "+r"(c) : "r"(a), "r"(b));
  return c;
#elif MCC_HAS_THUMB1
  __asm__ volatile(".syntax unified\n\tmuls %1, %2, %1\n\tadd %0, %1" : "+r"(c), "+l"(a) : "l"(b) : "cc");
  return c;
#elif MCC_HAS_RV32M
  int32_t product;
  int32_t sum;
  __asm__ volatile("mul %1, %2, %3\n\tadd %0, %4, %1" : "=r"(sum), "=&r"(product) : "r"(a), "r"(b), "r"(c));
  return sum;
#else
  return (int32_t)((uint32_t)c + (uint32_t)a * (uint32_t)b);
#endif
}

/*@ mcc_pack16 */
/* the low halfwords of two numbers as one word */
static inline int32_t mcc_pack16(int32_t low, int32_t high) {
  return (int32_t)(((uint32_t)low & 0xffffu) | ((uint32_t)high << 16));
}

/*@ mcc_sxtb16 */
/* bytes 0 and 2, sign-extended to two halfwords; volatile, like the multiplies, so that compilers keep the order */
static inline int32_t mcc_sxtb16(int32_t a) {
#if MCC_HAS_SIMD32
  int32_t r;
  __asm__ volatile("sxtb16 %0, %1" : "=r"(r) : "r"(a));
  return r;
#else
  return mcc_pack16((int8_t)a, (int8_t)(a >> 16));
#endif
}

/*@ mcc_sxtb16_ror8 */
/* bytes 1 and 3, sign-extended to two halfwords */
static inline int32_t mcc_sxtb16_ror8(int32_t a) {
#if MCC_HAS_SIMD32
  int32_t r;
  __asm__ volatile("sxtb16 %0, %1, ror #8" : "=r"(r) : "r"(a));
  return r;
#else
  return mcc_pack16((int8_t)(a >> 8), (int8_t)(a >> 24));
#endif
}

/*@ mcc_sxtab16 */
/* a plus bytes 0 and 2 of b, sign-extended, halfword by halfword */
static inline int32_t mcc_sxtab16(int32_t a, int32_t b) {
#if MCC_HAS_SIMD32
  int32_t r;
  __asm__("sxtab16 %0, %1, %2" : "=r"(r) : "r"(a), "r"(b));
  return r;
#else
  return mcc_pack16((int16_t)a + (int8_t)b, (a >> 16) + (int8_t)(b >> 16));
#endif
}

/*@ mcc_sxtab16_ror8 */
/* a plus bytes 1 and 3 of b, sign-extended, halfword by halfword */
static inline int32_t mcc_sxtab16_ror8(int32_t a, int32_t b) {
#if MCC_HAS_SIMD32
  int32_t r;
  __asm__("sxtab16 %0, %1, %2, ror #8" : "=r"(r) : "r"(a), "r"(b));
  return r;
#else
  return mcc_pack16((int16_t)a + (int8_t)(b >> 8), (a >> 16) + (int8_t)(b >> 24));
#endif
}

/*@ mcc_smax8 */
/* the larger of each two signed bytes */
static inline int32_t mcc_smax8(int32_t a, int32_t b) {
#if MCC_HAS_SIMD32
  int32_t r;
  __asm__("ssub8 %0, %1, %2\n\tsel %0, %1, %2" : "=&r"(r) : "r"(a), "r"(b));
  return r;
#else
  uint32_t r = 0;
  for (int shift = 0; shift < 32; shift += 8) {
    const int8_t p = (int8_t)(a >> shift);
    const int8_t q = (int8_t)(b >> shift);
    r |= (uint32_t)(uint8_t)(p > q ? p : q) << shift;
  }
  return (int32_t)r;
#endif
}

/*@ mcc_smlad */
/* c plus the products of the low and of the high halfwords, wrapping */
static inline int32_t mcc_smlad(int32_t a, int32_t b, int32_t c) {
#if MCC_HAS_SIMD32
  __asm__ volatile("smlad %0, %1, %2, %0" : "+r"(c) : "r"(a), "r"(b));
  return c;
#else
  const uint32_t low = (uint32_t)((int16_t)a * (int16_t)b);
  const uint32_t high = (uint32_t)((a >> 16) * (b >> 16));
  return (int32_t)((uint32_t)c + low + high);
#endif
}

/*@ mcc_smlabb */
/* c plus the product of the low halfwords, wrapping */
static inline int32_t mcc_smlabb(int32_t a, int32_t b, int32_t c) {
#if MCC_HAS_SIMD32
  __asm__ volatile("smlabb %0, %1, %2, %0" : "+r"(c) : "r"(a), "r"(b));
  return c;
#else
  return (int32_t)((uint32_t)c + (uint32_t)((int16_t)a * (int16_t)b));
#endif
}

/*@ mcc_smlabt */
/* c plus the product of the low halfword of a and the high one of b, wrapping */
static inline int32_t mcc_smlabt(int32_t a, int32_t b, int32_t c) {
#if MCC_HAS_SIMD32
  __asm__ volatile("smlabt %0, %1, %2, %0" : "+r"(c) : "r"(a), "r"(b));
  return c;
#else
  return (int32_t)((uint32_t)c + (uint32_t)((int16_t)a * (b >> 16)));
#endif
}

/*@ mcc_smlatb */
/* c plus the product of the high halfword of a and the low one of b, wrapping */
static inline int32_t mcc_smlatb(int32_t a, int32_t b, int32_t c) {
#if MCC_HAS_SIMD32
  __asm__ volatile("smlatb %0, %1, %2, %0" : "+r"(c) : "r"(a), "r"(b));
  return c;
#else
  return (int32_t)((uint32_t)c + (uint32_t)((a >> 16) * (int16_t)b));
#endif
}

/*@ mcc_smlatt */
/* c plus the product of the high halfwords, wrapping */
static inline int32_t mcc_smlatt(int32_t a, int32_t b, int32_t c) {
#if MCC_HAS_SIMD32
  __asm__ volatile("smlatt %0, %1, %2, %0" : "+r"(c) : "r"(a), "r"(b));
  return c;
#else
  return (int32_t)((uint32_t)c + (uint32_t)((a >> 16) * (b >> 16)));
#endif
}

/*@ mcc_smlad_from */
/* mcc_smlad whose result need not lie where c did: in a loop that costs copies, in a chain of products it saves them */
static inline int32_t mcc_smlad_from(int32_t a, int32_t b, int32_t c) {
#if MCC_HAS_SIMD32
  int32_t r;
  __asm__ volatile("smlad %0, %1, %2, %3" : "=r"(r) : "r"(a), "r"(b), "r"(c));
  return r;
#else
  return mcc_smlad(a, b, c);
#endif
}

/*@ mcc_smmlar */
/* c plus the high word of a * b plus 2^31, wrapping */
static inline int32_t mcc_smmlar(int32_t a, int32_t b, int32_t c) {
#if MCC_HAS_SIMD32
  int32_t r;
  __asm__("smmlar %0, %1, %2, %3" : "=r"(r) : "r"(a), "r"(b), "r"(c));
  return r;
#else
  return (int32_t)((uint32_t)c + (uint32_t)(((int64_t)a * b + (INT64_C(1) << 31)) >> 32));
#endif
}

/*@ mcc_bfi8 */
/* low byte of a below b */
static inline int32_t mcc_bfi8(int32_t a, int32_t b) {
#if MCC_HAS_SIMD32
  __asm__("bfi %0, %1, #8, #24" : "+r"(a) : "r"(b));
  return a;
#else
  return (int32_t)(((uint32_t)a & 0xffu) | ((uint32_t)b << 8));
#endif
}

/*@ mcc_pkhbt */
/* low halfword of a below the low halfword of b */
static inline int32_t mcc_pkhbt(int32_t a, int32_t b) {
#if MCC_HAS_SIMD32
  int32_t r;
  __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(r) : "r"(a), "r"(b));
  return r;
#else
  return mcc_pack16(a, b);
#endif
}

/*@ mcc_pkhtb */
/* high halfword of b below the high halfword of a */
static inline int32_t mcc_pkhtb(int32_t a, int32_t b) {
#if MCC_HAS_SIMD32
  int32_t r;
  __asm__("pkhtb %0, %1, %2, asr #16" : "=r"(r) : "r"(a), "r"(b));
  return r;
#else
  return mcc_pack16(b >> 16, a >> 16);
#endif
}

/*@ MCC_HAS_MVE MCC_MVE_ORDERED */
/* Helium. gcc 12 keeps what it loads early in memory when its eight registers run out, so there vectors are loaded by
 * assembly, which stays where it is written. */
#if defined(__GNUC__) && defined(__ARM_FEATURE_MVE)
#include <arm_mve.h>
#define MCC_HAS_MVE 1
#if defined(__clang__)
#define MCC_MVE_ORDERED 0
#else
#define MCC_MVE_ORDERED 1
#endif
#else
#define MCC_HAS_MVE 0
#define MCC_MVE_ORDERED 0
#endif


/*@ MCC_HAS_VECTORS MCC_HAS_SSE2 MCC_HAS_NEON MCC_SSE41 */
/* 128-bit vectors of x86 and of 64-bit Arm, with compilers that have their intrinsics and shuffles of constants. */
#if defined(__GNUC__) && defined(__SSE2__)
#include <immintrin.h>
#define MCC_HAS_SSE2 1
#else
#define MCC_HAS_SSE2 0
#endif
#if defined(__GNUC__) && defined(__aarch64__)
#include <arm_neon.h>
#define MCC_HAS_NEON 1
#else
#define MCC_HAS_NEON 0
#endif
#define MCC_HAS_VECTORS (MCC_HAS_SSE2 || MCC_HAS_NEON)
/* The first where there is SSE4.1, else the second. */
#if defined(__SSE4_1__)
#define MCC_SSE41(later, first) later
#else
#define MCC_SSE41(later, first) first
#endif


/*@ mcc_v128 */
/* 16 bytes; lane 0 is the lowest in memory. */
#if MCC_HAS_MVE || MCC_HAS_NEON
typedef int32x4_t mcc_v128;
#elif MCC_HAS_SSE2
typedef __m128i mcc_v128;
#else
typedef struct mcc_v128 {
  uint8_t byte[16];
} mcc_v128;
#endif


/*@ mcc_mve_i8 mcc_mve_i16 mcc_mve_of_i8 mcc_mve_of_i16 */
#if MCC_HAS_MVE
#define mcc_mve_i8(v) vreinterpretq_s8_s32(v)
#define mcc_mve_i16(v) vreinterpretq_s16_s32(v)
#define mcc_mve_of_i8(v) vreinterpretq_s32_s8(v)
#define mcc_mve_of_i16(v) vreinterpretq_s32_s16(v)
#endif


/*@ MCC_NATIVE1 MCC_NATIVE2 MCC_NATIVE_SHIFT mcc_neon_s8 mcc_neon_s16 mcc_neon_s64 mcc_neon_f32 mcc_neon_of_s8 mcc_neon_of_s16 mcc_neon_of_s64 mcc_neon_of_u32 mcc_neon_of_f32 mcc_sse_f32 mcc_sse_of_f32 mcc_sse_pick */
/* name(a), name(a, b) and name(a, n) by an expression for x86 and one for 64-bit Arm. */
#if MCC_HAS_SSE2
#define MCC_NATIVE(head, sse, neon) \
  static inline mcc_v128 head { return sse; }
#else
#define MCC_NATIVE(head, sse, neon) \
  static inline mcc_v128 head { return neon; }
#endif
#define MCC_NATIVE1(name, sse, neon) MCC_NATIVE(name(mcc_v128 a), sse, neon)
#define MCC_NATIVE2(name, sse, neon) MCC_NATIVE(name(mcc_v128 a, mcc_v128 b), sse, neon)
#define MCC_NATIVE_SHIFT(name, sse, neon) MCC_NATIVE(name(mcc_v128 a, int32_t n), sse, neon)
#define mcc_neon_s8(v) vreinterpretq_s8_s32(v)
#define mcc_neon_s16(v) vreinterpretq_s16_s32(v)
#define mcc_neon_s64(v) vreinterpretq_s64_s32(v)
#define mcc_neon_f32(v) vreinterpretq_f32_s32(v)
#define mcc_neon_of_s8(v) vreinterpretq_s32_s8(v)
#define mcc_neon_of_s16(v) vreinterpretq_s32_s16(v)
#define mcc_neon_of_s64(v) vreinterpretq_s32_s64(v)
#define mcc_neon_of_u32(v) vreinterpretq_s32_u32(v)
#define mcc_neon_of_f32(v) vreinterpretq_s32_f32(v)
#define mcc_sse_f32(v) _mm_castsi128_ps(v)
#define mcc_sse_of_f32(v) _mm_castps_si128(v)
/* Bits of a where the mask has ones, of b elsewhere. */
#define mcc_sse_pick(mask, a, b) _mm_or_si128(_mm_and_si128(mask, a), _mm_andnot_si128(mask, b))


/*@ mcc_sse_floor mcc_sse_ceil mcc_sse_nearest */
#if MCC_HAS_SSE2 && !defined(__SSE4_1__)
/* `whole` with the sign of x where |x| < 2^23; beyond, and for NaN, x itself. */
static inline __m128i mcc_sse_rounded(__m128i x, __m128 whole) {
  __m128i magnitude = _mm_and_si128(x, _mm_set1_epi32(INT32_MAX));
  __m128i is_small = mcc_sse_of_f32(_mm_cmplt_ps(mcc_sse_f32(magnitude), _mm_set1_ps(8388608.0f)));
  __m128i sign = _mm_and_si128(x, _mm_set1_epi32(INT32_MIN));
  return mcc_sse_pick(is_small, _mm_or_si128(mcc_sse_of_f32(whole), sign), x);
}
static inline __m128i mcc_sse_floor(__m128i x) {
  __m128 whole = _mm_cvtepi32_ps(_mm_cvttps_epi32(mcc_sse_f32(x)));
  __m128 above = _mm_and_ps(_mm_cmpgt_ps(whole, mcc_sse_f32(x)), _mm_set1_ps(1.0f));
  return mcc_sse_rounded(x, _mm_sub_ps(whole, above));
}
static inline __m128i mcc_sse_ceil(__m128i x) {
  __m128 whole = _mm_cvtepi32_ps(_mm_cvttps_epi32(mcc_sse_f32(x)));
  __m128 below = _mm_and_ps(_mm_cmplt_ps(whole, mcc_sse_f32(x)), _mm_set1_ps(1.0f));
  return mcc_sse_rounded(x, _mm_add_ps(whole, below));
}
static inline __m128i mcc_sse_nearest(__m128i x) {
  return mcc_sse_rounded(x, _mm_cvtepi32_ps(_mm_cvtps_epi32(mcc_sse_f32(x))));
}
#endif


/*@ mcc_sse_mul_low mcc_sse_mul_wide */
#if MCC_HAS_SSE2
/* Low words of the products of all lanes, by unsigned products of every second lane. */
static inline __m128i mcc_sse_mul_low(__m128i a, __m128i b) {
  __m128i even = _mm_shuffle_epi32(_mm_mul_epu32(a, b), _MM_SHUFFLE(0, 0, 2, 0));
  __m128i odd = _mm_mul_epu32(_mm_srli_epi64(a, 32), _mm_srli_epi64(b, 32));
  return _mm_unpacklo_epi32(even, _mm_shuffle_epi32(odd, _MM_SHUFFLE(0, 0, 2, 0)));
}
/* 64-bit products of lanes 0 and 2; an unsigned product is too large by the other operand times 2^32 for each negative one. */
static inline __m128i mcc_sse_mul_wide(__m128i a, __m128i b) {
  __m128i excess = _mm_add_epi32(_mm_and_si128(_mm_srai_epi32(a, 31), b), _mm_and_si128(_mm_srai_epi32(b, 31), a));
  return _mm_sub_epi64(_mm_mul_epu32(a, b), _mm_slli_epi64(excess, 32));
}
#endif


/*@ MCC_MAP1 */
/* name(a): lane i of the result, a U, is `expression` of a[i], a T. */
#define MCC_MAP1(name, T, U, lanes, expression)  \
  static inline mcc_v128 name(mcc_v128 va) {     \
    T a[16 / sizeof(T)];                         \
    U r[lanes];                                  \
    mcc_v128 result;                             \
    memcpy(a, &va, sizeof a);                    \
    for (int i = 0; i < (lanes); i += 1) {       \
      r[i] = (U)(expression);                    \
    }                                            \
    memcpy(&result, r, sizeof result);           \
    return result;                               \
  }


/*@ MCC_MAP2 */
/* name(a, b): lane i of the result, a U, is `expression` of a and b, whose lanes are A and B. */
#define MCC_MAP2(name, A, B, U, lanes, expression)        \
  static inline mcc_v128 name(mcc_v128 va, mcc_v128 vb) { \
    A a[16 / sizeof(A)];                                  \
    B b[16 / sizeof(B)];                                  \
    U r[lanes];                                           \
    mcc_v128 result;                                      \
    memcpy(a, &va, sizeof a);                             \
    memcpy(b, &vb, sizeof b);                             \
    for (int i = 0; i < (lanes); i += 1) {                \
      r[i] = (U)(expression);                             \
    }                                                     \
    memcpy(&result, r, sizeof result);                    \
    return result;                                        \
  }


/*@ MCC_SHIFT */
/* name(a, n): every lane of a, a T, shifted by n. */
#define MCC_SHIFT(name, T, lanes, expression)            \
  static inline mcc_v128 name(mcc_v128 va, int32_t n) {  \
    T a[lanes];                                          \
    mcc_v128 result;                                     \
    memcpy(a, &va, sizeof a);                            \
    for (int i = 0; i < (lanes); i += 1) {               \
      a[i] = (T)(expression);                            \
    }                                                    \
    memcpy(&result, a, sizeof result);                   \
    return result;                                       \
  }


/*@ MCC_SPLAT */
/* name(x): x in every lane. */
#define MCC_SPLAT(name, X, T, lanes)         \
  static inline mcc_v128 name(X x) {         \
    T r[lanes];                              \
    mcc_v128 result;                         \
    for (int i = 0; i < (lanes); i += 1) {   \
      r[i] = (T)x;                           \
    }                                        \
    memcpy(&result, r, sizeof result);       \
    return result;                           \
  }


/*@ MCC_EXTRACT */
/* name(a, lane) */
#define MCC_EXTRACT(name, X, T, lanes)           \
  static inline X name(mcc_v128 va, int lane) {  \
    T a[lanes];                                  \
    memcpy(a, &va, sizeof a);                    \
    return a[lane];                              \
  }


/*@ MCC_REPLACE */
/* name(a, x, lane): a with x in one lane */
#define MCC_REPLACE(name, X, T, lanes)                      \
  static inline mcc_v128 name(mcc_v128 va, X x, int lane) { \
    T a[lanes];                                             \
    memcpy(a, &va, sizeof a);                               \
    a[lane] = (T)x;                                         \
    memcpy(&va, a, sizeof va);                              \
    return va;                                              \
  }


/*@ mcc_sat16 */
static inline int32_t mcc_sat16(int32_t x) { return x > 32767 ? 32767 : (x < -32768 ? -32768 : x); }


/*@ mcc_sat8 */
static inline int32_t mcc_sat8(int32_t x) { return x > 127 ? 127 : (x < -128 ? -128 : x); }


/*@ mcc_satu8 */
static inline int32_t mcc_satu8(int32_t x) { return x > 255 ? 255 : (x < 0 ? 0 : x); }


/*@ mcc_v128_load */
#if MCC_HAS_VECTORS
MCC_NATIVE(mcc_v128_load(const void *p), _mm_loadu_si128((const __m128i *)p),
           mcc_neon_of_s8(vld1q_s8((const int8_t *)p)))
#else
static inline mcc_v128 mcc_v128_load(const void *p) {
#if MCC_HAS_MVE
  return mcc_mve_of_i8(vldrbq_s8((const int8_t *)p));
#else
  mcc_v128 v;
  memcpy(&v, p, sizeof v);
  return v;
#endif
}
#endif


/*@ mcc_v128_load_ordered */
/* 16 bytes from `distance`, a constant, behind p on, by a load that stays where it is written */
#if MCC_MVE_ORDERED
#define mcc_v128_load_ordered(p, distance)                                                                   \
  __extension__({                                                                                            \
    int8x16_t mcc_bytes_;                                                                                    \
    __asm__ volatile("vldrb.8 %q0, [%1, %2]" : "=w"(mcc_bytes_) : "r"(p), "n"(distance) : "memory");         \
    mcc_mve_of_i8(mcc_bytes_);                                                                               \
  })
#else
static inline mcc_v128 mcc_v128_load_ordered(const void *p, int32_t distance) {
  return mcc_v128_load((const uint8_t *)p + distance);
}
#endif


/*@ mcc_v128_load_first */
/* n bytes, and zeros above them */
static inline mcc_v128 mcc_v128_load_first(const void *p, int32_t n) {
#if MCC_MVE_ORDERED && defined(__OPTIMIZE__)
  int8x16_t v;
  __asm__ volatile("vpst\n\tvldrbt.8 %q0, [%1]" : "=w"(v) : "r"(p), "Up"(vctp8q((uint32_t)n)) : "memory");
  return mcc_mve_of_i8(v);
#elif MCC_HAS_MVE
  return mcc_mve_of_i8(vldrbq_z_s8((const int8_t *)p, vctp8q((uint32_t)n)));
#else
  mcc_v128 v;
  memset(&v, 0, sizeof v);
  memcpy(&v, p, (size_t)n);
  return v;
#endif
}


/*@ mcc_v128_load_i8x4 */
/* four signed bytes as words */
static inline mcc_v128 mcc_v128_load_i8x4(const void *p) {
#if MCC_HAS_MVE
  return vldrbq_s32((const int8_t *)p);
#else
  int8_t x[4];
  int32_t r[4];
  mcc_v128 result;
  memcpy(x, p, sizeof x);
  for (int i = 0; i < 4; i += 1) {
    r[i] = x[i];
  }
  memcpy(&result, r, sizeof result);
  return result;
#endif
}


/*@ mcc_v128_load_low64 */
#if MCC_HAS_VECTORS
MCC_NATIVE(mcc_v128_load_low64(const void *p), _mm_loadl_epi64((const __m128i *)p),
           mcc_neon_of_s8(vcombine_s8(vld1_s8((const int8_t *)p), vdup_n_s8(0))))
#else
/* eight bytes, and zeros above them */
static inline mcc_v128 mcc_v128_load_low64(const void *p) {
  mcc_v128 v;
  memset(&v, 0, sizeof v);
  memcpy(&v, p, 8);
  return v;
}
#endif


/*@ mcc_v128_load_i8x8 */
#if MCC_HAS_VECTORS
MCC_NATIVE(mcc_v128_load_i8x8(const void *p), MCC_SSE41(_mm_cvtepi8_epi16(_mm_loadl_epi64((const __m128i *)p)),
                     _mm_srai_epi16(_mm_unpacklo_epi8(_mm_setzero_si128(), _mm_loadl_epi64((const __m128i *)p)), 8)),
           mcc_neon_of_s16(vmovl_s8(vld1_s8((const int8_t *)p))))
#else
/* eight signed bytes as halfwords */
static inline mcc_v128 mcc_v128_load_i8x8(const void *p) {
  int8_t x[8];
  int16_t r[8];
  mcc_v128 result;
  memcpy(x, p, sizeof x);
  for (int i = 0; i < 8; i += 1) {
    r[i] = x[i];
  }
  memcpy(&result, r, sizeof result);
  return result;
}
#endif


/*@ mcc_v128_load_u8x8 */
/* eight unsigned bytes as halfwords */
static inline mcc_v128 mcc_v128_load_u8x8(const void *p) {
  uint8_t x[8];
  uint16_t r[8];
  mcc_v128 result;
  memcpy(x, p, sizeof x);
  for (int i = 0; i < 8; i += 1) {
    r[i] = x[i];
  }
  memcpy(&result, r, sizeof result);
  return result;
}


/*@ mcc_v128_load_i16x4 */
/* four signed halfwords as words */
static inline mcc_v128 mcc_v128_load_i16x4(const void *p) {
  int16_t x[4];
  int32_t r[4];
  mcc_v128 result;
  memcpy(x, p, sizeof x);
  for (int i = 0; i < 4; i += 1) {
    r[i] = x[i];
  }
  memcpy(&result, r, sizeof result);
  return result;
}


/*@ mcc_v128_store */
#if MCC_HAS_SSE2
static inline void mcc_v128_store(void *p, mcc_v128 v) { _mm_storeu_si128((__m128i *)p, v); }
#elif MCC_HAS_NEON
static inline void mcc_v128_store(void *p, mcc_v128 v) { vst1q_s8((int8_t *)p, mcc_neon_s8(v)); }
#else
static inline void mcc_v128_store(void *p, mcc_v128 v) {
#if MCC_HAS_MVE
  vstrbq_s8((int8_t *)p, mcc_mve_i8(v));
#else
  memcpy(p, &v, sizeof v);
#endif
}
#endif


/*@ mcc_v128_store_first */
/* the low n bytes */
static inline void mcc_v128_store_first(void *p, mcc_v128 v, int32_t n) {
#if MCC_HAS_MVE
  vstrbq_p_s8((int8_t *)p, mcc_mve_i8(v), vctp8q((uint32_t)n));
#else
  memcpy(p, &v, (size_t)n);
#endif
}


/*@ mcc_v128_store_low64 */
#if MCC_HAS_SSE2
static inline void mcc_v128_store_low64(void *p, mcc_v128 v) { _mm_storel_epi64((__m128i *)p, v); }
#elif MCC_HAS_NEON
static inline void mcc_v128_store_low64(void *p, mcc_v128 v) { vst1_s8((int8_t *)p, vget_low_s8(mcc_neon_s8(v))); }
#else
/* the low eight bytes */
static inline void mcc_v128_store_low64(void *p, mcc_v128 v) { memcpy(p, &v, 8); }
#endif


/*@ mcc_v128_and */
#if MCC_HAS_VECTORS
MCC_NATIVE2(mcc_v128_and, _mm_and_si128(a, b),
            vandq_s32(a, b))
#else
MCC_MAP2(mcc_v128_and, uint32_t, uint32_t, uint32_t, 4, a[i] & b[i])
#endif


/*@ mcc_v128_or */
#if MCC_HAS_VECTORS
MCC_NATIVE2(mcc_v128_or, _mm_or_si128(a, b),
            vorrq_s32(a, b))
#else
MCC_MAP2(mcc_v128_or, uint32_t, uint32_t, uint32_t, 4, a[i] | b[i])
#endif


/*@ mcc_v128_xor */
#if MCC_HAS_VECTORS
MCC_NATIVE2(mcc_v128_xor, _mm_xor_si128(a, b),
            veorq_s32(a, b))
#else
MCC_MAP2(mcc_v128_xor, uint32_t, uint32_t, uint32_t, 4, a[i] ^ b[i])
#endif


/*@ mcc_v128_andnot */
#if MCC_HAS_VECTORS
MCC_NATIVE2(mcc_v128_andnot, _mm_andnot_si128(b, a),
            vbicq_s32(a, b))
#else
MCC_MAP2(mcc_v128_andnot, uint32_t, uint32_t, uint32_t, 4, a[i] & ~b[i])
#endif


/*@ mcc_v128_bitselect */
/* bits of a where c has ones, of b elsewhere */
static inline mcc_v128 mcc_v128_bitselect(mcc_v128 a, mcc_v128 b, mcc_v128 c) {
#if MCC_HAS_NEON
  return vbslq_s32(vreinterpretq_u32_s32(c), a, b);
#else
  return mcc_v128_or(mcc_v128_and(a, c), mcc_v128_andnot(b, c));
#endif
}


/*@ mcc_i8x16_splat */
#if MCC_HAS_VECTORS
MCC_NATIVE(mcc_i8x16_splat(int32_t x), _mm_set1_epi8((char)x),
           mcc_neon_of_s8(vdupq_n_s8((int8_t)x)))
#else
#if MCC_HAS_MVE
static inline mcc_v128 mcc_i8x16_splat(int32_t x) { return mcc_mve_of_i8(vdupq_n_s8((int8_t)x)); }
#else
MCC_SPLAT(mcc_i8x16_splat, int32_t, int8_t, 16)
#endif
#endif


/*@ mcc_i16x8_splat */
#if MCC_HAS_VECTORS
MCC_NATIVE(mcc_i16x8_splat(int32_t x), _mm_set1_epi16((int16_t)x),
           mcc_neon_of_s16(vdupq_n_s16((int16_t)x)))
#else
#if MCC_HAS_MVE
static inline mcc_v128 mcc_i16x8_splat(int32_t x) { return mcc_mve_of_i16(vdupq_n_s16((int16_t)x)); }
#else
MCC_SPLAT(mcc_i16x8_splat, int32_t, int16_t, 8)
#endif
#endif


/*@ mcc_i32x4_splat */
#if MCC_HAS_VECTORS
MCC_NATIVE(mcc_i32x4_splat(int32_t x), _mm_set1_epi32(x),
           vdupq_n_s32(x))
#else
#if MCC_HAS_MVE
static inline mcc_v128 mcc_i32x4_splat(int32_t x) { return vdupq_n_s32(x); }
#else
MCC_SPLAT(mcc_i32x4_splat, int32_t, int32_t, 4)
#endif
#endif


/*@ mcc_f32x4_splat */
#if MCC_HAS_VECTORS
MCC_NATIVE(mcc_f32x4_splat(float x), mcc_sse_of_f32(_mm_set1_ps(x)),
           mcc_neon_of_f32(vdupq_n_f32(x)))
#else
MCC_SPLAT(mcc_f32x4_splat, float, float, 4)
#endif


/*@ mcc_v128_load_splat8 */
/* one element in every lane */
static inline mcc_v128 mcc_v128_load_splat8(const void *p) {
  int8_t x;
  memcpy(&x, p, sizeof x);
  return mcc_i8x16_splat(x);
}


/*@ mcc_v128_load_splat16 */
/* one element in every lane */
static inline mcc_v128 mcc_v128_load_splat16(const void *p) {
  int16_t x;
  memcpy(&x, p, sizeof x);
  return mcc_i16x8_splat(x);
}


/*@ mcc_v128_load_splat32 */
/* one element in every lane */
static inline mcc_v128 mcc_v128_load_splat32(const void *p) {
  int32_t x;
  memcpy(&x, p, sizeof x);
  return mcc_i32x4_splat(x);
}


/*@ mcc_i8x16_extract_lane_s */
MCC_EXTRACT(mcc_i8x16_extract_lane_s, int32_t, int8_t, 16)


/*@ mcc_i8x16_extract_lane_u */
MCC_EXTRACT(mcc_i8x16_extract_lane_u, int32_t, uint8_t, 16)


/*@ mcc_i16x8_extract_lane_s */
MCC_EXTRACT(mcc_i16x8_extract_lane_s, int32_t, int16_t, 8)


/*@ mcc_i32x4_extract_lane */
MCC_EXTRACT(mcc_i32x4_extract_lane, int32_t, int32_t, 4)


/*@ mcc_f32x4_extract_lane */
MCC_EXTRACT(mcc_f32x4_extract_lane, float, float, 4)


/*@ mcc_i16x8_replace_lane */
MCC_REPLACE(mcc_i16x8_replace_lane, int32_t, int16_t, 8)


/*@ mcc_i32x4_replace_lane */
MCC_REPLACE(mcc_i32x4_replace_lane, int32_t, int32_t, 4)


/*@ mcc_f32x4_replace_lane */
MCC_REPLACE(mcc_f32x4_replace_lane, float, float, 4)


/*@ mcc_i8x16_shuffle */
#if MCC_HAS_VECTORS
typedef int8_t mcc_bytes __attribute__((vector_size(16)));
#if defined(__clang__) || __GNUC__ >= 12
#define mcc_i8x16_shuffle(a, b, ...) \
  ((mcc_v128)__builtin_shufflevector((mcc_bytes)(a), (mcc_bytes)(b), __VA_ARGS__))
#else
#define mcc_i8x16_shuffle(a, b, ...) \
  ((mcc_v128)__builtin_shuffle((mcc_bytes)(a), (mcc_bytes)(b), (mcc_bytes){__VA_ARGS__}))
#endif
#else
/* byte i of the result is byte si of a followed by b */
static inline mcc_v128 mcc_i8x16_shuffle(mcc_v128 a, mcc_v128 b, int s0, int s1, int s2, int s3, int s4, int s5, int s6,
                                         int s7, int s8, int s9, int s10, int s11, int s12, int s13, int s14,
                                         int s15) {
  const int pick[16] = {s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11, s12, s13, s14, s15};
  uint8_t from[32];
  uint8_t r[16];
  memcpy(from, &a, 16);
  memcpy(from + 16, &b, 16);
  for (int i = 0; i < 16; i += 1) {
    r[i] = from[pick[i]];
  }
  memcpy(&a, r, sizeof a);
  return a;
}
#endif


/*@ mcc_i8x16_swizzle */
/* byte i of the result is byte b[i] of a, 0 when b[i] > 15 */
static inline mcc_v128 mcc_i8x16_swizzle(mcc_v128 a, mcc_v128 b) {
  uint8_t from[16];
  uint8_t pick[16];
  memcpy(from, &a, sizeof from);
  memcpy(pick, &b, sizeof pick);
  for (int i = 0; i < 16; i += 1) {
    pick[i] = pick[i] < 16 ? from[pick[i]] : 0;
  }
  memcpy(&a, pick, sizeof a);
  return a;
}


/*@ mcc_i8x16_add */
#if MCC_HAS_MVE
static inline mcc_v128 mcc_i8x16_add(mcc_v128 a, mcc_v128 b) { return mcc_mve_of_i8(vaddq_s8(mcc_mve_i8(a), mcc_mve_i8(b))); }
#else
MCC_MAP2(mcc_i8x16_add, int8_t, int8_t, int8_t, 16, a[i] + b[i])
#endif


/*@ mcc_i8x16_sub */
MCC_MAP2(mcc_i8x16_sub, int8_t, int8_t, int8_t, 16, a[i] - b[i])


/*@ mcc_i8x16_min_s */
#if MCC_HAS_VECTORS
MCC_NATIVE2(mcc_i8x16_min_s, MCC_SSE41(_mm_min_epi8(a, b), mcc_sse_pick(_mm_cmplt_epi8(a, b), a, b)),
            mcc_neon_of_s8(vminq_s8(mcc_neon_s8(a), mcc_neon_s8(b))))
#else
#if MCC_HAS_MVE
static inline mcc_v128 mcc_i8x16_min_s(mcc_v128 a, mcc_v128 b) { return mcc_mve_of_i8(vminq_s8(mcc_mve_i8(a), mcc_mve_i8(b))); }
#else
MCC_MAP2(mcc_i8x16_min_s, int8_t, int8_t, int8_t, 16, a[i] < b[i] ? a[i] : b[i])
#endif
#endif


/*@ mcc_i8x16_max_s */
#if MCC_HAS_VECTORS
MCC_NATIVE2(mcc_i8x16_max_s, MCC_SSE41(_mm_max_epi8(a, b), mcc_sse_pick(_mm_cmpgt_epi8(a, b), a, b)),
            mcc_neon_of_s8(vmaxq_s8(mcc_neon_s8(a), mcc_neon_s8(b))))
#else
#if MCC_HAS_MVE
static inline mcc_v128 mcc_i8x16_max_s(mcc_v128 a, mcc_v128 b) { return mcc_mve_of_i8(vmaxq_s8(mcc_mve_i8(a), mcc_mve_i8(b))); }
#else
MCC_MAP2(mcc_i8x16_max_s, int8_t, int8_t, int8_t, 16, a[i] > b[i] ? a[i] : b[i])
#endif
#endif


/*@ mcc_i8x16_min_u */
MCC_MAP2(mcc_i8x16_min_u, uint8_t, uint8_t, uint8_t, 16, a[i] < b[i] ? a[i] : b[i])


/*@ mcc_i8x16_max_u */
MCC_MAP2(mcc_i8x16_max_u, uint8_t, uint8_t, uint8_t, 16, a[i] > b[i] ? a[i] : b[i])


/*@ mcc_popcount8 */
static inline uint8_t mcc_popcount8(uint8_t x) {
  const uint8_t pairs = (uint8_t)(x - ((x >> 1) & 0x55));
  const uint8_t fours = (uint8_t)((pairs & 0x33) + ((pairs >> 2) & 0x33));
  return (uint8_t)((fours + (fours >> 4)) & 0x0f);
}


/*@ mcc_i8x16_popcnt */
MCC_MAP1(mcc_i8x16_popcnt, uint8_t, uint8_t, 16, mcc_popcount8(a[i]))


/*@ mcc_i8x16_narrow_i16x8_s */
#if MCC_HAS_VECTORS
MCC_NATIVE2(mcc_i8x16_narrow_i16x8_s, _mm_packs_epi16(a, b),
            mcc_neon_of_s8(vcombine_s8(vqmovn_s16(mcc_neon_s16(a)), vqmovn_s16(mcc_neon_s16(b)))))
#else
/* halves the width of the lanes of a, then of b, saturating */
MCC_MAP2(mcc_i8x16_narrow_i16x8_s, int16_t, int16_t, int8_t, 16, mcc_sat8(i < 8 ? a[i & 7] : b[i & 7]))
#endif


/*@ mcc_i8x16_narrow_i16x8_u */
/* halves the width of the lanes of a, then of b, saturating */
MCC_MAP2(mcc_i8x16_narrow_i16x8_u, int16_t, int16_t, uint8_t, 16, mcc_satu8(i < 8 ? a[i & 7] : b[i & 7]))


/*@ mcc_i16x8_add */
#if MCC_HAS_VECTORS
MCC_NATIVE2(mcc_i16x8_add, _mm_add_epi16(a, b),
            mcc_neon_of_s16(vaddq_s16(mcc_neon_s16(a), mcc_neon_s16(b))))
#else
#if MCC_HAS_MVE
static inline mcc_v128 mcc_i16x8_add(mcc_v128 a, mcc_v128 b) { return mcc_mve_of_i16(vaddq_s16(mcc_mve_i16(a), mcc_mve_i16(b))); }
#else
MCC_MAP2(mcc_i16x8_add, int16_t, int16_t, int16_t, 8, a[i] + b[i])
#endif
#endif


/*@ mcc_i16x8_sub */
#if MCC_HAS_VECTORS
MCC_NATIVE2(mcc_i16x8_sub, _mm_sub_epi16(a, b),
            mcc_neon_of_s16(vsubq_s16(mcc_neon_s16(a), mcc_neon_s16(b))))
#else
MCC_MAP2(mcc_i16x8_sub, int16_t, int16_t, int16_t, 8, a[i] - b[i])
#endif


/*@ mcc_i16x8_mul */
#if MCC_HAS_VECTORS
MCC_NATIVE2(mcc_i16x8_mul, _mm_mullo_epi16(a, b),
            mcc_neon_of_s16(vmulq_s16(mcc_neon_s16(a), mcc_neon_s16(b))))
#else
MCC_MAP2(mcc_i16x8_mul, int16_t, int16_t, int16_t, 8, a[i] * b[i])
#endif


/*@ mcc_i16x8_add_sat_s */
MCC_MAP2(mcc_i16x8_add_sat_s, int16_t, int16_t, int16_t, 8, mcc_sat16(a[i] + b[i]))


/*@ mcc_i16x8_sub_sat_s */
MCC_MAP2(mcc_i16x8_sub_sat_s, int16_t, int16_t, int16_t, 8, mcc_sat16(a[i] - b[i]))


/*@ mcc_i16x8_min_s */
MCC_MAP2(mcc_i16x8_min_s, int16_t, int16_t, int16_t, 8, a[i] < b[i] ? a[i] : b[i])


/*@ mcc_i16x8_max_s */
MCC_MAP2(mcc_i16x8_max_s, int16_t, int16_t, int16_t, 8, a[i] > b[i] ? a[i] : b[i])


/*@ mcc_i16x8_q15mulr_sat_s */
/* (a * b + 2^14) >> 15, saturating */
MCC_MAP2(mcc_i16x8_q15mulr_sat_s, int16_t, int16_t, int16_t, 8, mcc_sat16((a[i] * b[i] + 0x4000) >> 15))


/*@ mcc_i16x8_shl */
MCC_SHIFT(mcc_i16x8_shl, uint16_t, 8, (uint32_t)a[i] << n)


/*@ mcc_i16x8_shr_s */
MCC_SHIFT(mcc_i16x8_shr_s, int16_t, 8, a[i] >> n)


/*@ mcc_i16x8_shr_u */
MCC_SHIFT(mcc_i16x8_shr_u, uint16_t, 8, a[i] >> n)


/*@ mcc_i16x8_narrow_i32x4_s */
#if MCC_HAS_VECTORS
MCC_NATIVE2(mcc_i16x8_narrow_i32x4_s, _mm_packs_epi32(a, b),
            mcc_neon_of_s16(vcombine_s16(vqmovn_s32(a), vqmovn_s32(b))))
#else
/* halves the width of the lanes of a, then of b, saturating */
MCC_MAP2(mcc_i16x8_narrow_i32x4_s, int32_t, int32_t, int16_t, 8, mcc_sat16(i < 4 ? a[i & 3] : b[i & 3]))
#endif


/*@ mcc_i16x8_extend_low_i8x16_s */
#if MCC_HAS_VECTORS
MCC_NATIVE1(mcc_i16x8_extend_low_i8x16_s, _mm_srai_epi16(_mm_unpacklo_epi8(a, a), 8),
            mcc_neon_of_s16(vmovl_s8(vget_low_s8(mcc_neon_s8(a)))))
#else
MCC_MAP1(mcc_i16x8_extend_low_i8x16_s, int8_t, int16_t, 8, a[i])
#endif


/*@ mcc_i16x8_extend_high_i8x16_s */
#if MCC_HAS_VECTORS
MCC_NATIVE1(mcc_i16x8_extend_high_i8x16_s, _mm_srai_epi16(_mm_unpackhi_epi8(a, a), 8),
            mcc_neon_of_s16(vmovl_high_s8(mcc_neon_s8(a))))
#else
MCC_MAP1(mcc_i16x8_extend_high_i8x16_s, int8_t, int16_t, 8, a[i + 8])
#endif


/*@ mcc_i16x8_extend_low_i8x16_u */
MCC_MAP1(mcc_i16x8_extend_low_i8x16_u, uint8_t, uint16_t, 8, a[i])


/*@ mcc_i16x8_extend_high_i8x16_u */
MCC_MAP1(mcc_i16x8_extend_high_i8x16_u, uint8_t, uint16_t, 8, a[i + 8])


/*@ mcc_i16x8_extmul_low_i8x16_s */
MCC_MAP2(mcc_i16x8_extmul_low_i8x16_s, int8_t, int8_t, int16_t, 8, a[i] * b[i])


/*@ mcc_i16x8_extmul_high_i8x16_s */
MCC_MAP2(mcc_i16x8_extmul_high_i8x16_s, int8_t, int8_t, int16_t, 8, a[i + 8] * b[i + 8])


/*@ mcc_i16x8_extadd_pairwise_i8x16_s */
MCC_MAP1(mcc_i16x8_extadd_pairwise_i8x16_s, int8_t, int16_t, 8, a[2 * i] + a[2 * i + 1])


/*@ mcc_i32x4_add */
#if MCC_HAS_VECTORS
MCC_NATIVE2(mcc_i32x4_add, _mm_add_epi32(a, b),
            vaddq_s32(a, b))
#else
#if MCC_HAS_MVE
static inline mcc_v128 mcc_i32x4_add(mcc_v128 a, mcc_v128 b) { return vaddq_s32(a, b); }
#else
MCC_MAP2(mcc_i32x4_add, uint32_t, uint32_t, uint32_t, 4, a[i] + b[i])
#endif
#endif


/*@ mcc_i32x4_sub */
#if MCC_HAS_VECTORS
MCC_NATIVE2(mcc_i32x4_sub, _mm_sub_epi32(a, b),
            vsubq_s32(a, b))
#else
#if MCC_HAS_MVE
static inline mcc_v128 mcc_i32x4_sub(mcc_v128 a, mcc_v128 b) { return vsubq_s32(a, b); }
#else
MCC_MAP2(mcc_i32x4_sub, uint32_t, uint32_t, uint32_t, 4, a[i] - b[i])
#endif
#endif


/*@ mcc_i32x4_mul */
#if MCC_HAS_VECTORS
MCC_NATIVE2(mcc_i32x4_mul, MCC_SSE41(_mm_mullo_epi32(a, b),
                      mcc_sse_mul_low(a, b)),
            vmulq_s32(a, b))
#else
#if MCC_HAS_MVE
static inline mcc_v128 mcc_i32x4_mul(mcc_v128 a, mcc_v128 b) { return vmulq_s32(a, b); }
#else
MCC_MAP2(mcc_i32x4_mul, uint32_t, uint32_t, uint32_t, 4, a[i] * b[i])
#endif
#endif


/*@ mcc_i32x4_min_s */
#if MCC_HAS_VECTORS
MCC_NATIVE2(mcc_i32x4_min_s, MCC_SSE41(_mm_min_epi32(a, b), mcc_sse_pick(_mm_cmplt_epi32(a, b), a, b)),
            vminq_s32(a, b))
#else
#if MCC_HAS_MVE
static inline mcc_v128 mcc_i32x4_min_s(mcc_v128 a, mcc_v128 b) { return vminq_s32(a, b); }
#else
MCC_MAP2(mcc_i32x4_min_s, int32_t, int32_t, int32_t, 4, a[i] < b[i] ? a[i] : b[i])
#endif
#endif


/*@ mcc_i32x4_max_s */
#if MCC_HAS_VECTORS
MCC_NATIVE2(mcc_i32x4_max_s, MCC_SSE41(_mm_max_epi32(a, b), mcc_sse_pick(_mm_cmpgt_epi32(a, b), a, b)),
            vmaxq_s32(a, b))
#else
#if MCC_HAS_MVE
static inline mcc_v128 mcc_i32x4_max_s(mcc_v128 a, mcc_v128 b) { return vmaxq_s32(a, b); }
#else
MCC_MAP2(mcc_i32x4_max_s, int32_t, int32_t, int32_t, 4, a[i] > b[i] ? a[i] : b[i])
#endif
#endif


/*@ mcc_i32x4_shl */
#if MCC_HAS_VECTORS
MCC_NATIVE_SHIFT(mcc_i32x4_shl, _mm_slli_epi32(a, n),
                 vshlq_s32(a, vdupq_n_s32(n)))
#else
MCC_SHIFT(mcc_i32x4_shl, uint32_t, 4, a[i] << n)
#endif


/*@ mcc_i32x4_shr_s */
#if MCC_HAS_VECTORS
MCC_NATIVE_SHIFT(mcc_i32x4_shr_s, _mm_srai_epi32(a, n),
                 vshlq_s32(a, vdupq_n_s32(-n)))
#else
#if MCC_HAS_MVE
static inline mcc_v128 mcc_i32x4_shr_s(mcc_v128 a, int32_t n) { return vshlq_r_s32(a, -n); }
#else
MCC_SHIFT(mcc_i32x4_shr_s, int32_t, 4, a[i] >> n)
#endif
#endif


/*@ mcc_i32x4_shr_u */
#if MCC_HAS_VECTORS
MCC_NATIVE_SHIFT(mcc_i32x4_shr_u, _mm_srli_epi32(a, n),
            mcc_neon_of_u32(vshlq_u32(vreinterpretq_u32_s32(a), vdupq_n_s32(-n))))
#else
MCC_SHIFT(mcc_i32x4_shr_u, uint32_t, 4, a[i] >> n)
#endif


/*@ mcc_i32x4_eq */
#if MCC_HAS_VECTORS
MCC_NATIVE2(mcc_i32x4_eq, _mm_cmpeq_epi32(a, b),
            mcc_neon_of_u32(vceqq_s32(a, b)))
#else
MCC_MAP2(mcc_i32x4_eq, int32_t, int32_t, int32_t, 4, a[i] == b[i] ? -1 : 0)
#endif


/*@ mcc_i32x4_gt_s */
#if MCC_HAS_VECTORS
MCC_NATIVE2(mcc_i32x4_gt_s, _mm_cmpgt_epi32(a, b),
            mcc_neon_of_u32(vcgtq_s32(a, b)))
#else
MCC_MAP2(mcc_i32x4_gt_s, int32_t, int32_t, int32_t, 4, a[i] > b[i] ? -1 : 0)
#endif


/*@ mcc_i32x4_extend_low_i16x8_s */
#if MCC_HAS_VECTORS
MCC_NATIVE1(mcc_i32x4_extend_low_i16x8_s, _mm_srai_epi32(_mm_unpacklo_epi16(a, a), 16),
            vmovl_s16(vget_low_s16(mcc_neon_s16(a))))
#else
MCC_MAP1(mcc_i32x4_extend_low_i16x8_s, int16_t, int32_t, 4, a[i])
#endif


/*@ mcc_i32x4_extend_high_i16x8_s */
#if MCC_HAS_VECTORS
MCC_NATIVE1(mcc_i32x4_extend_high_i16x8_s, _mm_srai_epi32(_mm_unpackhi_epi16(a, a), 16),
            vmovl_high_s16(mcc_neon_s16(a)))
#else
MCC_MAP1(mcc_i32x4_extend_high_i16x8_s, int16_t, int32_t, 4, a[i + 4])
#endif


/*@ mcc_i32x4_extmul_low_i16x8_s */
MCC_MAP2(mcc_i32x4_extmul_low_i16x8_s, int16_t, int16_t, int32_t, 4, a[i] * b[i])


/*@ mcc_i32x4_extmul_high_i16x8_s */
MCC_MAP2(mcc_i32x4_extmul_high_i16x8_s, int16_t, int16_t, int32_t, 4, a[i + 4] * b[i + 4])


/*@ mcc_i32x4_extadd_pairwise_i16x8_s */
MCC_MAP1(mcc_i32x4_extadd_pairwise_i16x8_s, int16_t, int32_t, 4, a[2 * i] + a[2 * i + 1])


/*@ mcc_i32x4_dot_i16x8_s */
#if MCC_HAS_VECTORS
MCC_NATIVE2(mcc_i32x4_dot_i16x8_s, _mm_madd_epi16(a, b),
            vpaddq_s32(vmull_s16(vget_low_s16(mcc_neon_s16(a)), vget_low_s16(mcc_neon_s16(b))),
                       vmull_high_s16(mcc_neon_s16(a), mcc_neon_s16(b))))
#else
/* products of halfwords, added in pairs, wrapping */
MCC_MAP2(mcc_i32x4_dot_i16x8_s, int16_t, int16_t, uint32_t, 4, (uint32_t)(a[2 * i] * b[2 * i]) + (uint32_t)(a[2 * i + 1] * b[2 * i + 1]))
#endif


/*@ mcc_i64x2_extmul_low_i32x4_s */
#if MCC_HAS_VECTORS
MCC_NATIVE2(mcc_i64x2_extmul_low_i32x4_s, MCC_SSE41(_mm_mul_epi32(_mm_unpacklo_epi32(a, a), _mm_unpacklo_epi32(b, b)),
                      mcc_sse_mul_wide(_mm_unpacklo_epi32(a, a), _mm_unpacklo_epi32(b, b))),
            mcc_neon_of_s64(vmull_s32(vget_low_s32(a), vget_low_s32(b))))
#else
MCC_MAP2(mcc_i64x2_extmul_low_i32x4_s, int32_t, int32_t, int64_t, 2, (int64_t)a[i] * b[i])
#endif


/*@ mcc_i64x2_extmul_high_i32x4_s */
#if MCC_HAS_VECTORS
MCC_NATIVE2(mcc_i64x2_extmul_high_i32x4_s, MCC_SSE41(_mm_mul_epi32(_mm_unpackhi_epi32(a, a), _mm_unpackhi_epi32(b, b)),
                      mcc_sse_mul_wide(_mm_unpackhi_epi32(a, a), _mm_unpackhi_epi32(b, b))),
            mcc_neon_of_s64(vmull_high_s32(a, b)))
#else
MCC_MAP2(mcc_i64x2_extmul_high_i32x4_s, int32_t, int32_t, int64_t, 2, (int64_t)a[i + 2] * b[i + 2])
#endif


/*@ mcc_i64x2_add */
#if MCC_HAS_VECTORS
MCC_NATIVE2(mcc_i64x2_add, _mm_add_epi64(a, b),
            mcc_neon_of_s64(vaddq_s64(mcc_neon_s64(a), mcc_neon_s64(b))))
#else
MCC_MAP2(mcc_i64x2_add, uint64_t, uint64_t, uint64_t, 2, a[i] + b[i])
#endif


/*@ MCC_HAS_DOT */
/* 64-bit Arm with dot products of signed bytes: -march=armv8.2-a+dotprod and what includes it. */
#if MCC_HAS_NEON && defined(__ARM_FEATURE_DOTPROD)
#define MCC_HAS_DOT 1
#else
#define MCC_HAS_DOT 0
#endif


/*@ mcc_i32x4_sdot_i8x16 */
/* lane i is c[i] plus the four products of bytes 4i .. 4i + 3, wrapping */
#if MCC_HAS_NEON
static inline mcc_v128 mcc_i32x4_sdot_i8x16(mcc_v128 va, mcc_v128 vb, mcc_v128 vc) {
  int8x16_t a = mcc_neon_s8(va);
  int8x16_t b = mcc_neon_s8(vb);
#if MCC_HAS_DOT
  return vdotq_s32(vc, a, b);
#else
  /* Two products of -128 by -128 do not fit in 16 bits together, so pairs are added in 32. */
  int32x4_t low = vpaddlq_s16(vmull_s8(vget_low_s8(a), vget_low_s8(b)));
  int32x4_t high = vpaddlq_s16(vmull_high_s8(a, b));
  return vaddq_s32(vc, vpaddq_s32(low, high));
#endif
}
#else
static inline mcc_v128 mcc_i32x4_sdot_i8x16(mcc_v128 va, mcc_v128 vb, mcc_v128 vc) {
  int8_t a[16];
  int8_t b[16];
  uint32_t c[4];
  memcpy(a, &va, sizeof a);
  memcpy(b, &vb, sizeof b);
  memcpy(c, &vc, sizeof c);
  for (int i = 0; i < 16; i += 1) {
    c[i / 4] += (uint32_t)(a[i] * b[i]);
  }
  memcpy(&vc, c, sizeof vc);
  return vc;
}
#endif


/*@ mcc_i32x4_sdot_lane_i8x16 */
/* as sdot with bytes 4 * lane .. 4 * lane + 3 of b for all lanes */
static inline mcc_v128 mcc_i32x4_sdot_lane_i8x16(mcc_v128 va, mcc_v128 vb, mcc_v128 vc, int lane) {
#if MCC_HAS_DOT
  /* The instruction wants a constant. */
  switch (lane) {
    case 0: return vdotq_laneq_s32(vc, mcc_neon_s8(va), mcc_neon_s8(vb), 0);
    case 1: return vdotq_laneq_s32(vc, mcc_neon_s8(va), mcc_neon_s8(vb), 1);
    case 2: return vdotq_laneq_s32(vc, mcc_neon_s8(va), mcc_neon_s8(vb), 2);
    default: return vdotq_laneq_s32(vc, mcc_neon_s8(va), mcc_neon_s8(vb), 3);
  }
#elif MCC_HAS_NEON
  switch (lane) {
    case 0: return mcc_i32x4_sdot_i8x16(va, vdupq_laneq_s32(vb, 0), vc);
    case 1: return mcc_i32x4_sdot_i8x16(va, vdupq_laneq_s32(vb, 1), vc);
    case 2: return mcc_i32x4_sdot_i8x16(va, vdupq_laneq_s32(vb, 2), vc);
    default: return mcc_i32x4_sdot_i8x16(va, vdupq_laneq_s32(vb, 3), vc);
  }
#else
  uint8_t b[16];
  memcpy(b, &vb, sizeof b);
  for (int i = 0; i < 16; i += 1) {
    b[i] = b[4 * lane + i % 4];
  }
  memcpy(&vb, b, sizeof vb);
  return mcc_i32x4_sdot_i8x16(va, vb, vc);
#endif
}


/*@ mcc_i32x4_usdot_i8x16 */
/* as sdot with b unsigned, wrapping */
static inline mcc_v128 mcc_i32x4_usdot_i8x16(mcc_v128 va, mcc_v128 vb, mcc_v128 vc) {
  int8_t a[16];
  uint8_t b[16];
  uint32_t c[4];
  memcpy(a, &va, sizeof a);
  memcpy(b, &vb, sizeof b);
  memcpy(c, &vc, sizeof c);
  for (int i = 0; i < 16; i += 1) {
    c[i / 4] += (uint32_t)(a[i] * b[i]);
  }
  memcpy(&vc, c, sizeof vc);
  return vc;
}


/*@ mcc_i32x4_trunc_sat_f32x4_s */
MCC_MAP1(mcc_i32x4_trunc_sat_f32x4_s, float, int32_t, 4, mcc_i32_from_f32(a[i]))


/*@ mcc_f32x4_convert_i32x4_s */
#if MCC_HAS_VECTORS
MCC_NATIVE1(mcc_f32x4_convert_i32x4_s, mcc_sse_of_f32(_mm_cvtepi32_ps(a)),
            mcc_neon_of_f32(vcvtq_f32_s32(a)))
#else
MCC_MAP1(mcc_f32x4_convert_i32x4_s, int32_t, float, 4, a[i])
#endif


/*@ mcc_f32x4_add */
#if MCC_HAS_VECTORS
MCC_NATIVE2(mcc_f32x4_add, mcc_sse_of_f32(_mm_add_ps(mcc_sse_f32(a), mcc_sse_f32(b))),
            mcc_neon_of_f32(vaddq_f32(mcc_neon_f32(a), mcc_neon_f32(b))))
#else
MCC_MAP2(mcc_f32x4_add, float, float, float, 4, a[i] + b[i])
#endif


/*@ mcc_f32x4_sub */
#if MCC_HAS_VECTORS
MCC_NATIVE2(mcc_f32x4_sub, mcc_sse_of_f32(_mm_sub_ps(mcc_sse_f32(a), mcc_sse_f32(b))),
            mcc_neon_of_f32(vsubq_f32(mcc_neon_f32(a), mcc_neon_f32(b))))
#else
MCC_MAP2(mcc_f32x4_sub, float, float, float, 4, a[i] - b[i])
#endif


/*@ mcc_f32x4_mul */
#if MCC_HAS_VECTORS
MCC_NATIVE2(mcc_f32x4_mul, mcc_sse_of_f32(_mm_mul_ps(mcc_sse_f32(a), mcc_sse_f32(b))),
            mcc_neon_of_f32(vmulq_f32(mcc_neon_f32(a), mcc_neon_f32(b))))
#else
MCC_MAP2(mcc_f32x4_mul, float, float, float, 4, a[i] * b[i])
#endif


/*@ mcc_f32x4_div */
#if MCC_HAS_VECTORS
MCC_NATIVE2(mcc_f32x4_div, mcc_sse_of_f32(_mm_div_ps(mcc_sse_f32(a), mcc_sse_f32(b))),
            mcc_neon_of_f32(vdivq_f32(mcc_neon_f32(a), mcc_neon_f32(b))))
#else
MCC_MAP2(mcc_f32x4_div, float, float, float, 4, a[i] / b[i])
#endif


/*@ mcc_f32x4_pmin */
#if MCC_HAS_VECTORS
MCC_NATIVE2(mcc_f32x4_pmin, mcc_sse_of_f32(_mm_min_ps(mcc_sse_f32(b), mcc_sse_f32(a))),
            vbslq_s32(vcltq_f32(mcc_neon_f32(b), mcc_neon_f32(a)), b, a))
#else
MCC_MAP2(mcc_f32x4_pmin, float, float, float, 4, b[i] < a[i] ? b[i] : a[i])
#endif


/*@ mcc_f32x4_pmax */
#if MCC_HAS_VECTORS
MCC_NATIVE2(mcc_f32x4_pmax, mcc_sse_of_f32(_mm_max_ps(mcc_sse_f32(b), mcc_sse_f32(a))),
            vbslq_s32(vcltq_f32(mcc_neon_f32(a), mcc_neon_f32(b)), b, a))
#else
MCC_MAP2(mcc_f32x4_pmax, float, float, float, 4, a[i] < b[i] ? b[i] : a[i])
#endif


/*@ mcc_f32x4_lt */
#if MCC_HAS_VECTORS
MCC_NATIVE2(mcc_f32x4_lt, mcc_sse_of_f32(_mm_cmplt_ps(mcc_sse_f32(a), mcc_sse_f32(b))),
            mcc_neon_of_u32(vcltq_f32(mcc_neon_f32(a), mcc_neon_f32(b))))
#else
MCC_MAP2(mcc_f32x4_lt, float, float, int32_t, 4, a[i] < b[i] ? -1 : 0)
#endif


/*@ mcc_f32x4_eq */
#if MCC_HAS_VECTORS
MCC_NATIVE2(mcc_f32x4_eq, mcc_sse_of_f32(_mm_cmpeq_ps(mcc_sse_f32(a), mcc_sse_f32(b))),
            mcc_neon_of_u32(vceqq_f32(mcc_neon_f32(a), mcc_neon_f32(b))))
#else
MCC_MAP2(mcc_f32x4_eq, float, float, int32_t, 4, a[i] == b[i] ? -1 : 0)
#endif


/*@ mcc_f32x4_abs */
#if MCC_HAS_VECTORS
MCC_NATIVE1(mcc_f32x4_abs, _mm_and_si128(a, _mm_set1_epi32(INT32_MAX)),
            mcc_neon_of_f32(vabsq_f32(mcc_neon_f32(a))))
#else
MCC_MAP1(mcc_f32x4_abs, float, float, 4, mcc_abs_f32(a[i]))
#endif


/*@ mcc_f32x4_neg */
#if MCC_HAS_VECTORS
MCC_NATIVE1(mcc_f32x4_neg, _mm_xor_si128(a, _mm_set1_epi32(INT32_MIN)),
            mcc_neon_of_f32(vnegq_f32(mcc_neon_f32(a))))
#else
MCC_MAP1(mcc_f32x4_neg, float, float, 4, -a[i])
#endif


/*@ mcc_f32x4_sqrt */
#if MCC_HAS_VECTORS
MCC_NATIVE1(mcc_f32x4_sqrt, mcc_sse_of_f32(_mm_sqrt_ps(mcc_sse_f32(a))),
            mcc_neon_of_f32(vsqrtq_f32(mcc_neon_f32(a))))
#else
MCC_MAP1(mcc_f32x4_sqrt, float, float, 4, mcc_sqrt_f32(a[i]))
#endif


/*@ mcc_f32x4_floor */
#if MCC_HAS_VECTORS
MCC_NATIVE1(mcc_f32x4_floor, MCC_SSE41(mcc_sse_of_f32(_mm_floor_ps(mcc_sse_f32(a))), mcc_sse_floor(a)),
            mcc_neon_of_f32(vrndmq_f32(mcc_neon_f32(a))))
#else
MCC_MAP1(mcc_f32x4_floor, float, float, 4, mcc_floor_f32(a[i]))
#endif


/*@ mcc_f32x4_ceil */
#if MCC_HAS_VECTORS
MCC_NATIVE1(mcc_f32x4_ceil, MCC_SSE41(mcc_sse_of_f32(_mm_ceil_ps(mcc_sse_f32(a))), mcc_sse_ceil(a)),
            mcc_neon_of_f32(vrndpq_f32(mcc_neon_f32(a))))
#else
MCC_MAP1(mcc_f32x4_ceil, float, float, 4, mcc_ceil_f32(a[i]))
#endif


/*@ mcc_f32x4_nearest */
#if MCC_HAS_VECTORS
MCC_NATIVE1(mcc_f32x4_nearest, MCC_SSE41(mcc_sse_of_f32(_mm_round_ps(mcc_sse_f32(a), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)), mcc_sse_nearest(a)),
            mcc_neon_of_f32(vrndnq_f32(mcc_neon_f32(a))))
#else
MCC_MAP1(mcc_f32x4_nearest, float, float, 4, mcc_nearest_f32(a[i]))
#endif


/*@ mcc_address */
/* x, of which the compiler is not told what it is: addresses made with it share one register */
static inline int32_t mcc_address(int32_t x) {
#if defined(__GNUC__)
  __asm__ volatile("" : "+r"(x));
#endif
  return x;
}

/*@ mcc_vmladav_s8 */
/* the sum of the 16 products of signed bytes */
static inline int32_t mcc_vmladav_s8(mcc_v128 va, mcc_v128 vb) {
#if MCC_HAS_MVE
  return vmladavq_s8(mcc_mve_i8(va), mcc_mve_i8(vb));
#else
  int8_t a[16];
  int8_t b[16];
  int32_t sum = 0;
  memcpy(a, &va, sizeof a);
  memcpy(b, &vb, sizeof b);
  for (int i = 0; i < 16; i += 1) {
    sum += a[i] * b[i];
  }
  return sum;
#endif
}

/*@ mcc_vmladava_s8 */
/* acc plus the sum of the 16 products of signed bytes, wrapping */
static inline int32_t mcc_vmladava_s8(int32_t acc, mcc_v128 a, mcc_v128 b) {
#if MCC_HAS_MVE
  return vmladavaq_s8(acc, mcc_mve_i8(a), mcc_mve_i8(b));
#else
  return mcc_add_wrap(acc, mcc_vmladav_s8(a, b));
#endif
}

/*@ mcc_vaddv_s8 */
/* the sum of the 16 signed bytes */
static inline int32_t mcc_vaddv_s8(mcc_v128 va) {
#if MCC_HAS_MVE
  return vaddvq_s8(mcc_mve_i8(va));
#else
  int8_t a[16];
  int32_t sum = 0;
  memcpy(a, &va, sizeof a);
  for (int i = 0; i < 16; i += 1) {
    sum += a[i];
  }
  return sum;
#endif
}

/*@ mcc_vmullb_s8 */
/* products of the signed bytes with even numbers */
#if MCC_HAS_MVE
static inline mcc_v128 mcc_vmullb_s8(mcc_v128 a, mcc_v128 b) { return mcc_mve_of_i16(vmullbq_int_s8(mcc_mve_i8(a), mcc_mve_i8(b))); }
#else
MCC_MAP2(mcc_vmullb_s8, int8_t, int8_t, int16_t, 8, a[2 * i] * b[2 * i])
#endif

/*@ mcc_vmullt_s8 */
/* products of the signed bytes with odd numbers */
#if MCC_HAS_MVE
static inline mcc_v128 mcc_vmullt_s8(mcc_v128 a, mcc_v128 b) { return mcc_mve_of_i16(vmulltq_int_s8(mcc_mve_i8(a), mcc_mve_i8(b))); }
#else
MCC_MAP2(mcc_vmullt_s8, int8_t, int8_t, int16_t, 8, a[2 * i + 1] * b[2 * i + 1])
#endif

/*@ mcc_vmovlb_s8 */
/* the signed bytes with even numbers as halfwords */
#if MCC_HAS_MVE
static inline mcc_v128 mcc_vmovlb_s8(mcc_v128 a) { return mcc_mve_of_i16(vmovlbq_s8(mcc_mve_i8(a))); }
#else
MCC_MAP1(mcc_vmovlb_s8, int8_t, int16_t, 8, a[2 * i])
#endif

/*@ mcc_vmovlb_s16 */
/* the signed halfwords with even numbers as words */
#if MCC_HAS_MVE
static inline mcc_v128 mcc_vmovlb_s16(mcc_v128 a) { return vmovlbq_s16(mcc_mve_i16(a)); }
#else
MCC_MAP1(mcc_vmovlb_s16, int16_t, int32_t, 4, a[2 * i])
#endif

/*@ mcc_vmovlt_s8 */
/* the signed bytes with odd numbers as halfwords */
#if MCC_HAS_MVE
static inline mcc_v128 mcc_vmovlt_s8(mcc_v128 a) { return mcc_mve_of_i16(vmovltq_s8(mcc_mve_i8(a))); }
#else
MCC_MAP1(mcc_vmovlt_s8, int8_t, int16_t, 8, a[2 * i + 1])
#endif

/*@ mcc_vmovlt_s16 */
/* the signed halfwords with odd numbers as words */
#if MCC_HAS_MVE
static inline mcc_v128 mcc_vmovlt_s16(mcc_v128 a) { return vmovltq_s16(mcc_mve_i16(a)); }
#else
MCC_MAP1(mcc_vmovlt_s16, int16_t, int32_t, 4, a[2 * i + 1])
#endif

/*@ mcc_add_mullb_s8 */
/* acc plus the products of the signed bytes with even numbers; the sum stays where it is written, and takes the place of b */
static inline mcc_v128 mcc_add_mullb_s8(mcc_v128 acc, mcc_v128 a, mcc_v128 b) {
#if MCC_MVE_ORDERED
  __asm__ volatile("vmullb.s8 %q1, %q2, %q1\n\tvadd.i16 %q0, %q0, %q1" : "+&w"(acc), "+w"(b) : "w"(a));
  return acc;
#else
  return mcc_i16x8_add(acc, mcc_vmullb_s8(a, b));
#endif
}

/*@ mcc_add_mullt_s8 */
/* acc plus the products of the signed bytes with odd numbers; the sum stays where it is written, and takes the place of b */
static inline mcc_v128 mcc_add_mullt_s8(mcc_v128 acc, mcc_v128 a, mcc_v128 b) {
#if MCC_MVE_ORDERED
  __asm__ volatile("vmullt.s8 %q1, %q2, %q1\n\tvadd.i16 %q0, %q0, %q1" : "+&w"(acc), "+w"(b) : "w"(a));
  return acc;
#else
  return mcc_i16x8_add(acc, mcc_vmullt_s8(a, b));
#endif
}

/*@ mcc_add_movlb_s16 */
/* acc plus the signed halfwords with even numbers; the sum stays where it is written */
static inline mcc_v128 mcc_add_movlb_s16(mcc_v128 acc, mcc_v128 a) {
#if MCC_MVE_ORDERED
  mcc_v128 wide;
  __asm__ volatile("vmovlb.s16 %q1, %q2\n\tvadd.i32 %q0, %q0, %q1" : "+&w"(acc), "=&w"(wide) : "w"(a));
  return acc;
#else
  return mcc_i32x4_add(acc, mcc_vmovlb_s16(a));
#endif
}

/*@ mcc_add_movlt_s16 */
/* acc plus the signed halfwords with odd numbers; the sum stays where it is written */
static inline mcc_v128 mcc_add_movlt_s16(mcc_v128 acc, mcc_v128 a) {
#if MCC_MVE_ORDERED
  mcc_v128 wide;
  __asm__ volatile("vmovlt.s16 %q1, %q2\n\tvadd.i32 %q0, %q0, %q1" : "+&w"(acc), "=&w"(wide) : "w"(a));
  return acc;
#else
  return mcc_i32x4_add(acc, mcc_vmovlt_s16(a));
#endif
}

/*@ mcc_vqmovn_s32 */
/* a in the even halfwords and b in the odd ones, saturated */
#if MCC_HAS_MVE
static inline mcc_v128 mcc_vqmovn_s32(mcc_v128 a, mcc_v128 b) {
#if MCC_MVE_ORDERED
  __asm__("vqmovnb.s32 %q0, %q0\n\tvqmovnt.s32 %q0, %q1" : "+&w"(a) : "w"(b));
  return a;
#else
  return mcc_mve_of_i16(vqmovntq_s32(vqmovnbq_s32(mcc_mve_i16(a), a), b));
#endif
}
#else
MCC_MAP2(mcc_vqmovn_s32, int32_t, int32_t, int16_t, 8, mcc_sat16((i & 1) != 0 ? b[i / 2] : a[i / 2]))
#endif

/*@ mcc_vqmovn_s16 */
/* a in the even bytes and b in the odd ones, saturated */
#if MCC_HAS_MVE
static inline mcc_v128 mcc_vqmovn_s16(mcc_v128 a, mcc_v128 b) {
#if MCC_MVE_ORDERED
  __asm__("vqmovnb.s16 %q0, %q0\n\tvqmovnt.s16 %q0, %q1" : "+&w"(a) : "w"(b));
  return a;
#else
  return mcc_mve_of_i8(vqmovntq_s16(vqmovnbq_s16(mcc_mve_i8(a), mcc_mve_i16(a)), mcc_mve_i16(b)));
#endif
}
#else
MCC_MAP2(mcc_vqmovn_s16, int16_t, int16_t, int8_t, 16, mcc_sat8((i & 1) != 0 ? b[i / 2] : a[i / 2]))
#endif

/*@ mcc_vqadd_n_s16 */
/* every halfword plus the low halfword of n, saturating */
#if MCC_HAS_MVE
static inline mcc_v128 mcc_vqadd_n_s16(mcc_v128 a, int32_t n) { return mcc_mve_of_i16(vqaddq_n_s16(mcc_mve_i16(a), (int16_t)n)); }
#else
MCC_SHIFT(mcc_vqadd_n_s16, int16_t, 8, mcc_sat16(a[i] + (int16_t)n))
#endif

/*@ mcc_vadd_n_s32 */
/* every word plus n, wrapping */
#if MCC_HAS_MVE
static inline mcc_v128 mcc_vadd_n_s32(mcc_v128 a, int32_t n) { return vaddq_n_s32(a, n); }
#else
MCC_SHIFT(mcc_vadd_n_s32, int32_t, 4, mcc_add_wrap(a[i], n))
#endif

/*@ mcc_vmul_n_s32 */
/* every word times n, wrapping */
#if MCC_HAS_MVE
static inline mcc_v128 mcc_vmul_n_s32(mcc_v128 a, int32_t n) { return vmulq_n_s32(a, n); }
#else
MCC_SHIFT(mcc_vmul_n_s32, int32_t, 4, mcc_mul_wrap(a[i], n))
#endif

/*@ mcc_vmla_n_s32 */
/* every word of a plus n times that of b, wrapping */
static inline mcc_v128 mcc_vmla_n_s32(mcc_v128 a, mcc_v128 b, int32_t n) {
#if MCC_HAS_MVE
  return vmlaq_n_s32(a, b, n);
#else
  int32_t sum[4];
  int32_t x[4];
  memcpy(sum, &a, sizeof sum);
  memcpy(x, &b, sizeof x);
  for (int i = 0; i < 4; i += 1) {
    sum[i] = mcc_add_wrap(sum[i], mcc_mul_wrap(x[i], n));
  }
  memcpy(&a, sum, sizeof a);
  return a;
#endif
}

/*@ mcc_vqrdmulh_s32 */
/* mcc_sqrdmulh of every word */
#if MCC_HAS_MVE
static inline mcc_v128 mcc_vqrdmulh_s32(mcc_v128 a, mcc_v128 b) { return vqrdmulhq_s32(a, b); }
#else
MCC_MAP2(mcc_vqrdmulh_s32, int32_t, int32_t, int32_t, 4, mcc_sqrdmulh(a[i], b[i]))
#endif

/*@ mcc_vqrdmulh_n_s32 */
/* mcc_sqrdmulh of every word and n */
#if MCC_HAS_MVE
static inline mcc_v128 mcc_vqrdmulh_n_s32(mcc_v128 a, int32_t n) { return vqrdmulhq_n_s32(a, n); }
#else
MCC_SHIFT(mcc_vqrdmulh_n_s32, int32_t, 4, mcc_sqrdmulh(a[i], n))
#endif

/*@ mcc_vrshl */
/* x shifted left by the signed low byte of n, or right by its magnitude, rounding half up */
static inline int32_t mcc_vrshl(int32_t x, int32_t n) {
  const int32_t by = (int8_t)n;
  if (by >= 0) {
    return by > 31 ? 0 : (int32_t)((uint32_t)x << by);
  }
  return by < -32 ? 0 : (int32_t)((x + (INT64_C(1) << (-by - 1))) >> -by);
}

/*@ mcc_vrshl_s32 */
/* mcc_vrshl of every word */
#if MCC_HAS_MVE
static inline mcc_v128 mcc_vrshl_s32(mcc_v128 a, mcc_v128 b) { return vrshlq_s32(a, b); }
#else
MCC_MAP2(mcc_vrshl_s32, int32_t, int32_t, int32_t, 4, mcc_vrshl(a[i], b[i]))
#endif

/*@ mcc_vrshl_n_s32 */
/* mcc_vrshl of every word and n */
#if MCC_HAS_MVE
static inline mcc_v128 mcc_vrshl_n_s32(mcc_v128 a, int32_t n) { return vrshlq_n_s32(a, n); }
#else
MCC_SHIFT(mcc_vrshl_n_s32, int32_t, 4, mcc_vrshl(a[i], n))
#endif

/*@ mcc_less_if_negative_s32 */
/* every word, less one where it is negative */
#if MCC_HAS_MVE
static inline mcc_v128 mcc_less_if_negative_s32(mcc_v128 a) { return vaddq_s32(a, vshrq_n_s32(a, 31)); }
#else
MCC_MAP1(mcc_less_if_negative_s32, int32_t, int32_t, 4, mcc_add_wrap(a[i], a[i] >> 31))
#endif

/*@ end */
#endif
