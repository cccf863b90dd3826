/* What stands in for larger code in the programs that `build` makes; the larger code is then left out by the linker.
 *
 * 1. A panic ends the program and there are no tables for unwinding, so a backtrace has no frames. The standard library
 *    asks for one all the same (RUST_BACKTRACE), and would bring libunwind with it: 20 KB to find that out. Not on ARMv7,
 *    where it asks by other names, and not where nothing is optimised (QUICK): what is never used asks for more there.
 * 2. ring, told by OPENSSL_SMALL to do without tables of multiples of points, has one multiplication of P-256's base point
 *    for secret and for public numbers, as on ARMv7 and MIPS, where it never has them. On AArch64 it asks for the second
 *    one by its own name. 176 KB.
 *
 * A compiler or a ring that asks for more ends in an error of the linker, not in a program that does something else. What
 * the linker cannot see, that both multiplications take and give the same, tests/packages does: there a signature is
 * checked with the second one. */

#include <stdint.h>

#if !defined(__arm__) && !defined(QUICK)
/* _URC_END_OF_STACK */
uintptr_t _Unwind_Backtrace(void) { return 5; }

#define NOTHING(name) uintptr_t name(void) { return 0; }
NOTHING(_Unwind_GetDataRelBase)
NOTHING(_Unwind_GetIP)
NOTHING(_Unwind_GetIPInfo)
NOTHING(_Unwind_GetLanguageSpecificData)
NOTHING(_Unwind_GetRegionStart)
NOTHING(_Unwind_GetTextRelBase)
NOTHING(_Unwind_SetGR)
NOTHING(_Unwind_SetIP)
#endif

#if defined(__aarch64__)
/* RING is what ring puts before its names: they hold its version. */
#define JOIN(prefix, name) prefix##name
#define NAME(prefix, name) JOIN(prefix, name)
void NAME(RING, p256_point_mul_base)(void *product, const void *factor);
void NAME(RING, p256_point_mul_base_vartime)(void *product, const void *factor);

void NAME(RING, p256_point_mul_base_vartime)(void *product, const void *factor) {
    NAME(RING, p256_point_mul_base)(product, factor);
}
#endif
