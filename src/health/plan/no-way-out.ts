import type { Check } from '../../capability/check.ts';

/** How runtimes and tools say that a name cannot be looked up; the name is the group. */
const WORDS: readonly RegExp[] = [
  // Node.js, and what is built upon it.
  /getaddrinfo (?:ENOTFOUND|EAI_AGAIN) ([\w.-]+)/,
  // Go.
  /lookup ([\w.-]+)(?: on [^ ]+)?: (?:no such host|server misbehaving|Temporary failure)/,
  // curl, git, wget.
  /[Cc]ould not resolve host: ([\w.-]+)/,
  /unable to resolve host address ['\u2018"]([\w.-]+)/,
  // Python (urllib3, requests), Java, PHP, Ruby.
  /Failed to resolve '([\w.-]+)'/,
  /host='([\w.-]+)'.*(?:Name or service not known|Temporary failure in name resolution)/,
  /UnknownHostException: ([\w.-]+)/,
  /getaddrinfo for ([\w.-]+) failed/,
  /Failed to open TCP connection to ([\w.-]+):\d+ \(getaddrinfo/,
];

/** Hosts outside that the lines of a log complain of, each once, in the order of the log. A name without a dot is one inside. */
export function unresolved(lines: readonly string[]): string[] {
  const names = lines.flatMap((line) => WORDS.flatMap((words) => words.exec(line)?.[1] ?? []));
  return [...new Set(names.map((name) => name.toLowerCase().replace(/\.$/, '')))].filter((name) => name.includes('.'));
}

/**
 * For `health`: the application asks for hosts that it has no way to.
 * @param egress `app.egress` @param lines the newest of its log @param process of `services`, where it is not the first
 * @returns undefined where it complains of nothing, or every address is open to it
 */
export function noWayOutCheck(egress: boolean | readonly string[], lines: readonly string[], process?: string): Check | undefined {
  if (egress === true) return undefined;
  const open = (Array.isArray(egress) ? (egress as readonly string[]) : []).map((text) => text.split(':')[0]);
  const names = unresolved(lines).filter((name) => !open.includes(name));
  if (names.length === 0) return undefined;
  const shown = names.length > 3 ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} more` : names.join(', ');
  const setting = [...(Array.isArray(egress) ? (egress as readonly string[]) : []), ...names.slice(0, 3)].join(', ');
  return {
    id: process ? `app-egress.${process}` : 'app-egress',
    status: 'warn',
    message: `${process ? `the process ${process}` : 'the application'} cannot resolve ${shown}: it has no way out there`,
    remedy: `if it is to call that, set \`${process ? `services.${process}` : 'app'}.egress: [${setting}]\`, with the port where it is not 443: HOST:PORT`,
  };
}
