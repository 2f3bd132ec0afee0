/** `mcc compare`: where and how far two numerics profiles of one model disagree; two models are in compare-models.ts. */
import { dataFromBytes } from '../../../ir/tensor/bytes.ts';
import { evaluate } from '../../../ir/tensor/evaluate.ts';
import { type Graph, typeOfValue, type ValueName } from '../../../ir/tensor/graph.ts';
import type { TensorData, TensorType } from '../../../ir/tensor/types.ts';
import type { DataOptions } from '../data-options.ts';
import { type LoadedModel, loadModel, type ModelOptions } from '../model.ts';
import { UsageError } from '../output.ts';
import { goldenRuns, type RecordedRuns, randomRuns } from '../verify/runs.ts';
import { compareModels } from './compare-models.ts';

export interface CompareOptions extends ModelOptions, DataOptions {
  readonly golden?: string;
  readonly inputs: string;
}

/** How far two versions of a tensor lie apart, over all inputs. */
interface Distance {
  count: number;
  differing: number;
  /** In steps of the stored integers; for floats the absolute difference. */
  worst: number;
  /** Inputs on which the largest element is another one. */
  changedMaxima: number;
}

/** Throws UsageError, Failure, DataError, ImportError. */
export async function compare(path: string, other: string | undefined, options: CompareOptions): Promise<void> {
  if (other === undefined) {
    if (options.data.length > 0) throw new UsageError('--data: expected a second model to compare with, found none');
    compareProfiles(path, options);
    return;
  }
  if (options.golden !== undefined) throw new UsageError('--golden: only for the profiles of one model; give --data');
  await compareModels(path, other, options);
}

/** Runs both profiles in the reference engine and prints a line per operator. Throws UsageError, Failure, ImportError. */
function compareProfiles(path: string, { numerics: list = 'tflm,litert', ...options }: CompareOptions): void {
  const profiles = list.split(',').map((name) => name.trim());
  if (profiles.length !== 2) {
    throw new UsageError(`--numerics ${list}: expected two profiles with a comma between them`);
  }
  const [left, right] = profiles.map((numerics) => loadModel(path, { ...options, numerics })) as [
    LoadedModel,
    LoadedModel,
  ];
  const runs = options.golden === undefined ? randomRuns(left.graph, options) : goldenRuns(left.graph, options.golden);
  console.log(`${left.file.name}: ${profiles.join(' and ')} on ${runs.inputs.length} inputs (${runs.source})\n`);
  const values = left.layers.flatMap(({ outputs }) => outputs).filter((value) => !left.graph.constants.has(value));
  const distances = measure(left.graph, right.graph, runs, [...new Set([...values, ...left.graph.outputs])]);
  console.log([...operatorLines(left, distances), '', ...outputLines(left.graph, runs, distances)].join('\n'));
}

function measure(
  left: Graph,
  right: Graph,
  { inputs }: RecordedRuns,
  names: readonly ValueName[],
): ReadonlyMap<ValueName, Distance> {
  const distances = new Map(
    names.map((name): [ValueName, Distance] => [name, { count: 0, differing: 0, worst: 0, changedMaxima: 0 }]),
  );
  for (const run of inputs) {
    const data = left.inputs.map((name, i) => dataFromBytes(typeOfValue(left, name), run[i] as Uint8Array));
    const [a, b] = [left, right].map((graph) => evaluate(graph, data).values);
    for (const [name, distance] of distances) {
      addDistance(distance, a.get(name) as TensorData, b.get(name) as TensorData);
    }
  }
  return distances;
}

function addDistance(distance: Distance, a: TensorData, b: TensorData): void {
  distance.count += a.length;
  let [maxA, maxB] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    const apart = Math.abs(Number(a[i]) - Number(b[i]));
    if (apart > 0) distance.differing++;
    distance.worst = Math.max(distance.worst, apart);
    if (a[i] > a[maxA]) maxA = i;
    if (b[i] > b[maxB]) maxB = i;
  }
  if (maxA !== maxB) distance.changedMaxima++;
}

function operatorLines({ graph, layers }: LoadedModel, distances: ReadonlyMap<ValueName, Distance>): string[] {
  const width = Math.max(8, ...layers.map(({ opcode }) => opcode.length));
  const head = `operator ${' '.repeat(width - 2)}differing of all values     worst`;
  const rows = layers.flatMap(({ index, opcode, outputs }) =>
    outputs.flatMap((value) => {
      const distance = distances.get(value);
      if (distance === undefined) return [];
      const share = `${distance.differing} of ${distance.count}`;
      const percent = `${((100 * distance.differing) / distance.count).toFixed(2)} %`;
      const worst = distance.differing === 0 ? '' : worstText(typeOfValue(graph, value), distance.worst);
      return [
        `${String(index).padStart(4)} ${opcode.padEnd(width)} ${share.padStart(20)} ${percent.padStart(9)}   ${worst}`.trimEnd(),
      ];
    }),
  );
  return [head, ...rows];
}

function worstText({ dtype, quant }: TensorType, worst: number): string {
  if (dtype === 'f32') return String(worst);
  const steps = `${worst} step${worst === 1 ? '' : 's'}`;
  if (quant.kind !== 'affine' || quant.scale.length !== 1) return steps;
  return `${steps} (${Number((worst * (quant.scale[0] as number)).toPrecision(3))})`;
}

function outputLines(graph: Graph, { inputs }: RecordedRuns, distances: ReadonlyMap<ValueName, Distance>): string[] {
  return graph.outputs.map((name) => {
    const { count, differing, worst, changedMaxima } = distances.get(name) as Distance;
    if (differing === 0) return `output "${name}": all ${count} values are equal`;
    const apart = worstText(typeOfValue(graph, name), worst);
    return `output "${name}": ${differing} of ${count} values differ, by up to ${apart}; the largest is another one on ${changedMaxima} of ${inputs.length} inputs`;
  });
}
