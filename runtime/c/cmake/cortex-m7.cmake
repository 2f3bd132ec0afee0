# Arm Cortex-M7 with double-precision FPU.
set(MCC_CPU_OPTIONS -mcpu=cortex-m7 -mthumb -mfloat-abi=hard -mfpu=fpv5-d16)
set(MCC_BOARD mps2-an500)
set(MCC_LINKER_SCRIPT mps2-an500.ld)
include(${CMAKE_CURRENT_LIST_DIR}/arm-none-eabi.cmake)
