# Arm Cortex-M33 with DSP extension and single-precision FPU.
set(MCC_CPU_OPTIONS -mcpu=cortex-m33 -mthumb -mfloat-abi=hard -mfpu=fpv5-sp-d16)
set(MCC_BOARD mps2-an505)
set(MCC_LINKER_SCRIPT mps2-an505.ld)
include(${CMAKE_CURRENT_LIST_DIR}/arm-none-eabi.cmake)
