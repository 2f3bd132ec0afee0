/** Node's side of bench:web: one measurement in a process that has done nothing before. The request comes on stdin. */
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { measure } from './measure.js';

const { folder, script, options, model, inputs } = JSON.parse(await text(process.stdin));
const started = performance.now();
const at = (path) => pathToFileURL(`${folder}/${path}`).href;
const peer = await import(at(script));
const job = {
  ...options,
  runtime: at(options.runtime),
  model: model && new Uint8Array(await readFile(`${folder}/${model}`)),
  inputs: inputs.map(({ array, shape, values }) => ({ shape, data: globalThis[array].from(values) })),
};
const result = await measure(peer, job, started);
process.stdout.write(
  `\n${JSON.stringify({ ...result, outputs: result.outputs.map((array) => Array.from(array)) })}\n`,
  () => process.exit(0),
);
