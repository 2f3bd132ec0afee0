/* gcc's own <stdint.h> looks for a C library's unless it compiles with -ffreestanding, which would
 * also stop it from expanding memcpy in place. Its freestanding version has a name of its own. */
#include <stdint-gcc.h>
