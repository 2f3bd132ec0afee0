# Arm Cortex-M0+; qemu runs the code on a Cortex-M3, whose instruction set includes it.
set(MCC_CPU_OPTIONS -mcpu=cortex-m0plus -mthumb)
set(MCC_BOARD mps2-an385)
set(MCC_LINKER_SCRIPT mps2-an385.ld)
include(${CMAKE_CURRENT_LIST_DIR}/arm-none-eabi.cmake)
