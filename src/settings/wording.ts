import type * as z from 'zod';

const KINDS: Record<string, string> = {
  array: 'a list, such as [one, two]',
  object: 'settings of its own, such as { name: value }',
  record: 'names with values, such as { NAME: value }',
  boolean: 'true or false',
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
};

/** Settings word themselves where they can; the rest is in the validator's words, about types. */
const isOwn = (message: string): boolean => !/^(Invalid|Too (small|big))\b/.test(message);

/** YAML reads `1.2` as a number where a text is wanted. */
function choice(values: readonly unknown[]): string {
  const inQuotes = values.some((value) => typeof value === 'string' && /^[\d.]+$/.test(value));
  const list = values.map((value) => (inQuotes ? `"${value}"` : String(value))).join(', ');
  return `should be ${values.length > 1 ? 'one of ' : ''}${list}${inQuotes ? ' (in quotes)' : ''}`;
}

function limit(issue: z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig): string {
  const [amount, word] = issue.code === 'too_small' ? [issue.minimum, 'at least'] : [issue.maximum, 'at most'];
  if (issue.origin === 'array') return `should have ${word} ${amount} ${Number(amount) === 1 ? 'entry' : 'entries'}`;
  if (issue.origin !== 'string') return `should be ${word} ${amount}`;
  return issue.code === 'too_small' && Number(amount) === 1 ? 'should not be empty' : `should have ${word} ${amount} characters`;
}

/** What is expected instead, for a reader who has never heard of the validator. */
export function wording(issue: z.core.$ZodIssue, isMissing: boolean): string {
  if (isOwn(issue.message)) return issue.message;
  if (issue.code === 'invalid_type' && isMissing) return 'is missing';
  if (issue.code === 'invalid_type') return `should be ${KINDS[issue.expected] ?? issue.expected}`;
  if (issue.code === 'invalid_value') return choice(issue.values);
  if (issue.code === 'invalid_key') return 'is not a name that can stand here';
  if (issue.code === 'too_small' || issue.code === 'too_big') return limit(issue);
  return issue.message;
}
