import { describe, expect, it } from 'vitest';
import { parseDocument } from 'yaml';
import { readPlainDocument } from '../../../src/settings/startup/plain-document.ts';

/** What the library makes of a text; undefined where it finds a fault. */
function byLibrary(text: string): unknown {
  const document = parseDocument(text);
  return document.errors.length > 0 ? undefined : (document.toJS() ?? {});
}

const COMMON = `# Of the house
version: 1
project: media # its name
profile: staging
edge: { address: 127.0.0.1, httpPort: 8080, names: [media.example.org, "tv.example.org"], tls: {} }

components:
  sign-on: false
  backup: true
app:
  replicas: 3
  hosts:
  - a.example.org
  - 'b.example.org'
  networks: [10.20.0.0/16]
  keep: 30d
  nothing: null
backup:
    deep:
        deeper: yes-or-no
    list:
      - { name: one, size: 12 }
      - 7
health: {"test":["CMD","curl -s \\"a\\" # b","\\u00fc\\n"],"retries": 3}
`;

describe('settings that are plain', () => {
  it('are read as the library reads them', () => {
    expect(readPlainDocument(COMMON)).toEqual(byLibrary(COMMON));
    expect(readPlainDocument(COMMON)).toMatchObject({ project: 'media', backup: { list: [{ name: 'one', size: 12 }, 7] } });
  });
  it.each([
    ['nothing', ''],
    ['a key given twice', 'a: 1\na: 2\n'],
    ['a text of several words', 'a: b c\n'],
    ['a word that is no text everywhere', 'a: yes\n'],
    ['a number with a point, a sign or an exponent', 'a: 1.5\nb: -1\nc: 1e5\n'],
    ['a date', 'a: 2026-11-30\n'],
    ['an escape that JSON does not have', 'a: "\\x41"\n'],
    ['a tab within quotes', 'a: "b\tc"\n'],
    ['a quote within quotes', "a: 'it''s'\n"],
    ['a key without a value', 'a:\nb: 1\n'],
    ['an anchor', 'a: &b c\nd: *b\n'],
    ['a block of text', 'a: |\n  b\n'],
    ['a document of several', 'a: 1\n---\nb: 2\n'],
    ['a tab', 'a:\n\tb: 1\n'],
    ['line ends of Windows', 'a: 1\r\nb: 2\r\n'],
    ['a mark before the first letter', '\uFEFFa: 1\n'],
    ['lines that are indented unevenly', 'a:\n  b: 1\n   c: 2\n'],
    ['a list within a mapping of the same indent', 'a:\n  - b\n  c: 1\n'],
    ['a bracket that stays open', 'a: { b: 1\n'],
    ['a name that every object has', 'constructor: 1\n'],
    ['more levels than anyone writes', `a: ${'{ a: '.repeat(40)}1${' }'.repeat(40)}\n`],
  ])('are not %s', (_case, text) => {
    expect(readPlainDocument(text)).toBeUndefined();
  });
  it('whatever is written into them, they are read as the library reads them, or not at all', () => {
    // The same ones in each run: Park and Miller's generator.
    let state = 20_261_130;
    const below = (limit: number) => {
      state = (state * 48_271) % 2_147_483_647;
      return state % limit;
    };
    const pieces = [
      ' ',
      '  ',
      '\n',
      ':',
      ': ',
      '#',
      ' #',
      '-',
      '- ',
      ',',
      '{',
      '}',
      '[',
      ']',
      '"',
      "'",
      'a',
      '1',
      '0',
      '.',
      '/',
      'e',
      '_',
      '&',
      '*',
      '!',
      '|',
      '\\',
      '\t',
    ];
    let read = 0;
    for (let round = 0; round < 6000; round++) {
      let text = COMMON;
      for (let edits = 1 + below(2); edits > 0; edits--) {
        const at = below(text.length);
        text = `${text.slice(0, at)}${pieces[below(pieces.length)]}${text.slice(at + below(3))}`;
      }
      const plain = readPlainDocument(text);
      if (plain === undefined) continue;
      read++;
      expect(plain, text).toEqual(byLibrary(text));
    }
    expect(read).toBeGreaterThan(1000);
  });
});
