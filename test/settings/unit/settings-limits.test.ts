import { describe, expect, it } from 'vitest';
import { UserError } from '../../../src/core/errors.ts';
import { registry } from '../../../src/services/index.ts';
import { parseSettings } from '../../../src/settings/document.ts';
import { mergeLayers } from '../../../src/settings/profile.ts';
import { validate } from '../../../src/settings/validate.ts';
import { type LoadOptions, load } from '../../support/settings.ts';

const refusal = (run: () => unknown): UserError => {
  try {
    run();
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
  throw new Error('it was accepted');
};
const parsed = (text: string) => refusal(() => parseSettings(text, 'medianest.yml'));
const problem = (options: LoadOptions) => refusal(() => load(options));
const many = (count: number, line: (i: number) => string) => Array.from({ length: count }, (_, i) => line(i)).join('\n');

describe('nesting', () => {
  it.each([
    ['brackets', `a: ${'['.repeat(5000)}`],
    ['braces', `a: ${'{a: '.repeat(5000)}`],
    ['dashes', '- '.repeat(5000)],
    ['question marks', '? '.repeat(5000)],
    ['indentation', many(1200, (i) => `${' '.repeat(i)}a:`)],
  ])('by %s is refused before it exhausts the parser', (_name, text) => {
    expect(parsed(text)).toMatchObject({ code: 'BAD_YAML', message: expect.stringMatching(/nested more than 100 levels/) });
  });
  it('of an ordinary kind is accepted', () => {
    expect(
      parseSettings(`a:\n  - - - b: [1, {c: "[[["}]\n    # ${'-'.repeat(300)}\n${'- '.repeat(20)}`.split('\n    #')[0] ?? '', 'x').data,
    ).toEqual({
      a: [[[{ b: [1, { c: '[[[' }] }]]],
    });
  });
});

describe('ten thousand mistakes', () => {
  it.each([
    ['unknown keys', many(10_000, (i) => `key${i}: 1`), 10_000],
    ['wrong types', `components:\n${many(10_000, (i) => ` c${i}: 1`)}`, 10_000],
    ['nested unknown keys', `edge:\n${many(10_000, (i) => ` k${i}: 1`)}`, 10_000],
  ])('of %s are counted, and ten are shown', (_name, file, count) => {
    const { message } = problem({ file });
    expect(message.split('\n')).toHaveLength(11);
    expect(message).toMatch(new RegExp(`and ${count - 10} more$`));
  });
  it('look up the place of no more than are shown', () => {
    let lookups = 0;
    const data = { components: Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`c${i}`, 'on'])) };
    const layer = { origin: 'x', data, locate: () => `x:${++lookups}` };
    expect(() => validate(mergeLayers([layer]), registry)).toThrow(/and 4990 more$/);
    expect(lookups).toBeLessThan(50);
  });
});

describe('aliases and keys', () => {
  it('tell an alias without an anchor by its place, never by what was written', () => {
    const error = parsed('postgres:\n  password: *Hunter2\n');
    expect(error.message).toBe('medianest.yml:2:13: an alias without its anchor; quote a value that starts with `*`');
    expect(JSON.stringify(error)).not.toContain('Hunter2');
  });
  it('accept an anchor before its alias, on a mapping, a list and a value', () => {
    expect(parseSettings('a: &m {x: 1}\nb: *m\nc: &l [1]\nd: *l\ne: &v 1\nf: *v\n', 'x').data).toMatchObject({ b: { x: 1 }, d: [1], f: 1 });
  });
  it('refuse an alias that holds itself', () => {
    expect(parsed('a: &a [*a]\n').message).toMatch(/^medianest\.yml:1:8: an alias of what it is part of/);
    expect(parsed('app: &a { env: *a }\n').code).toBe('BAD_YAML');
  });
  it('tell a key that is given twice, at any depth, by line and column', () => {
    expect(parsed('edge:\n  httpPort: 1\n  httpPort: 2\n').message).toMatch(/^medianest\.yml:3:3: .*unique/);
    expect(parsed('a: [{b: 1, b: 2}]\n').message).toMatch(/^medianest\.yml:1:12: .*unique/);
  });
  it('keep __proto__ and constructor harmless wherever they stand', () => {
    for (const file of [
      'app: { env: { __proto__: x, constructor: y } }',
      'components: { constructor: false, dev: false }',
      'images: { __proto__: x }',
    ])
      try {
        load({ file });
      } catch (error) {
        expect(error).toBeInstanceOf(UserError);
      }
    expect(() => load({ flags: { set: ['__proto__.polluted=1'] } })).toThrow(UserError);
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
    const { data } = mergeLayers([parseSettings('__proto__: { polluted: 1 }', 'x'), parseSettings('__proto__: { more: 1 }', 'y')]);
    expect([Object.keys(data), ({} as { more?: number }).more]).toEqual([['__proto__'], undefined]);
  });
});

describe('no error shows a secret', () => {
  it.each([
    ['of a wrong type', 'postgres: { password: [Hunter2] }'],
    ['with a key beside it that is unknown', 'postgres: { password: Hunter2, x: 1 }'],
    ['that is not finished', 'postgres:\n  password: "Hunter2\n'],
    ['that starts with @', 'postgres:\n  password: @Hunter2\n'],
    ['that has a colon', 'postgres:\n  password: Hunter2: x\n'],
    ['with a text after it', 'postgres:\n  password: "a" Hunter2\n'],
    ['behind a tag', 'postgres:\n  password: !Hunter2\n'],
    ['behind an anchor', 'postgres:\n  password: &Hunter2\n'],
  ])('%s', (_name, file) => {
    const error = problem({ file });
    expect(JSON.stringify(error) + error.message + error.hint).not.toContain('Hunter2');
  });
});

describe('values that would fail later are refused now', () => {
  it.each([
    ['a memory limit that the engine refuses', 'redis: { memory: 1m }', /redis\.memory: should be at least 6m/],
    ['a size beyond all numbers', 'app: { uploadLimit: 99999999999999999999g }', /app\.uploadLimit: should be a size/],
    ['a health path that a shell would run', 'app: { healthPath: "/x\'; reboot \'" }', /app\.healthPath: should be a path/],
    ['a health path that expands', 'app: { readyPath: "/$(reboot)" }', /app\.readyPath: should be a path/],
    ['a name that is no environment variable', 'app: { env: { "A B": x } }', /app\.env/],
    ['a NUL byte for a container', 'app: { env: { A: "x\\0y" } }', /app\.env\.A: should contain no NUL/],
    ['an image of nothing', 'images:\n  redsi: x\n', /medianest\.yml:2: images\.redsi: is not an image; did you mean `redis`/],
    ['a project in capitals', 'project: Home', /project: should start with a lower-case letter/],
    ['an address that is a name', 'edge: { address: localhost }', /edge\.address: should be an IP address/],
    ['IPv6 without quotes in a list', 'edge: { address: [::, 0.0.0.0] }', /edge\.address.*write IPv6 in quotes: "::"/],
    ['an address twice', 'edge: { address: [127.0.0.1, 127.0.0.1] }', /edge\.address: names an address twice/],
    ['an address of another kind', 'external: { plex: { url: "ftp://x" } }', /external\.plex\.url: should be an address/],
  ])('%s', (_name, file, message) => {
    expect(problem({ file, flags: { profile: 'dev-compose' } })).toMatchObject({
      code: 'INVALID_SETTINGS',
      message: expect.stringMatching(message),
    });
  });
});
