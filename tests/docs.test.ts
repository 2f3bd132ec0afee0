/** What can be checked about the documents: links, paths, commands, printed examples, tables. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ENGINES } from '../compiler/cli/engines/index.ts';
import { simplify } from '../compiler/compile.ts';
import { TARGETS } from '../compiler/targets/index.ts';
import { parseGraph } from '../ir/tensor/parse.ts';
import { printGraph } from '../ir/tensor/print.ts';
import { DOCUMENTS, readDocument, withExamples } from '../tools/docs/examples.ts';
import { operatorsPage, PAGE } from '../tools/docs/operators.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const FOLDERS = ['docs', 'ir', 'compiler', 'backends', 'runtime', 'tools', 'examples/digits'];
/** Parts of paths that are made by commands. */
const MADE = /(^|\/)(build|dist|node_modules|\.cache|\.venv)(\/|$)/;

function markdown(): string[] {
  const below = FOLDERS.flatMap((folder) => {
    const files = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' });
    return files.map((file) => `${folder}/${file.replaceAll('\\', '/')}`);
  });
  return ['README.md', 'ARCHITECTURE.md', 'CHANGELOG.md', ...below.filter((file) => file.endsWith('.md'))].filter(
    (file) => !MADE.test(file),
  );
}

const PAGES = markdown().map((path) => ({ path, text: readDocument(path) }));

/** The anchor that a heading gets. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, '')
    .replaceAll(' ', '-');
}

function anchors(text: string): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map((match) => anchorOf(match[1] as string));
}

/** Lines of shell blocks, without prompts, output and comments. */
function shellLines(text: string): string[] {
  const blocks = [...text.matchAll(/^ *```(sh|console)\n([\s\S]*?)^ *```$/gm)];
  const lines = blocks.flatMap(([, kind, block]) => {
    const all = (block as string).split('\n').map((line) => line.trim());
    return kind === 'sh' ? all : all.filter((line) => line.startsWith('$ ')).map((line) => line.slice(2));
  });
  return lines.map((line) => line.replace(/ #.*$/, '')).filter((line) => line !== '');
}

/** Text in backquotes, outside blocks. */
function codeSpans(text: string): string[] {
  const prose = text.replace(/^ *```[\s\S]*?^ *```$/gm, '');
  return [...prose.matchAll(/`([^`\n]+)`/g)].map((match) => match[1] as string);
}

/** Commands that a page tells its reader to give, in blocks or in prose. */
function commands(text: string): string[] {
  const starts = /^(npx mcc|mcc|npm|node --import) [a-z.]/;
  const spans = codeSpans(text).filter((span) => starts.test(span));
  return [...shellLines(text), ...spans].flatMap((line) => line.split(' && ')).map((line) => line.trim());
}

function mcc(...args: string[]): string {
  const loader = new URL('../tools/ts.mjs', import.meta.url).href;
  const main = join(ROOT, 'compiler/cli/main.ts');
  const run = spawnSync(process.execPath, ['--import', loader, main, ...args], { encoding: 'utf8' });
  assert.is(run.status, 0, `mcc ${args.join(' ')}: ${run.stderr}`);
  return run.stdout;
}

const test = suite('documents');

test('relative links lead to files and headings', () => {
  const wrong = PAGES.flatMap(({ path, text }) => {
    const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1] as string);
    return links.flatMap((link) => {
      if (/^https?:/.test(link)) return [];
      const [file, anchor] = link.split('#') as [string, string | undefined];
      const target = file === '' ? path : join(dirname(path), file);
      if (!existsSync(join(ROOT, target))) return [`${path}: ${link}`];
      return anchor === undefined || anchors(readDocument(target)).includes(anchor) ? [] : [`${path}: ${link}`];
    });
  });
  assert.equal(wrong, []);
});

test('paths of this repository exist', () => {
  const root = readdirSync(ROOT);
  const wrong = PAGES.flatMap(({ path, text }) => {
    const words = [...codeSpans(text), ...shellLines(text)].flatMap((code) => code.split(/\s+/));
    const paths = words
      .map((word) => word.replace(/^\.\//, ''))
      .filter((word) => /^[\w.-]+\/[\w./<>*-]*$/.test(word) && root.includes(word.split('/')[0] as string))
      .filter((word) => !MADE.test(word));
    return paths.flatMap((word) => {
      // What stands for several names is checked as far as it is one path.
      const known = word.split('/').filter((_, i, parts) => !parts.slice(0, i + 1).some((part) => /[<>*]/.test(part)));
      const beside = join(dirname(path), ...known);
      return existsSync(join(ROOT, ...known)) || existsSync(join(ROOT, beside)) ? [] : [`${path}: ${word}`];
    });
  });
  assert.equal(wrong, []);
});

test('commands of mcc exist, with their options', () => {
  const names = [...mcc('--help').matchAll(/^ {2}([a-z]+) /gm)].map((match) => match[1] as string);
  const help = new Map<string, string>();
  const wrong = PAGES.flatMap(({ path, text }) =>
    commands(text).flatMap((command) => {
      const [, rest] = /^(?:npx )?mcc (.*)$/.exec(command) ?? [];
      if (rest === undefined) return [];
      const [name, ...args] = rest.split(/\s+/) as [string, ...string[]];
      if (!names.includes(name)) return [`${path}: ${command}`];
      if (!help.has(name)) help.set(name, mcc('help', ...(name === 'help' ? [] : [name])));
      const flags = args.filter((arg) => arg.startsWith('-'));
      return flags
        .filter((flag) => !new RegExp(`(^|\\s)${flag}[, ]`).test(help.get(name) as string))
        .map((flag) => `${path}: ${command}: ${flag}`);
    }),
  );
  assert.equal(wrong, []);
  assert.ok(help.has('build') && help.has('verify'), 'commands were found in the documents');
});

test('npm scripts exist', () => {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const wrong = PAGES.flatMap(({ path, text }) =>
    commands(text).flatMap((command) => {
      const name = command === 'npm test' ? 'test' : /^npm run (?:-s )?(\S+)/.exec(command)?.[1];
      return name === undefined || Object.hasOwn(scripts, name) ? [] : [`${path}: ${command}`];
    }),
  );
  assert.equal(wrong, []);
});

test('what is run by the test runner matches a test file', () => {
  const files = readdirSync(join(ROOT, 'tests'), { recursive: true, encoding: 'utf8' }).map((file) => `tests/${file}`);
  const wrong = PAGES.flatMap(({ path, text }) =>
    commands(text).flatMap((command) => {
      const filters = /tests\/run\.ts (.*)$/.exec(command)?.[1]?.split(' ') ?? [];
      const lost = filters.filter((part) => !files.some((file) => file.endsWith('.test.ts') && file.includes(part)));
      return lost.map((part) => `${path}: ${command}: ${part}`);
    }),
  );
  assert.equal(wrong, []);
});

test("README's test command is what CI runs", () => {
  const line = 'tools/toolchains.sh && npm ci && npm test';
  assert.ok(readDocument('README.md').includes(`\n${line}\n`));
  assert.ok(readFileSync(join(ROOT, '.ci/run'), 'utf8').includes(`\n${line}\n`));
});

test('documents name no place on a certain machine', () => {
  const wrong = PAGES.flatMap(({ path, text }) => {
    const absolute = [...text.matchAll(/(?:^|[\s`"'(=])(\/[a-z]+\/[\w.-]*)/gm)].map((match) => match[1] as string);
    const hosts = [...text.matchAll(/https?:\/\/([^/\s)]+)/g)].map((match) => match[1] as string);
    return [...absolute, ...hosts.filter((host) => !['semver.org'].includes(host))].map((name) => `${path}: ${name}`);
  });
  assert.equal(wrong, []);
});

test('README lists every target and engine, and no other', () => {
  const table = /## Targets and engines\n([\s\S]*?)\n## /.exec(readDocument('README.md'))?.[1] as string;
  const rows = [...table.matchAll(/^\| `([\w-]+)` \| [^|]+\| ([^|]*)\|/gm)];
  assert.equal(rows.map((row) => row[1]).sort(), Object.keys(TARGETS).sort());
  const named = rows.flatMap((row) => [...(row[2] as string).matchAll(/`([\w-]+)`/g)].map((match) => match[1]));
  assert.equal([...new Set([...named, 'reference', 'loop'])].sort(), [...ENGINES].sort());
  assert.ok(table.includes('`reference`') && table.includes('`loop`'));
});

for (const path of DOCUMENTS) {
  test(`${path}: printed examples are what mcc prints`, async () => {
    const text = readDocument(path);
    assert.is(
      text,
      await withExamples(text),
      'bring them up to date: node --import ./tools/ts.mjs tools/docs/examples.ts',
    );
  });
}

test('an example that is out of date is noticed', async () => {
  const text = readDocument('ARCHITECTURE.md');
  for (const [now, old] of [
    ['sqrdmulh(acc, ', 'sqrdmulh(acc, 1'],
    ['table[x[i] + 128]', 'table[x[i] + 127]'],
  ] as const) {
    assert.ok(text.includes(now), now);
    assert.is(await withExamples(text.replace(now, old)), text);
  }
});

test('passes change nothing in the graph of ARCHITECTURE.md, as it says', () => {
  const graph = parseGraph(/^```text\n(graph [\s\S]*?)^```$/m.exec(readDocument('ARCHITECTURE.md'))?.[1] as string);
  assert.is(printGraph(simplify(graph)), printGraph(graph));
});

test('the table of operators is up to date', async () => {
  const command = 'node --import ./tools/ts.mjs tools/docs/operators.ts';
  assert.is(readFileSync(PAGE, 'utf8'), await operatorsPage(), `bring it up to date: ${command}`);
});

test.run();
