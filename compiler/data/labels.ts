/** Labels of samples: class numbers, or the numbers that the model's output is compared with. */
import { basename } from 'node:path';
import { selectColumns, type Table, tableReader, tableRows } from './csv.ts';
import { DataError } from './error.ts';
import type { SampleFile } from './folder.ts';
import type { Wanted } from './record.ts';
import { type OpenSource, openSource, type Source } from './source.ts';

/** One number for a class, else as many as the label has. */
export type Label = Float64Array;

export interface Labels {
  readonly description: string;
  readonly count: number;
  /** In the order of class numbers, where the labels have names. */
  readonly classes: readonly string[] | undefined;
  /** The label's columns where they are in the table of the inputs. */
  readonly columns: readonly number[];
  labels(wanted: Wanted): AsyncIterable<Label>;
}

const MAX_CLASSES = 100_000;

/** `data` is the source of the first input. Undefined when nothing says what the labels are. Throws DataError. */
export async function openLabels(
  source: Source | undefined,
  data: { readonly source: Source; readonly open: OpenSource },
  classes: readonly string[] | undefined,
): Promise<Labels | undefined> {
  const files = data.open.kind === 'folder' ? data.open.files : undefined;
  if (source === undefined) return files === undefined ? undefined : labelsByFolder(data.source.path, files, classes);
  const open = await openSource(source, 0);
  if (open.kind === 'table') {
    if (files !== undefined) return await labelsByFile(source, open.table, files, classes);
    const isShared = source.path === data.source.path;
    return await labelsByRow(source, open.table, isShared, classes);
  }
  const { reader } = open;
  return {
    description: reader.description,
    count: reader.count,
    classes,
    columns: [],
    async *labels(wanted) {
      for await (const { values, kind, name } of reader.records(wanted)) {
        if (kind === 'bytes') throw new DataError({ file: name, expected: 'labels as numbers', found: 'raw bytes' });
        yield Float64Array.from(values);
      }
    },
  };
}

/** Every file lies in the folder of its class, or none does. */
function labelsByFolder(
  folder: string,
  files: readonly SampleFile[],
  classes: readonly string[] | undefined,
): Labels | undefined {
  const groups = new Set(files.map(({ group }) => group));
  if (groups.has(undefined)) return undefined;
  const names = classes ?? classesOf([...groups] as string[]);
  const places = numbersOf(names);
  for (const group of groups) {
    if (group === undefined || places(group) !== undefined) continue;
    throw new DataError({ file: `${folder}/${group}`, expected: 'a folder named after a class', found: `"${group}"` });
  }
  return {
    description: `folders of ${names?.length ?? groups.size} classes`,
    count: files.length,
    classes: names,
    columns: [],
    async *labels(wanted) {
      for (const [i, { group }] of files.entries()) {
        if (wanted(i)) yield Float64Array.of(places(group as string) as number);
      }
    },
  };
}

/** Names sorted by their bytes; undefined where all are numbers, which then are the class numbers themselves. */
function classesOf(names: readonly string[]): string[] | undefined {
  return names.every((name) => /^\d{1,9}$/.test(name)) ? undefined : [...names].sort();
}

function numbersOf(names: readonly string[] | undefined): (name: string) => number | undefined {
  if (names === undefined) return (name) => (/^\d{1,9}$/.test(name) ? Number(name) : undefined);
  const places = new Map(names.map((name, i) => [name, i]));
  return (name) => places.get(name);
}

/** A table of file names and labels, in any order. */
async function labelsByFile(
  source: Source,
  table: Table,
  files: readonly SampleFile[],
  classes: readonly string[] | undefined,
): Promise<Labels> {
  const chosen = source.part === undefined ? [0, 1] : selectColumns(table, source.part);
  const [file, label] = chosen.length === 1 ? [0, chosen[0] as number] : (chosen as [number, number]);
  if (chosen.length > 2 || table.columns.length < 2) {
    throw new DataError({
      file: table.path,
      expected: 'a column of file names and one of labels',
      found: table.columns.join(', '),
    });
  }
  const cells = new Map<string, string>();
  for await (const row of tableRows(table)) cells.set(row.cells[file]?.trim() ?? '', row.cells[label]?.trim() ?? '');
  const cellOf = ({ relative, path }: SampleFile): string => {
    const cell = cells.get(relative) ?? cells.get(basename(relative));
    if (cell !== undefined) return cell;
    throw new DataError({ file: table.path, expected: `a row for ${path}`, found: `none for "${relative}"` });
  };
  const names = classes ?? classesOf([...new Set(cells.values())]);
  const toLabel = labelReading(table, label, names);
  return {
    description: `csv, labels of ${cells.size} files`,
    count: files.length,
    classes: names,
    columns: [],
    async *labels(wanted) {
      for (const [i, entry] of files.entries()) if (wanted(i)) yield toLabel(cellOf(entry), `file "${entry.relative}"`);
    },
  };
}

/** A column of the table, or several for labels of several numbers; row i belongs to sample i. */
async function labelsByRow(
  source: Source,
  table: Table,
  isShared: boolean,
  classes: readonly string[] | undefined,
): Promise<Labels> {
  if (source.part === undefined && table.columns.length > 1) {
    const advice = `name it after the path: ${source.path}#${table.columns.at(-1)}`;
    throw new DataError({
      file: source.path,
      expected: 'the column of the labels',
      found: table.columns.join(', '),
      advice,
    });
  }
  const columns = source.part === undefined ? [0] : selectColumns(table, source.part);
  const base = {
    description: `csv, column ${columns.map((column) => table.columns[column]).join(', ')}`,
    count: table.count,
  };
  const shared = isShared ? columns : [];
  if (columns.length > 1) {
    const reader = tableReader(table, columns);
    return {
      ...base,
      classes,
      columns: shared,
      async *labels(wanted) {
        for await (const { values } of reader.records(wanted)) yield Float64Array.from(values);
      },
    };
  }
  const column = columns[0] as number;
  const names = classes ?? (await namesInColumn(table, column));
  const toLabel = labelReading(table, column, names);
  return {
    ...base,
    classes: names,
    columns: shared,
    async *labels(wanted) {
      for await (const { cells, index, line } of tableRows(table)) {
        if (wanted(index)) yield toLabel((cells[column] as string).trim(), `row ${line}`);
      }
    },
  };
}

/** The sorted names of a column; undefined when all its cells are numbers. Throws DataError for too many. */
async function namesInColumn(table: Table, column: number): Promise<string[] | undefined> {
  const names = new Set<string>();
  let isNumeric = true;
  for await (const { cells } of tableRows(table)) {
    const cell = (cells[column] as string).trim();
    isNumeric &&= cell !== '' && Number.isFinite(Number(cell));
    // Labels that are real numbers can all differ; only names are collected to the end.
    if (names.size <= MAX_CLASSES) names.add(cell);
  }
  if (isNumeric) return undefined;
  if (names.size <= MAX_CLASSES) return [...names].sort();
  throw new DataError({
    file: table.path,
    expected: `at most ${MAX_CLASSES} classes`,
    found: 'more names',
    advice: 'check the column',
  });
}

function labelReading(table: Table, column: number, names: readonly string[] | undefined) {
  const places = numbersOf(names);
  return (cell: string, place: string): Label => {
    const number = names === undefined ? (cell === '' ? Number.NaN : Number(cell)) : places(cell);
    if (number !== undefined && !Number.isNaN(number)) return Float64Array.of(number);
    throw new DataError({
      file: table.path,
      place: `${place}, column "${table.columns[column]}"`,
      expected: names === undefined ? 'a number' : `one of the classes ${names.slice(0, 20).join(', ')}`,
      found: `"${cell}"`,
    });
  };
}
