/** The one error that importing ends in when a file cannot become a graph. */

export interface ImportProblem {
  /** The file as the user named it. */
  readonly file: string;
  /** Where in it: `subgraph 0, operator 3 CONV_2D, field stride_w`. */
  readonly place: string;
  readonly expected: string;
  readonly found: string;
  /** What the user can do. */
  readonly advice?: string;
}

/** Characters of what was found that the message shows; files can hold names and lists of any length. */
const MAX_FOUND = 400;

export class ImportError extends Error {
  override name = 'ImportError';
  readonly problem: ImportProblem;

  constructor(problem: ImportProblem) {
    const { file, place, expected, found, advice } = problem;
    const shown = found.length > MAX_FOUND ? `${found.slice(0, MAX_FOUND)}...` : found;
    const lines = [`${file}: ${place}`, `expected ${expected}, found ${shown}`];
    super([...lines, ...(advice === undefined ? [] : [advice])].join('\n  '));
    this.problem = problem;
  }
}
