/** All commands with their options. Exit code 0: done; 1: failed; 2: wrong usage. */
import { Command, CommanderError } from 'commander';
import { DataError } from '../data/error.ts';
import { ImportError } from '../import/error.ts';
import { LowerError } from '../lower/index.ts';
import { METRIC_NAMES } from '../metrics/metric.ts';
import { build } from './commands/build.ts';
import { compare } from './commands/compare.ts';
import { compressModel } from './commands/compress.ts';
import { evaluateModel } from './commands/eval.ts';
import { inspect } from './commands/inspect.ts';
import { listMethods, listOps, listPasses, listTargets } from './commands/list.ts';
import { run } from './commands/run.ts';
import { type VerifyOptions, verify } from './commands/verify.ts';
import { ENGINES } from './engines/index.ts';
import { NativeEngineError } from './engines/native.ts';
import { Failure, UsageError } from './output.ts';
import { VERSION } from './version.ts';

const collect = (value: string, previous: readonly string[]): string[] => [...previous, value];

const RAM_HELP = 'most bytes of the arena (24k, 1M): executes layers in strips of rows where needed, or refuses';
const REGION_HELP =
  'a memory that the arena is divided among (dtcm=64k, sram=256k,weight=2); once per memory, the first for the state; weight: what an access costs';
const SHAPE_HELP = 'ONNX: shape of an input whose dimensions are open (input=1,3,224,224); once per input';
const CONSTANT_HELP =
  'ONNX: an input that becomes a constant, numbers or a .npy file (sr=16000); needed where shapes depend on it';
const FLASH_HELP = 'most bytes of weights and tables, else refuses; code comes on top and is not counted';
const DATA_HELP =
  'a .json description, a .npy, .npz#array, .csv#columns or IDX file, or a folder of images, .wav or in_NN.bin; also input=source, once per input';

function program(): Command {
  const mcc = new Command('mcc')
    .description('Compiles trained neural networks to small, fast, bit-exact C and WebAssembly.')
    .version(VERSION)
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'mcc: ')) })
    .showHelpAfterError('(mcc --help lists commands and options)');
  const onFile = (name: string, description: string): Command =>
    mcc
      .command(name)
      .description(description)
      .argument('<model>', 'an .onnx or .tflite file, or tensor IR as `mcc inspect --ir tensor` writes it')
      .option('--name <name>', "the model's name in what is emitted; the file's name unless given")
      .option('--batch <n>', 'extent of a dynamic batch dimension (1 unless given)')
      .option('--shape <name=extents>', SHAPE_HELP, collect, [])
      .option('--constant <name=value>', CONSTANT_HELP, collect, []);
  const onModel = (name: string, description: string): Command =>
    onFile(name, description).option(
      '--numerics <profile>',
      'tflm|litert: integer results of tflite-micro and CMSIS-NN, or of LiteRT in Python and in a page',
      'tflm',
    );
  const withData = (command: Command): Command =>
    command
      .option('--data <source>', DATA_HELP, collect, [])
      .option('--labels <source>', 'labels as another such source; folders of images and sounds are classes without')
      .option('--preprocess <json>', 'steps from the data to the inputs, as JSON or a file of it')
      .option('--classes <names>', 'names of the classes in the order of the outputs, with commas')
      .option('--limit <n>', 'at most so many samples, chosen at random')
      .option('--seed <n>', 'of everything random', '1');
  onModel('build', 'write C sources with a CMake project, or an npm package with WebAssembly')
    .requiredOption('-t, --target <target>', 'what to emit for; `mcc targets` lists them')
    .requiredOption('-o, --output <folder>', 'where to write')
    .option('--optimize <goal>', 'speed|size: what code is made for where the two disagree', 'speed')
    .option('--ram <size>', RAM_HELP)
    .option('--flash <size>', FLASH_HELP)
    .option('--region <name=size>', REGION_HELP, collect, [])
    .option('--tiers <list>', 'of --target wasm: relaxed,simd,scalar; the package takes the fastest an engine can run')
    .option('--via <toolchain>', 'emcc: make the .wasm by compiling the emitted C with Emscripten')
    .action(build);
  onModel('run', 'run the model once on any engine')
    .option('-e, --engine <engine>', ENGINES.join('|'), 'reference')
    .option('-i, --input <file>', 'raw little-endian .bin or .npy, also name=file; once per input', collect, [])
    .requiredOption('-o, --output-dir <folder>', 'where out_0.bin, out_1.bin ... go')
    .option('--layers', "reference engine: also write each operator's output as opKK.bin")
    .action(run);
  onModel('verify', 'prove that all engines give the same bytes')
    .option('--engines <list>', 'comma-separated; all that this machine can run unless given')
    .option('--golden <folder>', 'recorded in_NN.bin and out_NN.bin instead of random inputs')
    .option('--inputs <n>', 'how many random inputs', '3')
    .option('--seed <n>', 'seed of the random inputs', '1')
    .option('--tolerance <x>', 'absolute, of float outputs against golden files', '1e-4')
    .action((path: string, options: VerifyOptions) => verify(path, options));
  withData(onModel('eval', 'measure how well the model answers on labelled data'))
    .option('-e, --engine <engine>', ENGINES.join('|'), 'wasm')
    .option('-m, --metric <metric>', `${METRIC_NAMES.join('|')}|script`, 'top1')
    .option('--k <n>', 'of topk', '1')
    .option('--peak <x>', 'of psnr: the largest value that an output can have', '1')
    .option('--output <name>', 'the output that is judged; the first unless given')
    .option('--script <file>', 'of script: an ES module; its default export gets all samples and returns a number')
    .option('--json', 'machine-readable')
    .action(evaluateModel);
  onModel('inspect', 'show types, work, sizes and memory')
    .option('-t, --target <target>', 'what to plan for', 'c')
    .option('--optimize <goal>', 'speed|size', 'speed')
    .option('--ir <level>', 'print the tensor or the loop IR: tensor|loop; to a terminal without long data')
    .option('--ram <size>', RAM_HELP)
    .option('--flash <size>', FLASH_HELP)
    .option('--region <name=size>', REGION_HELP, collect, [])
    .option('--memory', 'draw the arena')
    .option('--proofs', 'print every exact rewrite with its reason and what it saved')
    .option('--json', 'machine-readable')
    .action(inspect);
  withData(onFile('compare', 'show where and how far two models, or two numerics profiles of one, disagree'))
    .argument('[other]', 'a version of the model, quantized for instance; its tensors are told by their names')
    .option('--numerics <profiles>', 'the two profiles of one model: tflm,litert unless given; of two models, the one')
    .option('--golden <folder>', 'of one model: inputs in_NN.bin instead of random ones')
    .option('--inputs <n>', 'how many random inputs', '20')
    .action(compare);
  withData(onModel('compress', 'make a float model smaller by a recipe of lossy methods, and say what that costs'))
    .requiredOption(
      '-r, --recipe <file>',
      'JSON: {"steps": [{"method": "quantize"}]}; `mcc methods` lists what there is',
    )
    .requiredOption('-o, --output <folder>', 'where the model goes, as tensor IR (.mcc), with a report')
    .option('-t, --target <target>', 'what sizes and cycles are predicted for', 'c')
    .option('-m, --metric <metric>', METRIC_NAMES.join('|'), 'top1')
    .action(compressModel);
  mcc.command('methods').description('list the compression methods of recipes').action(listMethods);
  mcc.command('targets').description('list targets and engines').action(listTargets);
  mcc.command('ops').description('list the ops of tensor IR').action(listOps);
  mcc.command('passes').description('list the passes in their order').action(listPasses);
  return mcc;
}

/** Errors that are the user's to mend print as they are; any other is a fault of mcc and keeps its stack. */
function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  const known = [UsageError, Failure, DataError, ImportError, LowerError, NativeEngineError];
  if (known.some((type) => error instanceof type)) console.error(`mcc: ${(error as Error).message}`);
  else console.error('mcc: this is a fault of mcc itself; please report it with the model\n', error);
  return error instanceof UsageError ? 2 : 1;
}

/** Runs one command line, without the program's own name, and returns the exit code. Never throws. */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  try {
    await program().parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    return exitCodeOf(error);
  }
}
