/** One measurement: a fresh page or a fresh process. */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

export interface Request {
  readonly script: string;
  readonly options: { readonly runtime: string; readonly file?: string };
  /** Path in the stage. */
  readonly model?: string;
  readonly inputs: readonly { readonly array: string; readonly shape: readonly number[]; readonly values: number[] }[];
}

export interface Result {
  /** Of one inference: the median of the batches. */
  readonly ms: number;
  /** The least disturbed batch. */
  readonly leastMs: number;
  /** From an empty page or process to the first answer, files from this machine. */
  readonly firstAnswerMs: number;
  /** From when the script is there: fetch, compile and instantiate the module (of a peer the model too), first run. */
  readonly loadMs: number;
  readonly outputs: readonly (readonly number[])[];
}

export interface Runner {
  readonly version: string;
  run(request: Request): Promise<Result>;
  close(): Promise<void>;
}

const TIME_LIMIT_MS = 120_000;

export function nodeRunner(folder: string): Runner {
  const script = fileURLToPath(new URL('run-node.mjs', import.meta.url));
  return {
    version: `Node ${process.versions.node} (V8 ${process.versions.v8})`,
    run: (request) =>
      new Promise((resolve, reject) => {
        const child = spawn(process.execPath, [script], { stdio: ['pipe', 'pipe', 'pipe'], timeout: TIME_LIMIT_MS });
        const out: Buffer[] = [];
        const err: Buffer[] = [];
        child.stdout.on('data', (chunk) => out.push(chunk));
        child.stderr.on('data', (chunk) => err.push(chunk));
        child.on('error', reject);
        child.on('close', (status) => {
          const last = Buffer.concat(out).toString().trim().split('\n').at(-1);
          if (status === 0 && last) resolve(JSON.parse(last) as Result);
          else reject(new Error(Buffer.concat(err).toString().trim() || `status ${status}`));
        });
        child.stdin.end(JSON.stringify({ folder, ...request }));
      }),
    close: async () => {},
  };
}

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
};
const PAGE = '<!doctype html><title>bench</title><body><script type="module" src="/run-page.js"></script></body>';

/** @throws Error when Chromium cannot be started from `executablePath` */
export async function chromiumRunner(folder: string, executablePath: string): Promise<Runner> {
  const server = createServer(async (request, response) => {
    const path = normalize(new URL(request.url ?? '/', 'http://page').pathname);
    try {
      const content = path === '/' ? PAGE : await readFile(join(folder, path));
      response.writeHead(200, {
        'Content-Type': path === '/' ? 'text/html' : (CONTENT_TYPES[extname(path)] ?? 'application/octet-stream'),
        // An isolated page has the finer clock.
        'Cross-Origin-Opener-Policy': 'same-origin',
        'Cross-Origin-Embedder-Policy': 'require-corp',
        'Cache-Control': 'no-store',
      });
      response.end(content);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const browser = await chromium.launch({
    executablePath,
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking'],
  });
  return {
    version: `Chromium ${browser.version()}`,
    async run(request) {
      const page = await browser.newPage();
      page.setDefaultTimeout(TIME_LIMIT_MS);
      try {
        await page.goto(address);
        await page.waitForFunction('globalThis.bench !== undefined');
        return (await page.evaluate(`bench(${JSON.stringify(request)})`)) as Result;
      } finally {
        await page.close();
      }
    },
    async close() {
      await browser.close();
      server.close();
    },
  };
}
