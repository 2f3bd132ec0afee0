/** Folders as sources: one file for each sample, in the order of their paths, or one folder for each class. */
import { readdirSync } from 'node:fs';
import { extname, join } from 'node:path';
import { readWhole } from './byte-reader.ts';
import { DataError, reasonOf } from './error.ts';
import { IMAGE_EXTENSIONS, readImage } from './image.ts';
import { type DataRecord, MAX_SAMPLE_ELEMENTS, type Reader } from './record.ts';
import { readWav, WAV_EXTENSIONS } from './wav.ts';

export interface SampleFile {
  readonly path: string;
  /** Below the data folder, with '/': what a table of labels calls it. */
  readonly relative: string;
  /** The folder it lies in below the data folder, where it lies in one. */
  readonly group: string | undefined;
}

const RAW = /^in_(\d+)(?:_(\d+))?\.bin$/;
const MAX_RAW_BYTES = 4 * MAX_SAMPLE_ELEMENTS;

/** A folder is read as what it holds: `in_NN.bin`, images or WAV files. Throws DataError when it holds none or a mixture. */
export function folderReader(folder: string, input: number): Reader & { readonly files: readonly SampleFile[] } {
  const files = sampleFiles(folder);
  const raw = files.filter(({ relative }) => RAW.test(relative));
  const images = files.filter(({ path }) => IMAGE_EXTENSIONS.includes(extname(path).toLowerCase()));
  const sounds = files.filter(({ path }) => WAV_EXTENSIONS.includes(extname(path).toLowerCase()));
  const kinds = [raw, images, sounds].filter((list) => list.length > 0);
  if (kinds.length !== 1) {
    throw new DataError({
      file: folder,
      expected: 'files of one kind: images (.png, .jpg), sounds (.wav) or in_NN.bin',
      found:
        kinds.length === 0
          ? 'none of them'
          : `${raw.length} in_NN.bin, ${images.length} images, ${sounds.length} sounds`,
    });
  }
  if (raw.length > 0) return filesReader(rawFilesOf(folder, raw, input), 'raw', readRaw);
  return images.length > 0 ? filesReader(images, 'images', imageRecord) : filesReader(sounds, 'sounds', soundRecord);
}

function filesReader(files: readonly SampleFile[], what: string, read: (file: SampleFile) => DataRecord) {
  return {
    description: `${what}, ${files.length} files`,
    count: files.length,
    files,
    async *records(wanted: (index: number) => boolean): AsyncGenerator<DataRecord> {
      for (const [index, file] of files.entries()) if (wanted(index)) yield read(file);
    },
  };
}

/** Files of the folder and of the folders in it, no deeper, by path in the order of their bytes. */
function sampleFiles(folder: string): SampleFile[] {
  const entries = list(folder);
  const files = entries.filter((entry) => !entry.isDirectory()).map(({ name }) => sampleFile(folder, undefined, name));
  const groups = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  for (const group of groups) {
    const inside = list(join(folder, group)).filter((entry) => !entry.isDirectory());
    files.push(...inside.map(({ name }) => sampleFile(folder, group, name)));
  }
  return files.sort((a, b) => (a.relative < b.relative ? -1 : 1));
}

function sampleFile(folder: string, group: string | undefined, name: string): SampleFile {
  const relative = group === undefined ? name : `${group}/${name}`;
  return { path: join(folder, relative), relative, group };
}

function list(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    throw new DataError({ file: folder, expected: 'a readable folder', found: reasonOf(error) });
  }
}

/** `in_NN.bin`, or `in_NN_K.bin` for input K of a model with several, by number. */
function rawFilesOf(folder: string, files: readonly SampleFile[], input: number): SampleFile[] {
  const parts = files.map((file) => ({ file, match: RAW.exec(file.relative) as RegExpExecArray }));
  const own = parts.filter(({ match }) => Number(match[2] ?? 0) === input);
  if (own.length === 0) {
    throw new DataError({ file: folder, expected: `files in_NN_${input}.bin for input ${input}`, found: 'none' });
  }
  return own.sort((a, b) => Number(a.match[1]) - Number(b.match[1])).map(({ file }) => file);
}

function imageRecord({ path, group }: SampleFile): DataRecord {
  const { width, height, channels, values } = readImage(path);
  return {
    name: path,
    kind: 'image',
    shape: [height, width, channels],
    values,
    ...(group === undefined ? {} : { group }),
  };
}

function soundRecord({ path, group }: SampleFile): DataRecord {
  const { values, samplesPerSecond } = readWav(path);
  const record: DataRecord = { name: path, kind: 'audio', shape: [values.length], values, samplesPerSecond };
  return group === undefined ? record : { ...record, group };
}

function readRaw({ path }: SampleFile): DataRecord {
  const values = readWhole(path, MAX_RAW_BYTES);
  return { name: path, kind: 'bytes', shape: [values.length], values };
}
