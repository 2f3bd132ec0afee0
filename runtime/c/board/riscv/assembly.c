/* Everything for RISC-V that C cannot say. */

#if defined(__riscv) && __riscv_xlen == 32

/* Starts at the first address of memory: stack, global pointer, trap handler, write protection, then C. The locked PMP entry makes the code and constants read-only,
 * so that a stack that grows into them traps instead of overwriting them. */
__asm__(
    "    .option push\n"
    "    .option norelax\n"
    "    .option arch, +zicsr\n"
    "    .section .text.start, \"ax\", %progbits\n"
    "    .global mcc_reset\n"
    "    .type mcc_reset, %function\n"
    "mcc_reset:\n"
    "    la sp, mcc_stack_top\n"
    "    la gp, __global_pointer$\n"
    "    la t0, mcc_trap\n"
    "    csrw mtvec, t0\n"
    "    la t0, mcc_flash_pmpaddr\n"
    "    csrw pmpaddr0, t0\n"
    "    li t0, 0x9d\n" /* locked, naturally aligned power of two, execute and read */
    "    csrw pmpcfg0, t0\n"
    "    call mcc_start\n"
    "1:  j 1b\n"
    "    .size mcc_reset, . - mcc_reset\n"
    "    .option pop\n");

/* Every trap. The stack may be what broke, so the report runs on a fresh one. */
__asm__(
    "    .option push\n"
    "    .option arch, +zicsr\n"
    "    .section .text.mcc_trap, \"ax\", %progbits\n"
    "    .balign 4\n"
    "    .type mcc_trap, %function\n"
    "mcc_trap:\n"
    "    mv a3, sp\n"
    "    la sp, mcc_stack_top\n"
    "    csrr a0, mcause\n"
    "    csrr a1, mepc\n"
    "    csrr a2, mtval\n"
    "    call mcc_report_trap\n"
    "1:  j 1b\n"
    "    .size mcc_trap, . - mcc_trap\n"
    "    .option pop\n");

/* int32_t mcc_semihosting_call(uint32_t operation, const uintptr_t *block):
 * the emulator knows the request by these three instructions around the break, uncompressed and in one page. */
__asm__(
    "    .section .text.mcc_semihosting_call, \"ax\", %progbits\n"
    "    .option push\n"
    "    .option norvc\n"
    "    .balign 16\n"
    "    .global mcc_semihosting_call\n"
    "    .type mcc_semihosting_call, %function\n"
    "mcc_semihosting_call:\n"
    "    slli x0, x0, 0x1f\n"
    "    ebreak\n"
    "    srai x0, x0, 7\n"
    "    ret\n"
    "    .option pop\n"
    "    .size mcc_semihosting_call, . - mcc_semihosting_call\n"
    "    .text\n");

#else
#error "board/riscv is for 32-bit RISC-V; build io_stdio.c instead of the board files elsewhere"
#endif
