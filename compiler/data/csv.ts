/**
 * CSV files (RFC 4180) through csv-parse: one sample for each row. The first row holds the names of the columns when none of
 * its cells is a number, or one is not whose neighbour in the second row is. Rows are streamed.
 */
import { createReadStream } from 'node:fs';
import { parse } from 'csv-parse';
import { DataError, reasonOf } from './error.ts';
import { type DataRecord, MAX_SAMPLE_ELEMENTS, type Reader } from './record.ts';

const MAX_ROW_CHARACTERS = 2 ** 26;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$|^[+-]?(nan|inf|infinity)$/i;

export interface Table {
  readonly path: string;
  /** Names of the columns; their numbers as text where the file has no names. */
  readonly columns: readonly string[];
  readonly count: number;
  readonly hasNames: boolean;
}

/** Passes through the file once. Throws DataError for rows of different lengths. */
export async function openTable(path: string): Promise<Table> {
  let [first, second]: (readonly string[] | undefined)[] = [];
  let count = 0;
  for await (const row of rowsOf(path)) {
    if (count === 0) first = row;
    if (count === 1) second = row;
    count++;
  }
  if (first === undefined)
    throw new DataError({ file: path, expected: 'rows of comma-separated values', found: 'none' });
  const hasNames = isNames(first, second);
  const columns = hasNames ? first.map((cell) => cell.trim()) : first.map((_, i) => String(i));
  return { path, columns, count: count - (hasNames ? 1 : 0), hasNames };
}

function isNames(first: readonly string[], second: readonly string[] = []): boolean {
  const isNumber = (cell: string | undefined) => cell !== undefined && NUMBER.test(cell.trim());
  return !first.some(isNumber) || first.some((cell, i) => !isNumber(cell) && isNumber(second[i]));
}

/** Numbers of the columns that a selection `a,b` names. Throws DataError. */
export function selectColumns({ path, columns }: Table, selection: string): number[] {
  return selection.split(',').map((part) => {
    const index = columns.indexOf(part.trim());
    if (index >= 0) return index;
    const list = columns.slice(0, 40).join(', ');
    throw new DataError({
      file: path,
      expected: `a column "${part.trim()}"`,
      found: list,
      advice: 'name one of these',
    });
  });
}

export function tableReader(table: Table, columns: readonly number[]): Reader {
  const { path } = table;
  if (columns.length === 0 || columns.length > MAX_SAMPLE_ELEMENTS) {
    throw new DataError({ file: path, expected: 'columns for the input besides the labels', found: 'none' });
  }
  return {
    description: `csv, ${table.count} rows x ${columns.length} columns`,
    count: table.count,
    async *records(wanted): AsyncGenerator<DataRecord> {
      for await (const { cells, index, line } of tableRows(table)) {
        if (!wanted(index)) continue;
        const values = Float64Array.from(columns, (column) => numberOf(cells[column] as string, table, column, line));
        yield { name: `${path}: row ${line}`, kind: 'array', shape: [columns.length], values };
      }
    },
  };
}

/** Rows below the names; `line` counts from 1 with them, as editors do where no cell has line breaks. */
export async function* tableRows({ path, hasNames }: Table): AsyncGenerator<{
  readonly cells: readonly string[];
  readonly index: number;
  readonly line: number;
}> {
  let line = 0;
  for await (const cells of rowsOf(path)) {
    line++;
    if (line > 1 || !hasNames) yield { cells, index: line - (hasNames ? 2 : 1), line };
  }
}

function numberOf(cell: string, { path, columns }: Table, column: number, line: number): number {
  const text = cell.trim();
  if (NUMBER.test(text)) return /[in]/i.test(text) ? infiniteValue(text) : Number(text);
  throw new DataError({
    file: path,
    place: `row ${line}, column "${columns[column]}"`,
    expected: 'a number',
    found: text === '' ? 'an empty cell' : `"${text}"`,
    advice: 'choose the columns after the path: table.csv#a,b,c',
  });
}

function infiniteValue(text: string): number {
  if (/nan/i.test(text)) return Number.NaN;
  return text.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

async function* rowsOf(path: string): AsyncGenerator<string[]> {
  const file = createReadStream(path);
  const parser = parse({ bom: true, skip_empty_lines: true, max_record_size: MAX_ROW_CHARACTERS });
  file.on('error', (error) => parser.destroy(error));
  try {
    yield* file.pipe(parser) as AsyncIterable<string[]>;
  } catch (error) {
    throw new DataError({
      file: path,
      expected: 'comma-separated values, as many in every row',
      found: reasonOf(error),
    });
  } finally {
    file.destroy();
    parser.destroy();
  }
}
