/* Start-up of a 32-bit RISC-V in machine mode: memory, then the harness. No interrupt is ever enabled. */
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

void mcc_start(void);
void mcc_report_trap(uint32_t cause, uint32_t pc, uint32_t value, uint32_t stack);

#ifdef __cplusplus
}
#endif

void mcc_start(void) {
  memcpy(mcc_data_start, mcc_data_image, (size_t)(mcc_data_end - mcc_data_start));
  memset(mcc_bss_start, 0, (size_t)(mcc_bss_end - mcc_bss_start));
  mcc_io_start();
}

void mcc_report_trap(uint32_t cause, uint32_t pc, uint32_t value, uint32_t stack) {
  mcc_text text;
  mcc_text_clear(&text);
  mcc_text_add(&text, "mcc: fault: mcause ");
  mcc_text_add_decimal(&text, cause);
  mcc_text_add(&text, " at pc 0x");
  mcc_text_add_hex32(&text, pc);
  mcc_text_add(&text, " mtval 0x");
  mcc_text_add_hex32(&text, value);
  if (stack < (uintptr_t)mcc_stack_bottom || stack > (uintptr_t)mcc_stack_top) {
    mcc_text_add(&text, ", stack overflow: sp 0x");
    mcc_text_add_hex32(&text, stack);
  }
  mcc_text_add(&text, "\n");
  mcc_io_print_error(text.chars);
  mcc_io_exit(1);
}
