import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import * as z from 'zod';
import { registry } from '../../../src/services/index.ts';
import { defineService } from '../../../src/stack/service.ts';
import { HOME } from '../../support/cli.ts';
import { load, rendered, renderInput, stackOf } from '../../support/settings.ts';

/** Every file below a folder of the package whose name ends so; what a build or npm has put there is left out. */
const below = (folder: string, end: string) =>
  (readdirSync(path.join(HOME, folder), { recursive: true }) as string[])
    .filter((file) => file.endsWith(end) && !/(^|\/)(node_modules|vendor)\//.test(file))
    .map((file) => path.join(folder, file));
const text = (file: string) => readFileSync(path.join(HOME, file), 'utf8');

it('lets no code after the settings look at a profile’s name', () => {
  const names = /['"`](dev|dev-compose|staging|prod|dr)['"`]|profile\s*===|===\s*\w*profile\b/i;
  const files = [
    ...below('src', '.ts').filter((file) => !/^src\/(settings|init|adopt|project)\//.test(file)),
    ...below('templates', '.hbs'),
  ];
  expect(files.length).toBeGreaterThan(250);
  expect(files.filter((file) => names.test(text(file)))).toEqual([]);
});

it('keeps files short', () => {
  const sizes = [...below('src', '.ts'), ...below('templates/app/image/src', '.js')].map((file) => ({
    file,
    lines: text(file).split('\n').length,
  }));
  expect(sizes.filter((entry) => entry.lines > 250)).toEqual([]);
  const sorted = sizes.map((entry) => entry.lines).sort((a, b) => a - b);
  expect(sorted[Math.floor(sorted.length / 2)]).toBeLessThan(80);
});

it('takes a new service as one definition and one template, and a new profile as one file', () => {
  const clock = defineService({
    name: 'clock',
    key: 'clock',
    summary: 'tells the time',
    settings: z.strictObject({ zone: z.string().default('UTC') }),
    build: (own, input) => [
      {
        name: 'clock',
        image: input.image('clock'),
        uid: 10099,
        host: 77,
        networks: ['app'],
        ports: [],
        mounts: [],
        secrets: [],
        environment: { TZ: own.zone },
        view: { zone: own.zone },
        memoryBytes: 1e7,
        after: [],
        interruption: 'none',
        urls: [],
      },
    ],
  });
  const known = [...registry, clock];
  const loaded = load({
    registry: known,
    flags: { profile: 'timed' },
    files: { 'profiles/timed.yml': 'extends: dev-compose\ncomponents: { clock: true }\nclock: { zone: Europe/Lisbon }\n' },
  });
  const stack = stackOf(loaded, known);
  const templates = new Map([
    ...renderInput(stackOf(load({ flags: { profile: 'dev-compose' } }))).templates,
    ['clock/compose.yml.hbs', 'command: ["show", {{json zone}}]\n'],
    ['clock/config/clock.conf.hbs', 'zone {{zone}}\n'],
  ]);
  const { files } = rendered(stack, { templates });
  expect(files[0]?.contents).toContain('  clock:');
  expect(files[0]?.contents).toContain('- "Europe/Lisbon"');
  expect(files.find((file) => file.path === 'clock/clock.conf')?.contents).toContain('zone Europe/Lisbon\n');
});
