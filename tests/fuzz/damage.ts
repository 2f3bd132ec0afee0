/** Damaged files: the same bytes and seed give the same damage everywhere. */
import { Random } from '../support/tflite/random.ts';

/** Offsets, lengths, extents and indices that have broken parsers before. */
const HOSTILE = [
  0, 1, 2, 3, 4, 7, 8, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 0xffffff, 0x7fffffff, 0x7ffffffe, 0x10000000,
  0x40000000, -1, -2, -4, -128, -32768, -65536, -0x80000000, -0x7fffffff,
];

type Damage = (bytes: Uint8Array, random: Random, other: Uint8Array) => Uint8Array;

/** Most places in a small file describe structure; in a large one nearly all are weights, so half the choices are early. */
function place(bytes: Uint8Array, random: Random, size = 1): number {
  const limit = Math.max(bytes.length - size, 0);
  if (random.unit() < 0.5) return random.int(0, limit);
  return random.unit() < 0.5 ? random.int(0, Math.min(limit, 4096)) : random.int(Math.max(0, limit - 16384), limit);
}

function truncate(bytes: Uint8Array, random: Random): Uint8Array {
  return bytes.slice(0, place(bytes, random));
}

function flipBits(bytes: Uint8Array, random: Random): Uint8Array {
  for (let count = random.int(1, 16); count > 0; count--) bytes[place(bytes, random)] ^= 1 << random.int(0, 7);
  return bytes;
}

function overwriteWords(bytes: Uint8Array, random: Random): Uint8Array {
  if (bytes.length < 4) return bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let count = random.int(1, 6); count > 0; count--) {
    const at = place(bytes, random, 4) & ~3;
    const value =
      random.unit() < 0.8 ? HOSTILE[random.int(0, HOSTILE.length - 1)] : random.int(-bytes.length, bytes.length);
    view.setInt32(at, value, true);
  }
  return bytes;
}

/** Small changes keep offsets and indices plausible: they reach deeper than large ones. */
function nudgeWords(bytes: Uint8Array, random: Random): Uint8Array {
  if (bytes.length < 4) return bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let count = random.int(1, 6); count > 0; count--) {
    const at = place(bytes, random, 4) & ~3;
    view.setInt32(at, (view.getInt32(at, true) + random.int(-8, 8)) | 0, true);
  }
  return bytes;
}

/** Words that hold small numbers are extents, indices, lengths and options more often than offsets. */
function changeSmallWord(bytes: Uint8Array, random: Random): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let attempt = 0; attempt < 64 && bytes.length >= 4; attempt++) {
    const at = place(bytes, random, 4) & ~3;
    const value = view.getInt32(at, true);
    if (value < 1 || value > 1024) continue;
    const changed = random.unit() < 0.5 ? value + random.int(-3, 3) : HOSTILE[random.int(0, HOSTILE.length - 1)];
    view.setInt32(at, changed, true);
    return bytes;
  }
  return bytes;
}

function flipOneBit(bytes: Uint8Array, random: Random): Uint8Array {
  bytes[place(bytes, random)] ^= 1 << random.int(0, 7);
  return bytes;
}

function swapBlocks(bytes: Uint8Array, random: Random): Uint8Array {
  const size = Math.min(4 * random.int(1, 64), bytes.length);
  const [a, b] = [place(bytes, random, size) & ~3, place(bytes, random, size) & ~3];
  const first = bytes.slice(a, a + size);
  bytes.copyWithin(a, b, b + size);
  bytes.set(first.subarray(0, bytes.length - b), b);
  return bytes;
}

function zeroBlock(bytes: Uint8Array, random: Random): Uint8Array {
  const at = place(bytes, random);
  return bytes.fill(0, at, at + random.int(1, 512));
}

function splice(bytes: Uint8Array, random: Random, other: Uint8Array): Uint8Array {
  const at = place(bytes, random) & ~3;
  const tail = other.subarray(Math.min(at, other.length));
  const spliced = new Uint8Array(at + tail.length);
  spliced.set(bytes.subarray(0, at));
  spliced.set(tail, at);
  return spliced;
}

const DAMAGES: readonly Damage[] = [
  truncate,
  flipBits,
  overwriteWords,
  overwriteWords,
  nudgeWords,
  nudgeWords,
  swapBlocks,
  zeroBlock,
  splice,
];

/** Damage that most often leaves a readable file, so that what it says is what is wrong. */
const SLIGHT: readonly Damage[] = [changeSmallWord, changeSmallWord, flipOneBit];

/** A damaged copy of `bytes`; `other` is a second model to splice with. */
export function mutate(bytes: Uint8Array, seed: number, other: Uint8Array = bytes): Uint8Array {
  const random = new Random(`mutant ${seed}`);
  let mutant: Uint8Array = Uint8Array.from(bytes);
  const damages = random.unit() < 0.6 ? SLIGHT : DAMAGES;
  for (let rounds = random.int(1, 3); rounds > 0; rounds--) {
    const damage = damages[random.int(0, damages.length - 1)];
    if (mutant.length > 0) mutant = damage(mutant, random, other);
  }
  return mutant;
}
