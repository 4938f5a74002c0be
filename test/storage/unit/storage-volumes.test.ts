import { expect, test } from 'vitest';
import type { Step } from '../../../src/capability/capability.ts';
import { withBeside } from '../../../src/reconcile/beside/beside.ts';
import { foldersToMove, isJournal, lackingBytes, mayBeGivenUp, uncopied, unlabelledRefusal } from '../../../src/storage/plan/move.ts';
import { lostRefusal, misplaced, misplacedRefusal } from '../../../src/storage/plan/refusal.ts';

const WITHIN = '/srv/home/data/volumes';
const LABELS = { 'io.medianest.project': 'home' };
const volume = (name: string, device?: string, labels: Record<string, string> = LABELS) => ({ name, labels, device });
const wanted = new Map([
  ['home_database', `${WITHIN}/database`],
  ['home_media', undefined],
]);

test('a stack does not start on volumes that are not what the settings ask for', () => {
  const encrypted = volume('home_database', `${WITHIN}/database`);
  expect(misplacedRefusal(misplaced(wanted, [encrypted, volume('home_media', ':/export')], WITHIN))).toBeUndefined();
  expect(misplacedRefusal(misplaced(wanted, [], WITHIN))).toBeUndefined();
  const plain = misplacedRefusal(misplaced(wanted, [volume('home_database')], WITHIN));
  expect(plain).toMatchObject({ code: 'FOREIGN_STATE', hint: expect.stringContaining('sudo medianest storage encrypt') });
  const off = misplacedRefusal(misplaced(new Map([['home_database', undefined]]), [encrypted], WITHIN));
  expect(off).toMatchObject({ code: 'FOREIGN_STATE', hint: expect.stringContaining('sudo medianest storage decrypt') });
});

test('a volume of a folder that was moved is not taken for plain data, and one that an override mounts is the operator’s', () => {
  const moved = volume('home_database', '/srv/other/data/volumes/database');
  const found = misplaced(wanted, [moved], WITHIN);
  expect(found).toEqual({ plain: [], encrypted: [], astray: ['home_database'] });
  expect(misplacedRefusal(found)).toMatchObject({ code: 'FOREIGN_STATE', hint: expect.stringContaining('docker volume rm home_database') });
  const own = volume('home_database', '/mnt/ssd/database');
  expect(misplacedRefusal(misplaced(wanted, [own], WITHIN))).toBeUndefined();
  // The engine's own folder of such a volume is empty, and so would its copy be.
  for (const one of [moved, own])
    expect(foldersToMove('encrypted', { wanted, volumes: [one], within: WITHIN, project: 'home' })).toEqual({});
});

test('a move into the folder can be given up until the last copy is compared, and one out of it cannot', () => {
  const journal = { to: 'encrypted', folders: { a: '/a', b: '/b' }, copied: ['a'] } as const;
  expect(uncopied(journal)).toEqual([['b', '/b']]);
  expect(mayBeGivenUp(journal)).toBe(true);
  expect(mayBeGivenUp({ ...journal, copied: ['a', 'b'] })).toBe(false);
  expect(mayBeGivenUp({ ...journal, to: 'plain' })).toBe(false);
});

test('what moves are the volumes of the project that are not where they belong', () => {
  const volumes = [
    volume('home_database'),
    volume('home_media', ':/export'),
    volume('home_other', undefined),
    volume('home_redis', `${WITHIN}/redis`),
    volume('home_look', `${WITHIN}/look`, { ...LABELS, 'io.medianest.preview': 'look' }),
    volume('foreign', `${WITHIN}/foreign`, {}),
  ];
  const all = { wanted, volumes, within: WITHIN, project: 'home' };
  expect(foldersToMove('encrypted', all)).toEqual({ home_database: `${WITHIN}/database` });
  expect(foldersToMove('plain', { ...all, wanted: new Map() })).toEqual({ home_redis: `${WITHIN}/redis` });
});

test('a volume without the project’s label is named, with what to do: it is neither moved nor passed over', () => {
  const refusal = (labels: Record<string, string>, device?: string) =>
    unlabelledRefusal(wanted, [volume('home_database', device, labels), volume('home_media', undefined, {})], 'home');
  for (const labels of [{}, { 'com.docker.compose.project': 'home' }, { 'io.medianest.project': 'other' }])
    expect(refusal(labels)).toMatchObject({
      code: 'FOREIGN_PROJECT',
      hint: expect.stringContaining('--label io.medianest.project=home home_database'),
    });
  expect(refusal(LABELS)).toBeUndefined();
  expect(refusal({}, `${WITHIN}/database`)).toBeUndefined();
});

test('volumes that lead into a folder which is not there speak of a disk that is away, not of a new stack', () => {
  const lost = (...volumes: ReturnType<typeof volume>[]) => lostRefusal('/srv/home', WITHIN, volumes);
  expect(lost(volume('home_database', `${WITHIN}/database`), volume('home_media'))).toMatchObject({
    code: 'FOREIGN_STATE',
    message: expect.stringMatching(/^home_database leads into/),
    hint: expect.stringContaining('mount the disk'),
  });
  expect(lost(volume('home_media'), volume('other_database', '/srv/other/data/volumes/database'))).toBeUndefined();
});

test('a journal that says nothing is damaged, and a copy needs its size and a reserve', () => {
  expect(isJournal({ to: 'plain', folders: {}, copied: [] })).toBe(true);
  expect(isJournal({ to: 'plain', folders: null, copied: [] })).toBe(false);
  expect(isJournal(null)).toBe(false);
  const mib = 1024 ** 2;
  expect(lackingBytes([100 * mib, 10 * mib], 174 * mib)).toBe(0);
  expect(lackingBytes([100 * mib, 10 * mib], 173 * mib)).toBe(mib);
});

test('the data is unlocked before a step mounts a volume, and ports are freed as late as before', () => {
  const step = (kind: string) => ({ kind, cause: '' }) as Step;
  const steps = ['write-files', 'own-volume', 'prove-config', 'compose-up'].map(step);
  const beside = { early: [step('open-storage')], first: [step('join-front')], frees: [], last: [step('apply-front')] };
  const kinds = (of: readonly Step[]) => of.map(({ kind }) => kind).join(' ');
  expect(kinds(withBeside({ steps }, beside).steps)).toBe(
    'write-files open-storage own-volume prove-config join-front compose-up apply-front',
  );
  expect(kinds(withBeside({ steps: [] }, beside).steps)).toBe('open-storage join-front apply-front');
});
