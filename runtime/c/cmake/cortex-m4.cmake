# Arm Cortex-M4 with single-precision FPU.
set(MCC_CPU_OPTIONS -mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16)
set(MCC_BOARD mps2-an386)
set(MCC_LINKER_SCRIPT mps2-an385.ld)
include(${CMAKE_CURRENT_LIST_DIR}/arm-none-eabi.cmake)
