/**
 * What TensorFlow Lite Micro reaches on the same models and the same emulated boards, in instructions of one inference.
 *
 * tflite-micro 90b983c2 (2026-08-20) with CMSIS-NN 4ab83cc3, arm-none-eabi-gcc 12.2.1, QEMU 7.2. M4: the project's own
 * optimization levels with CMSIS-NN's inline assembly for requantization, the fastest build found (its default is 2 to 6 %
 * slower); M3 and M55: -O3. Cycles: the model of cycles.ts on that M4 build. Arena: arena_used_bytes(). Code: .text,
 * .rodata and .data of a minimal application, the model not included, at -O2 for the M4.
 *
 * `published`: the fewest cycles of any vendor on a real Cortex-M4 in the results of MLPerf Tiny, from latency and clock.
 */
export interface Peer {
  readonly macs: number;
  readonly m4: number;
  readonly m4Cycles: number;
  readonly m3: number;
  readonly m55: number;
  readonly arenaBytes: number;
  readonly codeBytes: number;
  readonly published?: number;
}

export const PEERS = {
  kws: {
    macs: 2_656_768,
    m4: 7_228_355,
    m4Cycles: 8_985_546,
    m3: 10_547_135,
    m55: 1_787_278,
    arenaBytes: 22_820,
    codeBytes: 53_648,
    published: 5_180_000,
  },
  ic: {
    macs: 12_501_632,
    m4: 28_505_057,
    m4Cycles: 35_601_845,
    m3: 41_758_063,
    m55: 4_810_866,
    arenaBytes: 54_996,
    codeBytes: 51_456,
    published: 19_800_000,
  },
  vww: {
    macs: 7_489_664,
    m4: 22_608_970,
    m4Cycles: 28_499_402,
    m3: 32_083_050,
    m55: 6_433_138,
    arenaBytes: 100_708,
    codeBytes: 53_648,
    published: 10_700_000,
  },
  ad: {
    macs: 264_192,
    m4: 573_241,
    m4Cycles: 710_818,
    m3: 955_898,
    m55: 149_921,
    arenaBytes: 2_580,
    codeBytes: 27_312,
    published: 486_000,
  },
  strww: {
    macs: 826_368,
    m4: 2_116_115,
    m4Cycles: 2_652_512,
    m3: 4_264_993,
    m55: 410_484,
    arenaBytes: 16_596,
    codeBytes: 51_080,
  },
  person: {
    macs: 7_157_888,
    m4: 21_431_792,
    m4Cycles: 26_938_574,
    m3: 30_488_065,
    m55: 6_382_870,
    arenaBytes: 82_308,
    codeBytes: 43_872,
  },
  micro_speech: {
    macs: 336_000,
    m4: 1_451_329,
    m4Cycles: 2_307_811,
    m3: 1_511_390,
    m55: 837_245,
    arenaBytes: 6_836,
    codeBytes: 44_424,
  },
  hello: {
    macs: 288,
    m4: 3_334,
    m4Cycles: 4_800,
    m3: 3_702,
    m55: 2_134,
    arenaBytes: 772,
    codeBytes: 27_312,
  },
} as const satisfies Record<string, Peer>;

export type PeerModel = keyof typeof PEERS;
