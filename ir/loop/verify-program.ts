/** Laws of a program beyond its functions: constants, ports, memory and the arguments of its calls. */
import { printCall } from './print.ts';
import {
  type Argument,
  type BufferParam,
  type Call,
  ELEM_BYTES,
  type Func,
  offsetOf,
  type Param,
  type Place,
  type Port,
  type Program,
} from './types.ts';
import { constError, IDENTIFIER } from './verify-structure.ts';

/** Reports one violation of the program at `where`. */
type Report = (where: string, message: string) => void;

function checkNames(kind: string, names: readonly string[], report: Report): void {
  names.forEach((name, i) => {
    if (!IDENTIFIER.test(name)) report(`${kind} ${name}`, `${JSON.stringify(name)} is no identifier`);
    if (names.indexOf(name) !== i) report(`${kind} ${name}`, `there are two of this name`);
  });
}

function checkRoms(program: Program, report: Report): void {
  for (const rom of program.roms) {
    const expected = rom.length * ELEM_BYTES[rom.elem];
    if (rom.length < 1) report(`rom ${rom.name}`, `the length must be positive, found ${rom.length}`);
    if (rom.bytes.length !== expected) {
      report(`rom ${rom.name}`, `${rom.elem}[${rom.length}] needs ${expected} bytes, found ${rom.bytes.length}`);
    }
  }
}

function checkPort(where: string, port: Port, report: Report): void {
  const product = port.shape.reduce((a, b) => a * b, 1);
  if (!Number.isInteger(port.length) || port.length < 1) report(where, `length ${port.length} must be positive`);
  if (product !== port.length) report(where, `shape [${port.shape}] has ${product} elements, length is ${port.length}`);
}

function checkMemory({ arenaBytes, arenaAlign, stateBytes }: Program, report: Report): void {
  if (!Number.isInteger(arenaBytes) || arenaBytes < 0) report('arena', `${arenaBytes} bytes is no size`);
  if (!Number.isInteger(Math.log2(arenaAlign))) report('arena', `alignment ${arenaAlign} is no power of two`);
  if (!Number.isInteger(stateBytes) || stateBytes < 0 || stateBytes > arenaBytes) {
    report('arena', `state of ${stateBytes} bytes must lie within the ${arenaBytes} bytes of the arena`);
  }
}

function checkRegions({ arenaBytes, arenaAlign, regions = [] }: Program, report: Report): void {
  let end = 0;
  for (const { name, from, bytes } of regions) {
    if (from < end || from % arenaAlign !== 0 || bytes < 0 || from + bytes > arenaBytes) {
      report(`region ${name}`, `bytes ${from} to ${from + bytes} must be aligned, ascending and within the arena`);
    }
    end = from + bytes;
  }
}

/** The memory that a place names, as its size in bytes and of an element; a text when there is no such place. */
function region(program: Program, place: Place): { bytes: number; elemBytes: number } | string {
  if (place.kind === 'arena') return { bytes: program.arenaBytes, elemBytes: program.arenaAlign };
  if (place.kind === 'rom') {
    const rom = program.roms.find(({ name }) => name === place.name);
    if (rom === undefined) return `there is no rom ${place.name}`;
    return { bytes: rom.bytes.length, elemBytes: ELEM_BYTES[rom.elem] };
  }
  const ports = place.kind === 'input' ? program.inputs : program.outputs;
  const port = ports[place.index];
  if (port === undefined) return `there is no ${place.kind} ${place.index}, only ${ports.length}`;
  return { bytes: port.length * ELEM_BYTES[port.elem], elemBytes: ELEM_BYTES[port.elem] };
}

/** The places at which a parameter may lie. */
const PLACES: Readonly<Record<BufferParam['access'], readonly Place['kind'][]>> = {
  rom: ['rom'],
  in: ['arena', 'rom', 'input', 'output'],
  out: ['arena', 'output'],
  inout: ['arena', 'output'],
};

function checkPlace(program: Program, param: BufferParam, place: Place, fail: (message: string) => void): void {
  const allowed = PLACES[param.access];
  if (!allowed.includes(place.kind)) {
    fail(`${param.name} is ${param.access}, so it must lie in ${allowed.join(' or ')}, found ${place.kind}`);
    return;
  }
  const found = region(program, place);
  if (typeof found === 'string') {
    fail(found);
    return;
  }
  const size = ELEM_BYTES[param.elem];
  const bytes = param.length * size;
  const offset = offsetOf(place);
  const declared = `${param.name}: ${param.elem}[${param.length}]`;
  if (!Number.isInteger(offset) || offset < 0 || offset + bytes > found.bytes) {
    fail(`${declared} takes bytes ${offset} to ${offset + bytes} of ${place.kind}, which has ${found.bytes}`);
  }
  if (place.kind === 'arena' && (offset % size !== 0 || program.arenaAlign % size !== 0)) {
    fail(`${declared} at offset ${offset} of an arena aligned to ${program.arenaAlign} is not aligned to ${size}`);
  }
  if (place.kind === 'arena') {
    const isWithin = (program.regions ?? []).some(
      ({ from, bytes: size }) => offset >= from && offset + bytes <= from + size,
    );
    if (program.regions !== undefined && !isWithin) fail(`${declared} at offset ${offset} lies in no one region`);
    return;
  }
  if (found.elemBytes !== size) {
    fail(`${declared} has elements of ${size} bytes, its ${place.kind} of ${found.elemBytes}`);
  } else if (offset % size !== 0) fail(`${declared} at byte ${offset} of its ${place.kind} is not aligned to ${size}`);
}

function checkArgument(program: Program, param: Param, arg: Argument, fail: (message: string) => void): void {
  if (param.kind === 'buffer') {
    if (arg.kind === 'scalar') fail(`${param.name} is a buffer, found a constant`);
    else checkPlace(program, param, arg, fail);
    return;
  }
  if (arg.kind !== 'scalar') {
    fail(`${param.name} is a scalar, found a place in ${arg.kind}`);
    return;
  }
  if (arg.type !== param.type) fail(`${param.name} must be ${param.type}, found ${arg.type}`);
  const error = constError(arg.type, arg.value);
  if (error !== undefined) fail(error);
}

function checkCall(
  program: Program,
  functions: ReadonlyMap<string, Func>,
  list: string,
  call: Call,
  report: Report,
): void {
  const fail = (message: string) => report(`${list} > ${printCall(call)}`, message);
  const fn = functions.get(call.fn);
  if (fn === undefined) {
    fail(`there is no function ${call.fn}`);
    return;
  }
  if (fn.result !== null) fail(`${fn.name} is a helper; only kernels are called from ${list}`);
  if (fn.params.length !== call.args.length) {
    fail(`${fn.name} takes ${fn.params.length} arguments, found ${call.args.length}`);
    return;
  }
  fn.params.forEach((param, i) => {
    const arg = call.args[i] as Argument;
    checkArgument(program, param, arg, fail);
    if (list === 'reset' && (arg.kind === 'input' || arg.kind === 'output')) {
      fail(`${param.name} lies in ${arg.kind}, which reset has not`);
    }
  });
}

export function checkProgram(program: Program, functions: ReadonlyMap<string, Func>, report: Report): void {
  const names = program.functions.map(({ name }) => name);
  checkNames('function', names, report);
  checkNames(
    'rom',
    program.roms.map(({ name }) => name),
    report,
  );
  checkRoms(program, report);
  program.inputs.forEach((port, i) => {
    checkPort(`input ${i}`, port, report);
  });
  program.outputs.forEach((port, i) => {
    checkPort(`output ${i}`, port, report);
  });
  checkMemory(program, report);
  checkRegions(program, report);
  for (const call of program.run) checkCall(program, functions, 'run', call, report);
  for (const call of program.reset) checkCall(program, functions, 'reset', call, report);
}
