/** An npm package of one model: the module, a loader, its types, and a page that says how to use it. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { typeOf } from '../../ir/loop/build.ts';
import type { Program } from '../../ir/loop/types.ts';
import { visitAllExprs } from '../../ir/loop/walk.ts';
import { type EmitOptions, type EmittedWasm, emitWasm } from './index.ts';
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

/** A file of the package; `path` is relative to it. */
export interface PackageFile {
  readonly path: string;
  readonly content: string | Uint8Array;
}

/** Characters that npm, URLs and file systems all take; what npm refuses it says itself when the package is published. */
const NPM_NAME = /^(?:@[a-z0-9~-][a-z0-9._~-]*\/)?([a-z0-9~-][a-z0-9._~-]*)$/;

/**
 * `module` is what `emitWasm` makes unless another compiler made it from the same program.
 *
 * @throws Error when the name cannot be one of an npm package.
 */
export function emitPackage(
  program: Program,
  options: PackageOptions,
  module: EmittedWasm = emitWasm(program, options),
): PackageFile[] {
  const stem = NPM_NAME.exec(options.name)?.[1];
  if (stem === undefined) {
    throw new Error(
      `"${options.name}" cannot name an npm package: ` +
        'expected lower-case letters, digits and . _ ~ - after an optional @scope/; choose another name',
    );
  }
  const { wasm, layout } = module;
  const inputs = publicPorts(program.inputs);
  const outputs = publicPorts(program.outputs);
  const head = options.banner.split('\n').map((line) => `// ${line}`.trimEnd());
  const code = [
    ...head,
    loaderSource(),
    `const inputs = ${portsText(inputs, layout.inputs)};`,
    `const outputs = ${portsText(outputs, layout.outputs)};`,
    `export const load = loaderOf(`,
    `  ${JSON.stringify(stem)}, () => new URL(${JSON.stringify(`./${stem}.wasm`)}, import.meta.url), inputs, outputs,`,
    ');',
    '',
  ];
  return [
    { path: `${stem}.wasm`, content: wasm },
    { path: 'index.js', content: code.join('\n') },
    { path: 'index.d.ts', content: `${head.join('\n')}\n${typings({ inputs, outputs, hasState: hasState(program) })}` },
    { path: 'package.json', content: manifest(stem, options) },
    { path: 'README.md', content: readme(options, program, inputs, outputs) },
  ];
}

/** The loader without its comments and its `export`: the package exports what the model has, not what made it. */
function loaderSource(): string {
  return readFileSync(loaderPath(), 'utf8')
    .replace(/^\s*\/\*\*[\s\S]*?\*\/\n/gm, '')
    .replace(/^\s*\/\/.*\n/gm, '')
    .replace(/^export /gm, '')
    .replace(/\n{2,}/g, '\n')
    .trim();
}

/** The sources and the compiled files lie at different depths below the package's root. */
function loaderPath(): string {
  const here = import.meta.url;
  const root = here.endsWith('.ts') ? '../../' : '../../../';
  return fileURLToPath(new URL(`${root}runtime/js/loader.js`, here));
}

function portsText(ports: readonly PublicPort[], offsets: readonly number[]): string {
  const lines = ports.map(({ name, dtype, shape, affine, array, length }, index) => {
    const quant = affine === undefined ? '' : ` scale: ${affine.scale}, zeroPoint: ${affine.zeroPoint},`;
    const place = `array: ${array}, length: ${length}, offset: ${offsets[index]}`;
    return `  { name: ${JSON.stringify(name)}, dtype: '${dtype}', shape: [${shape.join(', ')}],${quant} ${place} },\n`;
  });
  return `[\n${lines.join('')}]`;
}

function manifest(stem: string, { name, version, banner }: PackageOptions): string {
  const content = {
    name,
    version: version ?? '0.1.0',
    description: banner.split('\n')[0],
    type: 'module',
    sideEffects: false,
    exports: {
      '.': { types: './index.d.ts', default: './index.js' },
      [`./${stem}.wasm`]: `./${stem}.wasm`,
    },
    types: './index.d.ts',
    files: ['index.js', 'index.d.ts', `${stem}.wasm`],
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
): string {
  const oldest = usesVectors(program)
    ? 'an engine with SIMD: Chrome 91, Firefox 89, Safari 16.4, Node 16.4 or later'
    : 'Chrome 75, Firefox 79, Safari 15, Node 16 or later';
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

\`load()\` takes the module beside \`index.js\`; \`load(source)\` takes a URL, a path (in Node), bytes, a \`Response\` or a
\`WebAssembly.Module\`. It needs ${oldest}. With Vite's development server add the package to \`optimizeDeps.exclude\`, so that the module is found beside the code.
`;
}

/** Markdown code that may hold backticks. */
function code(text: string): string {
  return text.includes('`') ? `\`\` ${text} \`\`` : `\`${text}\``;
}
