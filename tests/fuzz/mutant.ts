/** What the fuzz tests try. */

/** A damaged file and what to try with it if it still is a model. */
export interface Mutant {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly buildC: boolean;
  readonly buildWasm: boolean;
}

export const FORMATS = ['tflite', 'onnx'] as const;
export type Format = (typeof FORMATS)[number];
