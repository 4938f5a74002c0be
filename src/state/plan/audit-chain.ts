import { sha256 } from '../../core/hash.ts';

/**
 * The audit log is a chain: the last field of each line is the SHA-256 of the chain so far, of all text since (lines that an older
 * medianest wrote, or that a crash cut short) and of the line itself without that field. So a line that is changed, put in or
 * removed does not fit any more. The end of the chain stands in a file of its own: lines that are cut off show too. A user who
 * may write both can make another chain; `--head` compares with an end that was noted elsewhere.
 */
export interface AuditVerdict {
  valid: boolean;
  /** Lines in the chain. */
  entries: number;
  /** Lines that an older medianest wrote: sealed by the first line of the chain. */
  before: number;
  /** Lines that are no entry: cut short by a crash, or put in before the next line was written. */
  torn: number[];
  /** The end of the chain; null where there is none yet. */
  head: string | null;
  problems: { line: number; what: string }[];
}

const CHAIN = /,"chain":"([0-9a-f]{64})"\}$/;

const link = (chain: string, between: string, body: string): string => sha256(`${chain}\n${between}${body}`);

interface Line {
  text: string;
  /** Undefined where it is not part of the chain. */
  chain: string | undefined;
  body: string;
}

function lineOf(text: string): Line {
  const [end, chain] = CHAIN.exec(text) ?? [];
  return { text, chain, body: end === undefined ? text : `${text.slice(0, -end.length)}}` };
}

const linesOf = (log: string): Line[] => {
  const texts = log.split('\n');
  if (texts.at(-1) === '') texts.pop();
  return texts.map(lineOf);
};

/**
 * The next line of a log, without its line end.
 * @param log all that the log holds; a last line without its end is one that a crash cut short, and the caller ends it
 * @param entry a JSON object
 * @param head the end of the chain as it was noted: where the log does not have it any more, the line fits to what is missing, so
 *   that the gap stays to be seen
 */
export function nextLine(log: string, entry: object, head?: string): { line: string; chain: string } {
  const lines = linesOf(log);
  const last = lines.findLastIndex(({ chain }) => chain !== undefined);
  const body = JSON.stringify(entry);
  const end = head === undefined || lines.some(({ chain }) => chain === head) ? (lines[last]?.chain ?? '') : head;
  const chain = link(end, textOf(lines.slice(last + 1)), body);
  return { line: `${body.slice(0, -1)},"chain":"${chain}"}`, chain };
}

const textOf = (lines: readonly Line[]): string => lines.map(({ text }) => `${text}\n`).join('');

const isEntry = (text: string): boolean => {
  try {
    return typeof (JSON.parse(text) as { command?: unknown }).command === 'string';
  } catch {
    return false;
  }
};

/**
 * @param log all that the log holds
 * @param heads ends of the chain that were noted, each with where; all must be in the chain
 */
export function verifyChain(log: string, heads: readonly { head: string; where: string }[]): AuditVerdict {
  const lines = linesOf(log);
  const problems: AuditVerdict['problems'] = [];
  let chain = '';
  let between: Line[] = [];
  lines.forEach((line, index) => {
    if (line.chain === undefined) {
      between.push(line);
      return;
    }
    if (link(chain, textOf(between), line.body) !== line.chain)
      problems.push({ line: index + 1, what: 'it, or what stands before it, is not what was written' });
    chain = line.chain;
    between = [];
  });
  const first = lines.findIndex((line) => line.chain !== undefined);
  const start = first < 0 ? lines.length : first;
  const unchained = lines.flatMap((line, index) => (line.chain === undefined ? [{ ...line, number: index + 1 }] : []));
  const torn = unchained.filter(({ text }) => !isEntry(text)).map(({ number }) => number);
  for (const { number, text } of unchained)
    if (number > start && first >= 0 && isEntry(text))
      problems.push({ line: number, what: 'it is not in the chain: another program wrote it, or an older medianest' });
  const known = new Set(lines.flatMap((line) => line.chain ?? []));
  for (const { head, where } of heads)
    if (!known.has(head)) problems.push({ line: lines.length, what: `the log ended with another line once (${where}): lines are missing` });
  const entries = lines.filter((line) => line.chain !== undefined).length;
  return { valid: problems.length === 0, entries, before: start, torn, head: chain || null, problems };
}

/**
 * The same where the end was not noted: lines that were cut off would not show. After the first line alone a crash may be why.
 * @param where the note should be
 */
export function withoutHead(verdict: AuditVerdict, where: string): AuditVerdict {
  const { entries, before, problems } = verdict;
  if (entries < 2) return verdict;
  const what = `${where}, which names the last line, is not there: lines may have been cut off`;
  return { ...verdict, valid: false, problems: [...problems, { line: before + entries, what }] };
}
