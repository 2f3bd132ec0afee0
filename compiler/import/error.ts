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

export class ImportError extends Error {
  override name = 'ImportError';
  readonly problem: ImportProblem;

  constructor(problem: ImportProblem) {
    const { file, place, expected, found, advice } = problem;
    const lines = [`${file}: ${place}`, `expected ${expected}, found ${found}`];
    super([...lines, ...(advice === undefined ? [] : [advice])].join('\n  '));
    this.problem = problem;
  }
}
