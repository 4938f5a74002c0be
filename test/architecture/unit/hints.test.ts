import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { commands } from '../../../src/cli/commands.ts';
import { GLOBAL } from '../../../src/cli/global-options.ts';
import { topics } from '../../../src/cli/help-topics.ts';
import { REFERENCES } from '../../../src/services/app/environment/references.ts';
import { registry } from '../../../src/services/index.ts';
import { settingNames } from '../../../src/settings/setting-names.ts';
import { HOME } from '../../support/cli.ts';
import { FILES } from '../../support/doc-blocks.ts';
import { sources } from './imports.ts';

/** What stands behind `medianest` in a sentence about the program, and is no command. */
const PROSE = new Set(
  'as at cannot did does for from generated has is it itself makes named needs on or runs so stands takes text that to was which writes wrote will and by its reclaims would'.split(
    ' ',
  ),
);

interface Mention {
  where: string;
  text: string;
}

/** Lines of the program that are no comments, each value in them as X. */
const program: Mention[] = sources()
  // Scripts for shells.
  .filter((file) => file !== 'cli/completion-scripts.ts')
  .flatMap((file) =>
    readFileSync(path.join(HOME, 'src', file), 'utf8')
      .split('\n')
      .map((text, index) => ({ where: `src/${file}:${index + 1}`, text }))
      .filter(({ text }) => !/^\s*(\/\/|\/?\*)/.test(text))
      .map(({ where, text }) => ({ where, text: text.replace(/\$\{(?:[^{}]|\{[^}]*\})*\}/g, 'X') })),
  );

/** Code within the sentences of a document; its blocks are parsed as a whole by test/cli/unit/documents.test.ts. */
const documents: Mention[] = FILES.flatMap((file) =>
  [
    ...readFileSync(path.join(HOME, file), 'utf8')
      .replace(/^```[\s\S]*?^```$/gm, '')
      .matchAll(/`([^`]+)`/g),
  ].map(([, text = '']) => ({
    where: file,
    text: text.replace(/\s+/g, ' '),
  })),
);

/** Text of images: scripts, pages, agents. */
const templates: Mention[] = (readdirSync(path.join(HOME, 'templates'), { recursive: true }) as string[])
  .filter((file) => /\.(hbs|sh|js|mjs|ts|html|yml)$/.test(file) && !/(^|\/)(node_modules|vendor)\//.test(file))
  .flatMap((file) =>
    readFileSync(path.join(HOME, 'templates', file), 'utf8')
      .split('\n')
      .map((text, index) => ({ where: `templates/${file}:${index + 1}`, text }))
      .filter(({ text }) => !/^\s*(\/\/|#|\/?\*|\{\{!)/.test(text)),
  );

/** `medianest a b --c` wherever it stands: its words up to what ends a command in a sentence. */
const callsIn = ({ where, text }: Mention): { where: string; words: string[] }[] =>
  [...text.matchAll(/(?<![\w./=-])medianest (?!-)([a-z][\w-]*(?: (?!or |and |lists |shows )[^\s;,:()`'"\\|&]+|(?: "[^"]*"))*)/g)].map(
    ([, line = '']) => ({
      where,
      words: line.split(' '),
    }),
  );

const first = new Set(commands.map(({ name }) => name.split(' ')[0] as string));
const groups = new Set(commands.flatMap(({ name }) => (name.includes(' ') ? [name.split(' ')[0] as string] : [])));
const topicNames = topics.map(({ name }) => name);
const flag = (flags: string) => flags.split(/[ ,]+/).filter((word) => word.startsWith('-'));
const GLOBAL_FLAGS = [...GLOBAL.flatMap(([flags]) => flag(flags)), '--help', '-h'];

/** What is wrong with a mention of a command; undefined where it can be typed. */
function fault(words: readonly string[]): string | undefined {
  const [group = '', next = ''] = words;
  if (group === 'help')
    return ['topic', 'TOPIC', 'COMMAND', 'X', ...topicNames, ...first].includes(next) || next === '' ? undefined : `no help about ${next}`;
  if (!first.has(group)) return PROSE.has(group) ? undefined : `no command ${group}`;
  const command = commands
    .filter(({ name }) => name.split(' ').every((word, index) => words[index] === word))
    .sort((a, b) => b.name.length - a.name.length)[0];
  if (!command) return next === '' || next.startsWith('-') ? undefined : `no command ${group} ${next}`;
  if (command.passThrough) return undefined;
  if (!command.args && command.name === group && groups.has(group) && /^[a-z]+$/.test(next)) return `no command ${group} ${next}`;
  const known = [...GLOBAL_FLAGS, ...(command.options ?? []).flatMap(([flags]) => flag(flags))];
  const wrong = words
    .filter((word) => /^--?[a-z]/.test(word))
    .map((word) => word.replace(/=.*|\.+$/g, ''))
    .find((word) => !known.includes(word));
  return wrong && `${command.name} has no ${wrong}`;
}

const faults = (mentions: readonly Mention[]) =>
  mentions.flatMap(callsIn).flatMap(({ where, words }) => {
    const what = fault(words);
    return what ? [`${where}: medianest ${words.join(' ')}: ${what}`] : [];
  });

describe('a command that is named can be typed as it stands', () => {
  it.each([
    ['the program', program, 150],
    ['the documents', documents, 20],
    ['templates', templates, -1],
  ] as const)('by %s', (_what, mentions, atLeast) => {
    expect(mentions.flatMap(callsIn).length).toBeGreaterThan(atLeast);
    expect(faults(mentions)).toEqual([]);
  });
  it('and the test itself finds what is wrong', () => {
    const wrong = [
      'medianest stauts',
      'run medianest certs renwe',
      'try `medianest up --volumes` first',
      'medianest backup lst',
      'medianest help nothing',
    ];
    expect(faults(wrong.map((text) => ({ where: 'x', text })))).toHaveLength(wrong.length);
  });
});

it('a flag that a hint names belongs to a command', () => {
  const known = new Set([...GLOBAL_FLAGS, ...commands.flatMap(({ options = [] }) => options.flatMap(([flags]) => flag(flags)))]);
  const hints = program.filter(
    ({ text }) => /(pass|choose|give|for example|without|with|or) --[a-z]/.test(text) && !/docker|apt|npm/.test(text),
  );
  expect(hints.length).toBeGreaterThan(15);
  const unknown = hints.flatMap(({ where, text }) =>
    [...text.matchAll(/(?<=\s|^|'|`|\()--[a-z-]+/g)].filter(([name]) => !known.has(name)).map(([name]) => `${where}: ${name}`),
  );
  expect(unknown).toEqual([]);
});

describe('a setting that is named exists', () => {
  const names = settingNames(registry).map(({ name }) => name);
  const roots = new Set(names.filter((name) => name.includes('.')).map((name) => name.split('.')[0] as string));
  const known = (name: string) => names.some((entry) => entry === name || entry.startsWith(`${name}.`) || name.startsWith(`${entry}.`));
  const sentences = program.flatMap(({ where, text }) =>
    [...text.matchAll(/'([^']* [^']*)'|`([^`]* [^`]*)`/g)].map(([, single, template]) => ({ where, text: single ?? template ?? '' })),
  );
  const FILE = /\.(ts|info|manifest|prom|copy)$/;
  it.each([
    ['the program', sentences],
    ['the documents', documents],
  ] as const)('by %s', (_what, mentions) => {
    const named = mentions.flatMap(({ where, text }) =>
      [...text.matchAll(/(?<![\w./$@{-])([a-z][A-Za-z]+(?:\.[a-z][A-Za-z0-9]*)+)(?![\w(/-])/g)].map(([, name = '']) => ({
        where,
        name,
        text,
      })),
    );
    const settings = named.filter(({ name }) => roots.has(name.split('.')[0] as string) && !FILE.test(name));
    expect(settings.length).toBeGreaterThan(30);
    expect(settings.filter(({ name }) => !known(name)).map(({ where, name }) => `${where}: ${name}`)).toEqual([]);
  });

  it('and so does a reference of `app.env`', () => {
    const references = REFERENCES.map(({ name }) => name);
    const named = documents.flatMap(({ where, text }) =>
      [...text.matchAll(/(?<!\{)\{((?:database|cache|edge|external|app)\.[\w.]+)\}/g)].map(([, name = '']) => ({ where, name })),
    );
    expect(named.length).toBeGreaterThan(30);
    expect(named.filter(({ name }) => !references.includes(name))).toEqual([]);
  });
});

it('a document or script that the program names is in the package', () => {
  const { files } = JSON.parse(readFileSync(path.join(HOME, 'package.json'), 'utf8')) as { files: string[] };
  const named = program.flatMap(({ where, text }) =>
    [...text.matchAll(/\b((?:docs|scripts)\/[\w/-]+\.\w+)/g)].map(([, name = '']) => ({ where, name })),
  );
  expect(named.length).toBeGreaterThan(5);
  const missing = named.filter(
    ({ name }) => !existsSync(path.join(HOME, name)) || !files.some((entry) => name === entry || name.startsWith(`${entry}/`)),
  );
  expect(missing).toEqual([]);
});
