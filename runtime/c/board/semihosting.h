/* The one instruction sequence that hands a request to the debugger or emulator. */
#ifndef MCC_SEMIHOSTING_H
#define MCC_SEMIHOSTING_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* `block` holds the operation's arguments, one machine word each. Returns the operation's result. */
int32_t mcc_semihosting_call(uint32_t operation, const uintptr_t *block);

#ifdef __cplusplus
}
#endif

#endif
