import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import Handlebars from 'handlebars';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { canonical } from '../../../src/core/hash.ts';
import type { JsonObject } from '../../../src/core/json.ts';
import { mergeData } from '../../../src/core/merge.ts';
import { composeText } from '../../../src/stack/compose/text.ts';
import { renderTemplate } from '../../../src/stack/template.ts';
import type { Service, Stack } from '../../../src/stack/types.ts';
import { HOME } from '../../support/cli.ts';
import { CASES, load, rendered, stackOf } from '../../support/settings.ts';

const plain = () => stackOf(load({ flags: { profile: 'dev-compose' } }));

/** The same data with the keys of every object in the opposite order. */
function reversed<T>(value: T): T {
  if (Array.isArray(value)) return value.map(reversed) as T;
  if (value === null || typeof value !== 'object' || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, inner]) => [key, reversed(inner)]),
  ) as T;
}

describe('rendering', () => {
  it('decides the same for the same settings, in whatever order they were written', () => {
    const overrides = [
      'app: { env: { A: "1", B: "2" }, replicas: 2 }\nproject: home\n',
      'project: home\napp: { replicas: 2, env: { B: "2", A: "1" } }\n',
    ];
    const [one, two] = overrides.map((file) => rendered(stackOf(load({ file, flags: { profile: 'dev-compose' } }))));
    expect(two?.inputs).toEqual(one?.inputs);
    expect(two?.configs).toEqual(one?.configs);
  });
  it('gives equal fingerprints for a stack whose objects were built in another order', () => {
    expect(rendered(reversed(plain())).inputs).toEqual(rendered(plain()).inputs);
    expect(canonical(reversed({ b: [{ d: 1, c: 2 }], a: 1 }))).toBe('{"a":1,"b":[{"c":2,"d":1}]}');
  });
  it('refuses an override that is no YAML, with its place', () => {
    expect(() => rendered(plain(), { override: 'services:\n  redis: [\n' })).toThrow(/^compose\.override\.yml:\d+:\d+: /);
    expect(() => rendered(plain(), { override: 'services: {}\nservices: {}\n' })).toThrow(/compose\.override\.yml:2:1: .*unique/);
  });
  it('takes an empty override for none', () => {
    for (const override of ['', '# nothing yet\n']) expect(rendered(plain(), { override }).inputs).toEqual(rendered(plain()).inputs);
  });
  it('needs a new container for another place in a network, and for another reach of it', () => {
    const before = rendered(plain()).inputs;
    const stack = plain();
    const networks = stack.networks.map((network) => (network.name === 'app' ? { ...network, internal: false } : network));
    const open = rendered({ ...stack, networks }).inputs;
    expect(Object.keys(before).filter((name) => before[name] !== open[name])).toEqual(['edge', 'app-1']);
  });
});

describe('a Compose file', () => {
  const hard = [
    '1_000',
    '0b101',
    '0o17',
    '2001-01-01',
    'yes',
    '<<',
    '~',
    '$X ${Y} $$',
    ' a ',
    'a\nb\n',
    '\u0085\u2028\ufeff',
    '"\'\\',
    '🦊',
    '\t',
    '%',
    '#',
  ];
  it('quotes every text, because Compose reads numbers and dates that YAML 1.2 does not know', () => {
    const text = composeText({ list: hard });
    for (const line of text.split('\n').slice(1).filter(Boolean)) expect(line).toMatch(/^ {2}- ".*"$/);
    expect(parse(text).list).toEqual(hard.map((value) => value.replaceAll('$', '$$$$')));
  });
  it('keeps numbers, booleans and null as they are', () => {
    expect(composeText({ a: 1, b: true, c: null })).toBe('a: 1\nb: true\nc: null\n');
  });
  it('holds nothing but ASCII control characters that YAML 1.1 takes as they are', () => {
    const text = composeText({ a: '\u0000\u001b[31m\u007f\u009f\u2029\uffff' });
    expect([...text].filter((char) => /\p{Cc}|\p{Zp}|\uffff/u.test(char))).toEqual(['\n']);
  });
});

describe('merging', () => {
  const cases: [string, JsonObject, JsonObject, JsonObject][] = [
    ['goes key by key', { a: { b: 1 } }, { a: { c: 2 } }, { a: { b: 1, c: 2 } }],
    [
      'joins volumes and tmpfs',
      { volumes: ['a'], tmpfs: ['x'] },
      { volumes: ['b'], tmpfs: ['y'] },
      { volumes: ['a', 'b'], tmpfs: ['x', 'y'] },
    ],
    ['replaces any other list', { cap_drop: ['ALL'] }, { cap_drop: [] }, { cap_drop: [] }],
    ['replaces what is of another kind', { a: { b: 1 } }, { a: 'x' }, { a: 'x' }],
  ];
  it.each(cases)('%s', (_name, base, over, expected) => {
    const before = structuredClone([base, over]);
    expect(mergeData(base, over)).toEqual(expected);
    expect([base, over]).toEqual(before);
  });
});

describe('templates', () => {
  it.each([
    '{{typo}}',
    '{{json typo}}',
    '{{#each list}}{{typo}}{{/each}}',
    '{{#each list}}{{json ../typo}}{{/each}}',
    '{{json __proto__}}',
  ])('refuse the name in %s, which no view declares', (source) => {
    expect(() => renderTemplate('x/y.hbs', source, { list: [{}] })).toThrow(/templates\/x\/y\.hbs/);
  });
  it('use only names that their views declare, wherever the name stands', () => {
    const services = Object.values(CASES).flatMap((options) => stackOf(load(options)).services);
    const used = services.flatMap((service) => templatesOf(service).map(({ file, source }) => ({ service, file, names: namesIn(source) })));
    expect(used.flatMap(({ names }) => names).length).toBeGreaterThan(40);
    const view = (service: Service) => ['name', ...Object.keys(service.view)];
    expect(
      used.flatMap(({ service, file, names }) => names.filter((name) => !view(service).includes(name)).map((name) => `${file}: ${name}`)),
    ).toEqual([]);
  });
  it('are all used by some service', () => {
    const services = Object.values(CASES).flatMap((options): Stack['services'] => stackOf(load(options)).services);
    const used = new Set(services.flatMap((service) => templatesOf(service).map(({ file }) => file)));
    const all = (readdirSync(path.join(HOME, 'templates'), { recursive: true }) as string[]).filter((file) => file.endsWith('.hbs'));
    expect(all.filter((file) => !used.has(file))).toEqual([]);
  });
});

function templatesOf(service: Service): { file: string; source: string }[] {
  const folders = (service.configFrom ?? [service.component]).map((component) => `${component}/config`);
  const list = (folder: string) => {
    try {
      const all = readdirSync(path.join(HOME, 'templates', folder), { recursive: true }) as string[];
      return all.map((file) => `${folder}/${file}`).filter((file) => statSync(path.join(HOME, 'templates', file)).isFile());
    } catch {
      return [];
    }
  };
  const files = [`${service.composeFrom ?? service.component}/compose.yml.hbs`, ...folders.flatMap(list)];
  return files.map((file) => ({ file, source: readFileSync(path.join(HOME, 'templates', file), 'utf8') }));
}

/** Every name of the view that a template asks for; what stands inside `{{#each}}` is asked of the item. */
function namesIn(source: string): string[] {
  const names: string[] = [];
  let depth = 0;
  class Visitor extends Handlebars.Visitor {
    override BlockStatement(block: hbs.AST.BlockStatement): void {
      this.acceptArray(block.params);
      const each = (block.path as hbs.AST.PathExpression).original === 'each';
      depth += each ? 1 : 0;
      this.accept(block.program);
      depth -= each ? 1 : 0;
      if (block.inverse) this.accept(block.inverse);
    }
    override MustacheStatement(mustache: hbs.AST.MustacheStatement): void {
      if (mustache.params.length === 0) this.accept(mustache.path);
      this.acceptArray(mustache.params);
    }
    override PathExpression(expression: hbs.AST.PathExpression): void {
      if (depth === expression.depth && expression.parts[0]) names.push(String(expression.parts[0]));
    }
  }
  new Visitor().accept(Handlebars.parse(source));
  return names;
}
