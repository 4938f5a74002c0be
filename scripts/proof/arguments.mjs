// @ts-check
import { testFile } from './files.mjs';

/** The suites whose files are chosen, and run, one by one. */
export const FILE_BY_FILE = ['journey', 'browser', 'e2e', 'deep'];
export const SUITES = ['check', 'unit', 'golden', 'contract', 'cli', ...FILE_BY_FILE];
const BUDGET_MINUTES = 45;

/**
 * @param {string[]} args those of scripts/test.sh, which has looked at them
 * @returns {{ only?: string, files: string[], all: boolean, note: boolean, plan: boolean, budget: number }} the budget in seconds
 */
export function parseArguments(args) {
  const rest = [...args];
  /** @type {{ only?: string, files: string[], all: boolean, note: boolean, plan: boolean, budget?: number }} */
  const found = { files: [], all: false, note: false, plan: false };
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    if (arg === '--all') found.all = true;
    else if (arg === '--note') found.note = true;
    else if (arg === '--plan') found.plan = true;
    else if (arg === '--only') {
      const only = rest.shift() ?? '';
      if (!SUITES.includes(only)) throw new Error(`there is no suite ${only}: one of ${SUITES.join(', ')}`);
      found.only = only;
    } else if (arg === '--file') {
      const file = rest.shift() ?? '';
      if (!FILE_BY_FILE.includes(testFile(file)?.kind ?? '')) throw new Error(`${file} is no test file of ${FILE_BY_FILE.join(', ')}`);
      found.files.push(file);
    } else if (arg === '--budget') {
      const minutes = Number(rest.shift());
      if (!(minutes > 0)) throw new Error('--budget takes a number of minutes above 0');
      found.budget = minutes * 60;
    } else throw new Error(`unknown argument ${arg}`);
  }
  // One suite, or a file, is asked for as a whole, unless it is given a time.
  const all = found.all || ((found.only !== undefined || found.files.length > 0) && found.budget === undefined);
  return { ...found, all, note: found.note || found.all, budget: all ? Number.POSITIVE_INFINITY : (found.budget ?? BUDGET_MINUTES * 60) };
}
