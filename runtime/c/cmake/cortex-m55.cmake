# Arm Cortex-M55 with Helium (MVE) and FPU.
set(MCC_CPU_OPTIONS -mcpu=cortex-m55 -mthumb -mfloat-abi=hard)
set(MCC_BOARD mps3-an547)
set(MCC_LINKER_SCRIPT mps3-an547.ld)
include(${CMAKE_CURRENT_LIST_DIR}/arm-none-eabi.cmake)
