/* Everything for Cortex-M that C cannot say. Armv6-M instructions only, so that any core assembles it. */

#if defined(__arm__) && defined(__thumb__)

/* int32_t mcc_semihosting_call(uint32_t operation, const uintptr_t *block):
 * the arguments are already in r0 and r1, and r0 is the answer. */
__asm__(
    "    .syntax unified\n"
    "    .section .text.mcc_semihosting_call, \"ax\", %progbits\n"
    "    .global mcc_semihosting_call\n"
    "    .type mcc_semihosting_call, %function\n"
    "    .thumb_func\n"
    "mcc_semihosting_call:\n"
    "    bkpt 0xab\n"
    "    bx lr\n"
    "    .size mcc_semihosting_call, . - mcc_semihosting_call\n");

/* Every exception. The stack may be what broke, so the report runs on a fresh one;
 * void mcc_report_fault(const uint32_t *frame, uint32_t exception) finds the old one in frame. */
__asm__(
    "    .section .text.mcc_fault, \"ax\", %progbits\n"
    "    .global mcc_fault\n"
    "    .type mcc_fault, %function\n"
    "    .thumb_func\n"
    "mcc_fault:\n"
    "    mrs r0, msp\n"
    "    mrs r1, ipsr\n"
    "    ldr r2, =mcc_stack_top\n"
    "    mov sp, r2\n"
    "    bl mcc_report_fault\n"
    "1:  b 1b\n"
    "    .pool\n"
    "    .size mcc_fault, . - mcc_fault\n");

/* void mcc_barrier(void): what was written to system registers holds from here on. */
__asm__(
    "    .section .text.mcc_barrier, \"ax\", %progbits\n"
    "    .global mcc_barrier\n"
    "    .type mcc_barrier, %function\n"
    "    .thumb_func\n"
    "mcc_barrier:\n"
    "    dsb\n"
    "    isb\n"
    "    bx lr\n"
    "    .size mcc_barrier, . - mcc_barrier\n"
    "    .text\n");

#else
#error "board/cortex-m is for Arm Cortex-M; build io_stdio.c instead of the board files elsewhere"
#endif
