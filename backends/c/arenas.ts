/** The memory that an application gives to a model: one arena, or one for each region of it. */
import type { Place, Program } from '../../ir/loop/types.ts';

export interface Arena {
  /** The parameter of the public functions. */
  readonly name: string;
  /** The region's name in words; undefined where there is one arena. */
  readonly region: string | undefined;
  /** `<macro>_BYTES` is its size. */
  readonly macro: string;
  /** The pointer to its bytes within these functions. */
  readonly memory: string;
  /** The part of the program's arena that it is. */
  readonly from: number;
  readonly bytes: number;
}

/** The first holds the state. */
export function arenasOf(program: Program, prefix: string): readonly Arena[] {
  const macro = `${prefix.toUpperCase()}_ARENA`;
  if (program.regions === undefined) {
    const { arenaBytes: bytes } = program;
    return [{ name: 'arena', region: undefined, macro, memory: 'memory', from: 0, bytes }];
  }
  return program.regions.map(({ name, from, bytes }) => ({
    name: `arena_${name}`,
    region: name,
    macro: `${macro}_${name.toUpperCase()}`,
    memory: `memory_${name}`,
    from,
    bytes,
  }));
}

/** What a caller passes that has declared them by their names. */
export function argumentsOf(arenas: readonly Arena[]): string[] {
  return arenas.map(({ name, bytes }) => (bytes > 0 ? name : 'NULL'));
}

/** Static arrays for them; `align` spells the alignment of each. */
export function declarations(arenas: readonly Arena[], align: string): string[] {
  return arenas
    .filter(({ bytes }) => bytes > 0)
    .map(({ name, macro, region }) => {
      const place = region === undefined ? '' : ` /* in ${region} */`;
      return `static uint8_t ${name}[${macro}_BYTES] ${align};${place}`;
    });
}

/** The address of a place in the arena, as a pointer to bytes, and whether it is more than a name. */
export function addressIn(
  arenas: readonly Arena[],
  place: Place & { kind: 'arena' },
): { text: string; isSum: boolean } {
  const home = arenas.findLast(({ from }) => from <= place.offset) as Arena;
  const offset = place.offset - home.from;
  return offset === 0 ? { text: home.memory, isSum: false } : { text: `${home.memory} + ${offset}`, isSum: true };
}

/** Whether a place lies in an arena. */
export function isIn({ from, bytes }: Arena, place: Place & { kind: 'arena' }): boolean {
  return place.offset >= from && place.offset < from + bytes;
}
