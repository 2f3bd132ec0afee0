/* Start-up of a Cortex-M: vector table, FPU, memory, then the harness. No interrupt is ever enabled. */
#include "mcc_io.h"
#include "mcc_text.h"

#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* From the linker script. */
extern uint8_t mcc_stack_bottom[];
extern uint8_t mcc_stack_top[];
extern uint8_t mcc_data_start[];
extern uint8_t mcc_data_end[];
extern const uint8_t mcc_data_image[];
extern uint8_t mcc_bss_start[];
extern uint8_t mcc_bss_end[];

void mcc_fault(void);
void mcc_barrier(void);
void mcc_reset(void);
void mcc_report_fault(const uint32_t *frame, uint32_t exception);
__attribute__((noinline)) void mcc_prepare_memory(void);

typedef struct vector_table {
  uint8_t *initial_stack;
  void (*handlers[15])(void); /* reset, then the system exceptions 2 to 15 */
} vector_table;

extern const vector_table mcc_vectors;
__attribute__((section(".vectors"), used)) const vector_table mcc_vectors = {
    mcc_stack_top,
    {mcc_reset, mcc_fault, mcc_fault, mcc_fault, mcc_fault, mcc_fault, mcc_fault, mcc_fault, mcc_fault, mcc_fault,
     mcc_fault, mcc_fault, mcc_fault, mcc_fault, mcc_fault},
};

#ifdef __cplusplus
}
#endif

/* System control block and memory protection unit, Armv7-M Architecture Reference Manual sections B3.2 and B3.5. */
#define SCB_CCR (*(volatile uint32_t *)0xe000ed14u)
#define SCB_CFSR (*(volatile uint32_t *)0xe000ed28u)
#define SCB_CPACR (*(volatile uint32_t *)0xe000ed88u)
#define CCR_UNALIGN_TRP (1u << 3)
#define CPACR_CP10_CP11_FULL (0xfu << 20)
#define MPU_CTRL (*(volatile uint32_t *)0xe000ed94u)
#define MPU_RNR (*(volatile uint32_t *)0xe000ed98u)
#define MPU_RBAR (*(volatile uint32_t *)0xe000ed9cu)
#define MPU_RASR (*(volatile uint32_t *)0xe000eda0u)
#define MPU_ENABLE_WITH_BACKGROUND 5u
#define GUARD_BYTES 65536u
#define NO_ACCESS_64K ((15u << 1) | 1u)

/* Nothing here may use a floating-point or vector register before they are switched on, so the
 * rest lives in functions of its own that are not inlined. */
void mcc_reset(void) {
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
  SCB_CPACR = SCB_CPACR | CPACR_CP10_CP11_FULL;
#endif
#if defined(__ARM_ARCH_6M__)
  /* Armv6-M faults on every unaligned access. Where its code runs on a larger core, make that core as strict. */
  SCB_CCR = SCB_CCR | CCR_UNALIGN_TRP;
#endif
#if defined(__ARM_ARCH_6M__) || defined(__ARM_ARCH_7M__) || defined(__ARM_ARCH_7EM__)
  /* On these boards the addresses below the stack exist, as reserved ones that swallow writes: no access there, so
   * that a stack overflow faults. The later boards have nothing there. */
  MPU_RNR = 0;
  MPU_RBAR = (uint32_t)(uintptr_t)mcc_stack_bottom - GUARD_BYTES;
  MPU_RASR = NO_ACCESS_64K;
  MPU_CTRL = MPU_ENABLE_WITH_BACKGROUND;
#endif
  mcc_barrier();
  mcc_prepare_memory();
  mcc_io_start();
}

void mcc_prepare_memory(void) {
  memcpy(mcc_data_start, mcc_data_image, (size_t)(mcc_data_end - mcc_data_start));
  memset(mcc_bss_start, 0, (size_t)(mcc_bss_end - mcc_bss_start));
}

void mcc_report_fault(const uint32_t *frame, uint32_t exception) {
  mcc_text text;
  mcc_text_clear(&text);
  mcc_text_add(&text, "mcc: fault: exception ");
  mcc_text_add_decimal(&text, exception);
  uintptr_t stack = (uintptr_t)frame;
  /* The eight words that the core pushed, if it still had a stack to push them on. */
  if (stack >= (uintptr_t)mcc_stack_bottom && stack + 32 <= (uintptr_t)mcc_stack_top) {
    mcc_text_add(&text, " at pc 0x");
    mcc_text_add_hex32(&text, frame[6]);
    mcc_text_add(&text, " lr 0x");
    mcc_text_add_hex32(&text, frame[5]);
  } else {
    mcc_text_add(&text, ", stack overflow: sp 0x");
    mcc_text_add_hex32(&text, (uint32_t)stack);
  }
#if !defined(__ARM_ARCH_6M__)
  mcc_text_add(&text, " cfsr 0x");
  mcc_text_add_hex32(&text, SCB_CFSR);
#endif
  mcc_text_add(&text, "\n");
  mcc_io_print_error(text.chars);
  mcc_io_exit(1);
}
