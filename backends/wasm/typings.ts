/** The type declarations of an emitted package. The only file that imports ts-morph. */
import { IndentationText, type InterfaceDeclarationStructure, Project, QuoteKind, StructureKind } from 'ts-morph';
import { type PublicPort, portDoc } from './ports.ts';

export interface TypingsOptions {
  readonly inputs: readonly PublicPort[];
  readonly outputs: readonly PublicPort[];
  readonly hasState: boolean;
}

/** The text of `index.d.ts`, which names every input and output of the model. */
export function typings({ inputs, outputs, hasState }: TypingsOptions): string {
  const project = new Project({
    useInMemoryFileSystem: true,
    skipLoadingLibFiles: true,
    manipulationSettings: { indentationText: IndentationText.TwoSpaces, quoteKind: QuoteKind.Single },
  });
  const file = project.createSourceFile('index.d.ts');
  file.addInterfaces([
    record('Inputs', 'What an inference takes: one typed array per input, row-major.', inputs),
    record('Outputs', 'What an inference gives: one typed array per output, row-major.', outputs),
    portInterface([...inputs, ...outputs]),
    modelInterface(hasState),
  ]);
  file.addTypeAliases([
    {
      name: 'CompiledModule',
      type: 'typeof globalThis extends { WebAssembly: { Module: { prototype: infer M } } } ? M : never',
      docs: ['`WebAssembly.Module`, where the types of the platform (DOM, Node) have it.'],
    },
    {
      isExported: true,
      name: 'Source',
      type: 'string | URL | ArrayBuffer | ArrayBufferView | Response | CompiledModule',
      docs: ['The WebAssembly module: where it is (a URL, or in Node a path), its bytes, or the module itself.'],
    },
  ]);
  file.addFunction({
    isExported: true,
    name: 'load',
    parameters: [{ name: 'source', hasQuestionToken: true, type: 'Source | Promise<Source>' }],
    returnType: 'Promise<Model>',
    docs: ['Instantiates the model. Without a source it takes the module that lies beside the code of this package.'],
  });
  return file.getFullText();
}

/** Property names are always valid when quoted, and quoted only when they must be. */
function propertyName(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name);
}

/** A comment ends at the first star and slash. */
function docText(text: string): string {
  return text.replaceAll('*/', '*\\/');
}

function record(name: string, doc: string, ports: readonly PublicPort[]): InterfaceDeclarationStructure {
  return {
    kind: StructureKind.Interface,
    isExported: true,
    name,
    docs: [doc],
    properties: ports.map((port) => ({
      name: propertyName(port.name),
      type: port.array,
      docs: [docText(portDoc(port))],
    })),
  };
}

function portInterface(ports: readonly PublicPort[]): InterfaceDeclarationStructure {
  const dtypes = [...new Set(ports.map((port) => `'${port.dtype}'`))].sort().join(' | ') || 'never';
  const field = (name: string, type: string, doc?: string) => ({
    name,
    type,
    isReadonly: true,
    ...(doc === undefined ? {} : { docs: [doc] }),
  });
  return {
    kind: StructureKind.Interface,
    isExported: true,
    name: 'Port',
    docs: ['One input or output.'],
    typeParameters: ['Name'],
    properties: [
      field('name', 'Name'),
      field('dtype', dtypes),
      field('shape', 'readonly number[]'),
      field('length', 'number', 'How many elements.'),
      {
        ...field('scale', 'number', 'Of a quantized tensor: real value = scale * (x - zeroPoint).'),
        hasQuestionToken: true,
      },
      { ...field('zeroPoint', 'number'), hasQuestionToken: true },
    ],
  };
}

function modelInterface(hasState: boolean): InterfaceDeclarationStructure {
  const reset = { name: 'reset', returnType: 'void', docs: ['Forgets what earlier inferences left in the state.'] };
  return {
    kind: StructureKind.Interface,
    isExported: true,
    name: 'Model',
    docs: ['An instance of the model, with memory of its own.'],
    properties: [
      { name: 'inputs', type: 'readonly Port<keyof Inputs>[]', isReadonly: true },
      { name: 'outputs', type: 'readonly Port<keyof Outputs>[]', isReadonly: true },
    ],
    methods: [
      {
        name: 'run',
        parameters: [{ name: 'inputs', type: 'Readonly<Inputs>' }],
        returnType: 'Outputs',
        docs: [
          'One inference. The arrays it returns are copies.\n@throws TypeError when an input has another type or length.',
        ],
      },
      ...(hasState ? [reset] : []),
    ],
  };
}
