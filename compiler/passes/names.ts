import type { ValueName } from '../../ir/tensor/graph.ts';

/** The name, lengthened until nothing has it. */
export function freeName(taken: { has(name: ValueName): boolean }, wanted: ValueName): ValueName {
  let name = wanted;
  while (taken.has(name)) name += '_';
  return name;
}
