// @ts-check
// What a test file is, by its path alone: test/<capability>/<kind>/<name>[.alone].test.ts, or test/<suite>/<name>.test.ts
// for the suites that belong to no capability.

/** @typedef {{ file: string, capability: string, kind: string, alone: boolean }} TestFile */

const OF_NO_CAPABILITY = ['golden', 'journey', 'browser'];

/**
 * @param {string} file from the root of the repository
 * @returns {TestFile | undefined} nothing for what is no test file
 */
export function testFile(file) {
  const [, suite] = /^test\/([^/]+)\/[^/]+\.test\.ts$/.exec(file) ?? [];
  if (suite && OF_NO_CAPABILITY.includes(suite)) return { file, capability: suite, kind: suite, alone: suite === 'browser' };
  const [, capability, kind, alone] = /^test\/([^/]+)\/(unit|contract|cli|e2e|deep)\/[^/.]+(\.alone)?\.test\.ts$/.exec(file) ?? [];
  return capability && kind ? { file, capability, kind, alone: alone !== undefined } : undefined;
}

/** `backup-odd` for test/backup/deep/backup-odd.test.ts, as it is named in a line of a summary. */
export const shortName = (/** @type {string} */ file) =>
  file
    .split('/')
    .at(-1)
    ?.replace(/(\.alone)?\.test\.ts$/, '') ?? file;

const IMPORTS = /(?:from\s+|import\s*\(\s*|import\s+|new URL\(\s*)'(\.{1,2}\/[^']+)'/g;

/**
 * The files that a file uses, also by way of others: what it imports, and what it names by a path below test/support.
 * @param {string} file
 * @param {(file: string) => string | undefined} read nothing for what is not there
 * @returns {Set<string>} files and folders
 */
export function uses(file, read) {
  const found = new Set();
  const look = (/** @type {string} */ one) => {
    const text = read(one);
    if (text === undefined) return;
    for (const [, specifier = ''] of text.matchAll(IMPORTS)) follow(join(one, specifier));
    for (const [, named = ''] of text.matchAll(/'(test\/support\/[^']+)'/g)) follow(named);
  };
  const follow = (/** @type {string} */ one) => {
    if (found.has(one) || !one.startsWith('test/')) return;
    found.add(one);
    look(one);
  };
  look(file);
  return found;
}

/** @param {string} file @param {string} specifier relative to it */
function join(file, specifier) {
  const parts = file.split('/').slice(0, -1);
  for (const part of specifier.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.') parts.push(part);
  }
  return parts.join('/');
}
