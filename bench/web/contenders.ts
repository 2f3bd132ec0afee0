/** Who is measured where, and what each is given. */
import type { TargetName } from '../../compiler/targets/index.ts';
import type { Model } from './models.ts';

export const PLACES = ['chromium', 'node'] as const;
export type Place = (typeof PLACES)[number];

export interface Contender {
  readonly name: string;
  readonly places: readonly Place[];
  /** The target that mcc compiles the model for; absent for the peers. */
  readonly target?: TargetName;
  /** The peer's bundled script, its folder of modules, and the file in it to begin with. */
  readonly script: string;
  readonly runtime: string;
  readonly file?: string;
  /** The form of the model that it reads, and undefined where it reads none. */
  readonly reads: (model: Model) => 'tflite' | 'onnx' | undefined;
}

const mcc = (name: string, target: TargetName, places: readonly Place[]): Contender => ({
  name,
  places,
  target,
  script: 'peers/mcc.js',
  runtime: `mcc/${target}/`,
  reads: () => 'tflite',
});

/** Both TFLite runtimes refuse the quantized dimension of this model's weights ("must be in range [0,1)"). */
const REFUSED_BY_LITERT = ['person'];
const tflite = ({ name }: Model) => (REFUSED_BY_LITERT.includes(name) ? undefined : 'tflite');
const litert = (name: string, file: string, places: readonly Place[]): Contender => ({
  name,
  places,
  script: 'peers/litert.js',
  runtime: 'runtime/litert/',
  file,
  reads: tflite,
});

export const CONTENDERS: readonly Contender[] = [
  mcc('mcc relaxed', 'wasm-relaxed', ['chromium']),
  mcc('mcc', 'wasm', ['chromium', 'node']),
  litert('LiteRT.js', 'litert_wasm_internal.js', ['chromium']),
  litert('LiteRT.js compat', 'litert_wasm_compat_internal.js', ['chromium', 'node']),
  {
    name: 'tfjs-tflite',
    places: ['chromium'],
    script: 'peers/tfjs-tflite.js',
    runtime: 'runtime/tfjs-tflite/',
    reads: tflite,
  },
  {
    name: 'onnxruntime-web',
    places: ['chromium', 'node'],
    script: 'peers/ort.js',
    runtime: 'runtime/ort/',
    reads: () => 'onnx',
  },
];
