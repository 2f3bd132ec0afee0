/** An npm package of one model: the module, a loader, its types, and a page that says how to use it. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { typeOf } from '../../ir/loop/build.ts';
import type { Program } from '../../ir/loop/types.ts';
import { visitAllExprs } from '../../ir/loop/walk.ts';
import { type EmitOptions, type EmittedWasm, emitWasm, type Layout } from './index.ts';
import { hasState } from './module.ts';
import { type PublicPort, portDoc, publicPorts } from './ports.ts';
import { typings } from './typings.ts';

export interface PackageOptions extends EmitOptions {
  /** The npm name, with or without a scope. */
  readonly name: string;
  /** Defaults to 0.1.0. */
  readonly version?: string;
  /** Says what made the files from what; becomes comments at their heads. */
  readonly banner: string;
}

/** What a module asks of the engine, the fastest first. */
export const TIERS = ['relaxed', 'simd', 'scalar'] as const;
export type Tier = (typeof TIERS)[number];

/** The model's module for one tier. */
export interface TierModule extends EmittedWasm {
  readonly tier: Tier;
}

/** A file of the package; `path` is relative to it. */
export interface PackageFile {
  readonly path: string;
  readonly content: string | Uint8Array;
}

/** Characters that npm, URLs and file systems all take; what npm refuses it says itself when the package is published. */
const NPM_NAME = /^(?:@[a-z0-9~-][a-z0-9._~-]*\/)?([a-z0-9~-][a-z0-9._~-]*)$/;

/**
 * `modules` are those of one model for different tiers, in any order; `load` takes the fastest that the engine can run, and
 * no other is fetched. `program` is that of the slowest. Without `modules` there is the one that `emitWasm` makes of it.
 *
 * @throws Error when the name cannot be one of an npm package, or the modules' inputs and outputs lie in different places.
 */
export function emitPackage(
  program: Program,
  options: PackageOptions,
  modules: readonly TierModule[] = [{ tier: 'simd', ...emitWasm(program, options) }],
): PackageFile[] {
  const stem = NPM_NAME.exec(options.name)?.[1];
  if (stem === undefined) {
    throw new Error(
      `"${options.name}" cannot name an npm package: ` +
        'expected lower-case letters, digits and . _ ~ - after an optional @scope/; choose another name',
    );
  }
  const files = TIERS.flatMap((tier) => {
    const module = modules.find((one) => one.tier === tier);
    return module === undefined ? [] : [{ ...module, name: fileName(stem, tier, modules) }];
  });
  const { layout } = files[0] as TierModule;
  if (files.some((file) => !samePorts(file.layout, layout))) throw new Error('the tiers place their ports differently');
  const inputs = publicPorts(program.inputs);
  const outputs = publicPorts(program.outputs);
  const head = options.banner.split('\n').map((line) => `// ${line}`.trimEnd());
  const choice = choiceText(stem, files);
  const code = [
    ...head,
    sourceOf('loader.js'),
    ...(choice.probes ? [sourceOf('probe.js')] : []),
    `const inputs = ${portsText(inputs, layout.inputs)};`,
    `const outputs = ${portsText(outputs, layout.outputs)};`,
    `export const load = loaderOf(`,
    `  ${JSON.stringify(stem)}, () => ${choice.text}, inputs, outputs,`,
    ');',
    '',
  ];
  const names = files.map(({ name }) => name);
  return [
    ...files.map(({ name, wasm }) => ({ path: name, content: wasm })),
    { path: 'index.js', content: code.join('\n') },
    { path: 'index.d.ts', content: `${head.join('\n')}\n${typings({ inputs, outputs, hasState: hasState(program) })}` },
    { path: 'package.json', content: manifest(names, options) },
    { path: 'README.md', content: readme(options, program, inputs, outputs, names) },
  ];
}

/** The module that most engines run, or the only one, has the plain name. */
function fileName(stem: string, tier: Tier, modules: readonly TierModule[]): string {
  return tier === 'simd' || modules.length === 1 ? `${stem}.wasm` : `${stem}.${tier}.wasm`;
}

function samePorts(a: Layout, b: Layout): boolean {
  return a.inputs.join() === b.inputs.join() && a.outputs.join() === b.outputs.join();
}

/** What tells that the engine runs a tier; every engine runs `scalar`. */
const PROBES: Readonly<Record<Tier, string | undefined>> = {
  relaxed: 'hasUnsignedDot()',
  simd: 'hasVectors()',
  scalar: undefined,
};

/** The expression that gives the URL of the fastest module that the engine runs. Bundlers find each URL as it stands. */
function choiceText(
  stem: string,
  files: readonly { readonly tier: Tier; readonly name: string }[],
): { readonly text: string; readonly probes: boolean } {
  const urlOf = (name: string) => `new URL(${JSON.stringify(`./${name}`)}, import.meta.url)`;
  const last = files[files.length - 1] as (typeof files)[number];
  // A module with relaxed SIMD would compute something else where the probe fails; one with SIMD does not compile.
  const guarded = last.tier === 'relaxed';
  const refusal = `(() => { throw new Error(${JSON.stringify(`${stem}: ${RELAXED_NEEDS}`)}); })()`;
  const tests = (guarded ? files : files.slice(0, -1)).map(({ tier, name }) => `${PROBES[tier]} ? ${urlOf(name)} : `);
  return { text: `${tests.join('')}${guarded ? refusal : urlOf(last.name)}`, probes: tests.length > 0 };
}

const RELAXED_NEEDS =
  'this engine has no relaxed dot product of signed by unsigned bytes; build the package with --tiers relaxed,simd';

/** A source without its comments and its `export`s: the package exports what the model has, not what made it. */
function sourceOf(name: 'loader.js' | 'probe.js'): string {
  return readFileSync(runtimePath(name), 'utf8')
    .replace(/^\s*\/\*\*[\s\S]*?\*\/\n/gm, '')
    .replace(/^\s*\/\/.*\n/gm, '')
    .replace(/^export /gm, '')
    .replace(/\n{2,}/g, '\n')
    .trim();
}

/** The sources and the compiled files lie at different depths below the package's root. */
function runtimePath(name: string): string {
  const here = import.meta.url;
  const root = here.endsWith('.ts') ? '../../' : '../../../';
  return fileURLToPath(new URL(`${root}runtime/js/${name}`, here));
}

function portsText(ports: readonly PublicPort[], offsets: readonly number[]): string {
  const lines = ports.map(({ name, dtype, shape, affine, array, length }, index) => {
    const quant = affine === undefined ? '' : ` scale: ${affine.scale}, zeroPoint: ${affine.zeroPoint},`;
    const place = `array: ${array}, length: ${length}, offset: ${offsets[index]}`;
    return `  { name: ${JSON.stringify(name)}, dtype: '${dtype}', shape: [${shape.join(', ')}],${quant} ${place} },\n`;
  });
  return `[\n${lines.join('')}]`;
}

function manifest(modules: readonly string[], { name, version, banner }: PackageOptions): string {
  const content = {
    name,
    version: version ?? '0.1.0',
    description: banner.split('\n')[0],
    type: 'module',
    sideEffects: false,
    exports: {
      '.': { types: './index.d.ts', default: './index.js' },
      ...Object.fromEntries(modules.map((module) => [`./${module}`, `./${module}`])),
    },
    types: './index.d.ts',
    files: ['index.js', 'index.d.ts', ...modules],
  };
  return `${JSON.stringify(content, null, 2)}\n`;
}

/** Whether a kernel computes with vectors; modules without them run on older engines. */
function usesVectors(program: Program): boolean {
  let found = false;
  for (const { body } of program.functions) {
    visitAllExprs(body, (e) => {
      found ||= typeOf(e) === 'v128';
    });
  }
  return found;
}

function readme(
  { name, banner }: PackageOptions,
  program: Program,
  inputs: readonly PublicPort[],
  outputs: readonly PublicPort[],
  modules: readonly string[],
): string {
  const oldest = usesVectors(program)
    ? 'an engine with SIMD: Chrome 91, Firefox 89, Safari 16.4, Node 16.4 or later'
    : 'Chrome 75, Firefox 79, Safari 15, Node 16 or later';
  const choice = modules.length > 1 ? `, of ${modules.map(code).join(', ')} the first that the engine can run` : '';
  const row = (port: PublicPort): string => `- ${code(port.name)} (${code(port.array)}): ${portDoc(port)}`;
  const example = inputs.map((port) => `  ${JSON.stringify(port.name)}: new ${port.array}(${port.length}),`);
  return `# ${name}

${banner}

\`\`\`js
import { load } from '${name}';

const model = await load();
const outputs = model.run({
${example.join('\n')}
});
\`\`\`

Inputs:
${inputs.map(row).join('\n')}

Outputs:
${outputs.map(row).join('\n')}

\`load()\` takes the module beside \`index.js\`${choice}; \`load(source)\` takes a URL, a path (in Node), bytes, a \`Response\` or a
\`WebAssembly.Module\`. It needs ${oldest}. With Vite's development server add the package to \`optimizeDeps.exclude\`, so that the module is found beside the code.
`;
}

/** Markdown code that may hold backticks. */
function code(text: string): string {
  return text.includes('`') ? `\`\` ${text} \`\`` : `\`${text}\``;
}
