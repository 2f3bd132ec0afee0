/** Layout of C text: comments, long lines, parameter lists. */

const WIDTH = 118;

/** A comment of one or more lines; nothing in it can end it early or start another, and non-ASCII text is left as it is. */
export function commentLines(text: readonly string[], indent: string): string[] {
  const lines = text.flatMap((line) => line.split('\n')).flatMap((line) => prose(commentText(line).trimEnd(), indent));
  if (lines.length === 0) return [];
  const last = lines.length - 1;
  return lines.map((line, i) => `${indent}${i === 0 ? '/*' : ' *'} ${line}`.trimEnd() + (i === last ? ' */' : ''));
}

/** Breaks a line of words where it would be too wide; leading spaces, as in examples, are kept for what follows. */
function prose(line: string, indent: string): string[] {
  const most = WIDTH - indent.length - 6;
  const margin = /^ */.exec(line)?.[0] ?? '';
  const lines = [line];
  for (let last = line; last.length > most; last = lines[lines.length - 1] as string) {
    const at = last.lastIndexOf(' ', most);
    if (at <= margin.length) break;
    lines.splice(-1, 1, last.slice(0, at), margin + last.slice(at + 1));
  }
  return lines;
}

/** Text without control characters, comment marks, and trigraphs or a backslash that would join lines. */
export function commentText(text: string): string {
  return text
    .replace(/\p{Cc}/gu, ' ')
    .replace(/\*\//g, '* /')
    .replace(/\/\*/g, '/ *')
    .replace(/\\/g, '/')
    .replace(/\?\?/g, '? ?');
}

/** Breaks a long line behind commas and before operators; what follows is indented by four more. */
export function wrapLine(line: string): string[] {
  const indent = /^ */.exec(line)?.[0] ?? '';
  const lines: string[] = [];
  let rest = line;
  while (rest.length > WIDTH) {
    const at = breakBefore(rest, indent.length + 8);
    if (at === undefined) break;
    lines.push(rest.slice(0, at).trimEnd());
    rest = `${indent}    ${rest.slice(at).trimStart()}`;
  }
  return [...lines, rest];
}

/** The last place before the width where a space follows a comma or precedes an operator. */
function breakBefore(line: string, least: number): number | undefined {
  for (let at = WIDTH - 1; at > least; at--) {
    if (line[at] !== ' ') continue;
    if (line[at - 1] === ',' || /^ (\+|-|\*|\/|%|&&?|\|\|?|\^|\?|:|<|>|==|!=|>>) /.test(line.slice(at, at + 4)))
      return at;
  }
  return undefined;
}

/** `head(params)tail`, on several lines when it is long. */
export function signature(head: string, params: readonly string[], tail: string): string[] {
  const list = params.length === 0 ? 'void' : params.join(', ');
  const line = `${head}(${list})${tail}`;
  if (line.length <= WIDTH) return [line];
  const indent = ' '.repeat(Math.min(head.length + 1, 40));
  const lines: string[] = [];
  let row = `${head}(`;
  params.forEach((param, i) => {
    const text = `${param}${i === params.length - 1 ? `)${tail}` : ','}`;
    if (row.trim() !== '' && row.length + text.length + 1 > WIDTH && !row.endsWith('(')) {
      lines.push(row.trimEnd());
      row = indent;
    }
    row += row.endsWith('(') || row === indent ? text : ` ${text}`;
  });
  return [...lines, row];
}
