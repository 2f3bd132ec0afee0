/** The operator cases whose arithmetic is another one with numerics `litert`, and where LiteRT's answers to them are kept. */
import { fileURLToPath } from 'node:url';
import { withNumerics } from '../../compiler/import/tflite/numerics.ts';
import { type Graph, typeOfValue } from '../../ir/tensor/graph.ts';
import { graphOf } from './cases.ts';
import { type LoadedCase, loadCases } from './opcases.ts';

export const LITERT_GOLDEN = fileURLToPath(new URL('../import/tflite/litert.golden.json', import.meta.url));

export interface LitertCase {
  /** `family/case` */
  readonly name: string;
  readonly loaded: LoadedCase;
  readonly graph: Graph;
}

function hasBytes(graph: Graph): boolean {
  return graph.outputs.every((name) => ['i8', 'u8'].includes(typeOfValue(graph, name).dtype));
}

/** Those with 8-bit results in which some node changes. */
export async function litertCases(): Promise<LitertCase[]> {
  return (await loadCases()).flatMap((loaded) => {
    const plain = graphIfImported(loaded);
    if (plain === undefined || !hasBytes(plain)) return [];
    const graph = withNumerics(plain, 'litert');
    const changes = graph.nodes.some((node, i) => node !== plain.nodes[i]);
    return changes ? [{ name: `${loaded.family}/${loaded.case.name}`, loaded, graph }] : [];
  });
}

/** Cases of refused models have no graph. */
function graphIfImported(loaded: LoadedCase): Graph | undefined {
  try {
    return graphOf(loaded);
  } catch {
    return undefined;
  }
}
