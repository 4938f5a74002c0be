import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { migrateText } from '../../../src/settings/migrate-text.ts';
import { migrateData, SETTINGS_VERSION } from '../../../src/settings/migrations.ts';
import { load } from '../../support/settings.ts';

const NEW = 'connectionsPerClient';

describe('an older file', () => {
  it.each([
    ['of version 1', { file: 'version: 1\nedge: { connections: 7 }\n' }],
    ['without a version', { file: 'edge: { connections: 7 }\n' }],
    ['a profile', { file: 'profile: mine\n', files: { 'profiles/mine.yml': 'extends: dev-compose\nedge: { connections: 7 }\n' } }],
    ['a variable', { env: { MEDIANEST_EDGE_CONNECTIONS: '7' } }],
    ['--set', { flags: { set: ['edge.connections=7'] } }],
  ])('means the same: %s', (_what, options) => {
    expect(load(options).settings.edge).toMatchObject({ [NEW]: 7 });
    expect(load(options).settings.version).toBe(SETTINGS_VERSION);
  });
  it('may say yes and no where three values are', () => {
    for (const [value, healing] of [
      ['true', 'act'],
      ['false', 'off'],
      ['suggest', 'suggest'],
    ])
      expect(load({ file: `version: 2\nagent: { heal: ${value} }\n` }).settings.agent).toMatchObject({ healing });
    expect(load({ env: { MEDIANEST_AGENT_HEAL: 'false' } }).settings.agent).toMatchObject({ healing: 'off' });
    expect(() => load({ file: 'agent: { healing: sometimes }\n' })).toThrow(/agent.healing: should be off, suggest or act/);
  });
  it('is told wrong at its own line and place', () => {
    expect(() => load({ file: 'version: 1\nedge:\n  connections: many\n' })).toThrow(/medianest\.yml:3: edge\.connectionsPerClient/);
  });
  it('may not have both names: the old one is unknown then', () => {
    expect(() => load({ file: 'edge: { connections: 7, connectionsPerClient: 8 }\n' })).toThrow(/edge\.connections: is not a setting/);
  });
});

it.each([[SETTINGS_VERSION + 1], ['x'], [0.5]])('refuses a file of version %s', (version) => {
  expect(() => load({ file: `version: ${version}\nprofile: dev\n` })).toThrow(/version: should be/);
});

it('takes an old name for a mistake where the file says that it is new', () => {
  expect(() => load({ file: `version: ${SETTINGS_VERSION}\nedge: { connections: 7 }\n` })).toThrow(
    /it is called edge.connectionsPerClient now/,
  );
});

describe('a migrated text', () => {
  const cases: [what: string, before: string, after: string][] = [
    [
      'keeps comments and spacing',
      '# mine\nversion: 1   # old\nedge:\n    # few\n    connections:   7 # seven\n',
      `# mine\nversion: ${SETTINGS_VERSION}   # old\nedge:\n    # few\n    ${NEW}:   7 # seven\n`,
    ],
    ['gains a version', '# mine\n\nedge:\n  connections: 7\n', `# mine\n\nversion: ${SETTINGS_VERSION}\nedge:\n  ${NEW}: 7\n`],
    [
      'may be in braces',
      '{ edge: { connections: 7, hsts: true } }\n',
      `{ version: ${SETTINGS_VERSION}, edge: { ${NEW}: 7, hsts: true } }\n`,
    ],
    ['may be empty', '', `version: ${SETTINGS_VERSION}\n`],
    ['may be a comment without a line end', '# nothing', `# nothing\nversion: ${SETTINGS_VERSION}\n`],
    ['may begin a document', '---\nversion: 1\nedge: {"connections": 7}\n', `---\nversion: ${SETTINGS_VERSION}\nedge: {${NEW}: 7}\n`],
    ['has Windows line ends', 'version: 1\r\nedge:\r\n  connections: 7\r\n', `version: ${SETTINGS_VERSION}\r\nedge:\r\n  ${NEW}: 7\r\n`],
  ];
  it.each(cases)('%s', (_what, before, after) => {
    expect(migrateText(before).text).toBe(after);
    expect(migrateText(after)).toEqual({ text: after, from: SETTINGS_VERSION, to: SETTINGS_VERSION, changes: [] });
    expect(parse(after)).toEqual({ ...migrateData(parse(before) ?? {}), version: SETTINGS_VERSION });
  });
  it('is refused where names alone would not do', () => {
    expect(() => migrateText('version: 1\nx: &e { connections: 7 }\nedge: *e\n')).toThrow(/rename|changing more than names/);
  });
});
