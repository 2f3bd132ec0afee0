# GNU Arm Embedded, for the file of a CPU, which sets MCC_CPU_OPTIONS, MCC_BOARD (qemu's name) and MCC_LINKER_SCRIPT.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR arm)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_C_COMPILER arm-none-eabi-gcc)
string(REPLACE ";" " " CMAKE_C_FLAGS_INIT "${MCC_CPU_OPTIONS} -ffunction-sections -fdata-sections --specs=nano.specs")
set(CMAKE_EXECUTABLE_SUFFIX_C .elf)

set(MCC_BOARD_FOLDER ${CMAKE_CURRENT_LIST_DIR}/../harness/board/cortex-m)
set(MCC_BOARD_SOURCES harness/io_semihosting.c harness/board/cortex-m/startup.c harness/board/cortex-m/assembly.c)
set(MCC_LINK_OPTIONS -nostartfiles -L${MCC_BOARD_FOLDER} -T${MCC_LINKER_SCRIPT} -Wl,--gc-sections)
set(MCC_LINK_DEPENDS ${MCC_BOARD_FOLDER}/${MCC_LINKER_SCRIPT} ${MCC_BOARD_FOLDER}/sections.ld)
set(MCC_MATH_LIBRARIES m)
set(MCC_MACHINE qemu-system-arm -M ${MCC_BOARD})
