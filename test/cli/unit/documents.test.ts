import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { topics } from '../../../src/cli/help-topics.ts';
import { parseCommand } from '../../../src/cli/program.ts';
import { registry } from '../../../src/services/index.ts';
import { settingsJsonSchema } from '../../../src/settings/json-schema.ts';
import { HOME } from '../../support/cli.ts';
import { blocks, calls, FILES } from '../../support/doc-blocks.ts';
import { load, rendered, stackOf } from '../../support/settings.ts';

const commands = blocks().filter(({ language }) => language === 'sh');
const validate = new Ajv2020({ strict: false, formats: { ipv4: true, ipv6: true, cidrv4: true, cidrv6: true, uri: true } }).compile(
  settingsJsonSchema(registry, []),
);

describe('every command of the documents', () => {
  const lines = commands.flatMap(({ where, text }) => calls(text).map((words) => [where, words.join(' '), words] as const));
  it('is found', () => {
    expect(lines.length).toBeGreaterThan(60);
  });
  it.each(lines.filter(([, , words]) => words[0] !== 'help'))('%s: medianest %s', (_where, _line, words) => {
    expect(parseCommand([...words], {}, '1.0.0')?.command.name).toEqual(
      words[0]?.startsWith('-') ? expect.any(String) : expect.stringMatching(new RegExp(`^${words[0]}( |$)`)),
    );
  });
});

it.each(
  blocks()
    .filter(({ language, note }) => language === 'yaml' && note !== 'compose')
    .map((block) => [block.where, block] as const),
)('%s holds valid settings', (_where, { note, text }) => {
  const { extends: _parent, description: _description, ...settings } = parse(text) as Record<string, unknown>;
  expect([note === 'profile' || (_parent === undefined && _description === undefined), validate(settings), validate.errors]).toEqual([
    true,
    true,
    null,
  ]);
});

it.each(
  blocks()
    .filter(({ note }) => note === 'compose')
    .map(({ where, text }) => [where, text] as const),
)('%s holds an override that adds what it shows', (_where, text) => {
  const { refused, added } = rendered(stackOf(load({ flags: { profile: 'prod' } })), { override: text });
  expect([refused, added.services.map(({ name }) => name)]).toEqual([undefined, Object.keys(parse(text).services)]);
});

/** GitHub's anchor of a heading. */
const anchor = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\- _]/gu, '')
    .replaceAll(' ', '-');

it('links only to headings that exist', () => {
  const headings = (file: string) =>
    [...readFileSync(path.join(HOME, file), 'utf8').matchAll(/^#+ (.*)$/gm)].map((match) => anchor(match[1] as string));
  const links = FILES.flatMap((file) =>
    [...readFileSync(path.join(HOME, file), 'utf8').matchAll(/\]\((?!https?:)([^)#]*)#([^)]+)\)/g)].map(([, to, heading]) => ({
      from: file,
      to: to ? path.join(path.dirname(file), to) : file,
      heading: heading as string,
    })),
  );
  expect(links.length).toBeGreaterThan(5);
  expect(links.filter(({ to, heading }) => !headings(to).includes(heading))).toEqual([]);
});

it('follows the glossary: none of the words that it replaces', () => {
  const replaced = /\b(nobody|whoever|keeper|anew|half-way|gone on with|taken back|takes? (it|the \w+) back|BackupRoom)\b/gi;
  // The glossary names them; the generated documents repeat the settings' own descriptions.
  const files = FILES.filter((file) => !/(glossary|settings|hardening)\.md$/.test(file));
  expect(files.length).toBeGreaterThan(20);
  expect(
    files.flatMap((file) => (readFileSync(path.join(HOME, file), 'utf8').match(replaced) ?? []).map((word) => `${file}: ${word}`)),
  ).toEqual([]);
});

it('keeps README and architecture short', () => {
  const lines = (file: string) => readFileSync(path.join(HOME, file), 'utf8').split('\n').length;
  expect([lines('README.md') <= 130, lines('docs/architecture.md') <= 150]).toEqual([true, true]);
});

it('names only documents that there are', () => {
  const texts = FILES.map((file) => [file, readFileSync(path.join(HOME, file), 'utf8')] as const);
  const links = texts.flatMap(([file, text]) =>
    [...text.matchAll(/(?:\]\(|<img src=")(?!https?:|#)([^)#"]+)/g)].map((match) => path.join(path.dirname(file), match[1] as string)),
  );
  const mentioned = topics.flatMap(({ text }) => text.match(/docs\/[\w-]+\.md/g) ?? []);
  expect([...links, ...mentioned].filter((file) => !existsSync(path.join(HOME, file)))).toEqual([]);
});

it('names only source files that there are', () => {
  const missing = FILES.flatMap((file) => {
    const places = ['src', 'templates', '.', path.dirname(file)];
    const named = readFileSync(path.join(HOME, file), 'utf8').matchAll(/`((?:[\w-]+\/)*[\w-]+\.(?:test\.)?(?:ts|mjs))`/g);
    return [...named]
      .map(([, name]) => name as string)
      .filter((name) => !places.some((place) => existsSync(path.join(HOME, place, name))))
      .map((name) => `${file}: ${name}`);
  });
  expect(missing).toEqual([]);
});
