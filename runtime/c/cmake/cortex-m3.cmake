# Arm Cortex-M3.
set(MCC_CPU_OPTIONS -mcpu=cortex-m3 -mthumb)
set(MCC_BOARD mps2-an385)
set(MCC_LINKER_SCRIPT mps2-an385.ld)
include(${CMAKE_CURRENT_LIST_DIR}/arm-none-eabi.cmake)
