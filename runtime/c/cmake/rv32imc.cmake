# RISC-V RV32IMC, bare metal. Without math.h no C library is needed; with it, picolibc's libm.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR riscv32)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_C_COMPILER riscv64-unknown-elf-gcc)
set(CMAKE_C_FLAGS_INIT "-march=rv32imc -mabi=ilp32 -ffunction-sections -fdata-sections")
set(CMAKE_EXECUTABLE_SUFFIX_C .elf)

set(MCC_HARNESS ${CMAKE_CURRENT_LIST_DIR}/../harness)
set(MCC_BOARD_SOURCES harness/io_semihosting.c harness/board/riscv/startup.c harness/board/riscv/assembly.c
    harness/board/freestanding/string.c)
set(MCC_COMPILE_OPTIONS -isystem ${MCC_HARNESS}/board/freestanding)
set(MCC_LIBRARIES gcc)
set(MCC_MATH_COMPILE_OPTIONS --specs=picolibc.specs)
set(MCC_MATH_LIBRARIES --specs=picolibc.specs m c gcc)
set(MCC_LINK_OPTIONS -nostdlib -T${MCC_HARNESS}/board/riscv/virt.ld -Wl,--gc-sections)
set(MCC_LINK_DEPENDS ${MCC_HARNESS}/board/riscv/virt.ld)
set(MCC_MACHINE qemu-system-riscv32 -M virt -bios none)
