/** The one error that reading data ends in, and how its parts of the message are worded. */

export interface DataProblem {
  /** The file or folder as the user named it. */
  readonly file: string;
  /** Where in it: `row 12`, `member "images"`; absent for the file as a whole. */
  readonly place?: string;
  readonly expected: string;
  readonly found: string;
  /** What the user can do. */
  readonly advice?: string;
}

/** Characters of what was found that the message shows; files can hold names and cells of any length. */
const MAX_FOUND = 200;

export class DataError extends Error {
  override name = 'DataError';
  readonly problem: DataProblem;

  constructor(problem: DataProblem) {
    const { file, place, expected, found, advice } = problem;
    const shown = found.length > MAX_FOUND ? `${found.slice(0, MAX_FOUND)}...` : found;
    const lines = [place === undefined ? file : `${file}: ${place}`, `expected ${expected}, found ${shown}`];
    super([...lines, ...(advice === undefined ? [] : [advice])].join('\n  '));
    this.problem = problem;
  }
}

/** What a library or the system says of a file, in a few words. */
export function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const known: Record<string, string> = {
    ENOENT: 'nothing: it does not exist',
    EACCES: 'a file that may not be read: permission denied',
    EISDIR: 'a folder',
    ENOTDIR: 'a path of which a part is not a folder',
  };
  return (code !== undefined && known[code]) || message || String(error);
}
