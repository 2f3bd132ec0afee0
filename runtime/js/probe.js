/**
 * What the engine can do, for packages that carry modules of several tiers. `emitPackage` copies this file, without its
 * comments and its `export`s, into those.
 */

/** A few bytes of base64. */
function bytesOf(text) {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/** Whether there is 128-bit SIMD: the module is one function that gives `i8x16.splat` of 0. */
export function hasVectors() {
  return WebAssembly.validate(bytesOf('AGFzbQEAAAABBQFgAAF7AwIBAAoIAQYAQQD9Dws='));
}

/**
 * Whether `i32x4.relaxed_dot_i8x16_i7x16_add_s` multiplies signed by unsigned bytes and saturates nowhere. Machines differ:
 * with VNNI it does; without, x86 saturates pairs of products, and Arm reads the second operand as signed. The module's
 * `d(a, b)` is lane 0 for a and b in all bytes.
 */
export function hasUnsignedDot() {
  try {
    const bytes = bytesOf('AGFzbQEAAAABBwFgAn9/AX8DAgEABwUBAWQAAAoWARQAIAD9DyAB/Q9BAP0R/ZMC/RsACw==');
    const { d } = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
    return d(-128, 255) === 4 * -128 * 255 && d(127, 255) === 4 * 127 * 255;
  } catch {
    return false;
  }
}
