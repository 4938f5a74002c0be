import { describe, expect, it } from 'vitest';
import type { ObservedVolume } from '../../../src/docker/types.ts';
import { carryVolumes, unfinished } from '../../../src/reconcile/plan/carry.ts';
import { COMPOSE_PROJECT, COMPOSE_VOLUME, LABEL } from '../../../src/stack/labels.ts';

const volume = (name: string, project: string, more: Record<string, string> = {}, createdAt = '2026-01-01'): ObservedVolume => ({
  name,
  labels: { [LABEL.project]: project, ...more },
  createdAt,
});
const OLD = [
  volume('home_data', 'home', { [COMPOSE_PROJECT]: 'home', [COMPOSE_VOLUME]: 'data', 'com.docker.compose.config-hash': 'x' }),
  volume('home_backups', 'home'),
];
const move = (volumes: readonly ObservedVolume[], journal?: Parameters<typeof carryVolumes>[2]) =>
  carryVolumes({ recorded: 'home', project: 'house', image: 'tool:1' }, volumes, journal);
const JOURNAL = { kind: 'rename', from: 'home', copied: {} } as const;

describe('a renamed project', () => {
  it('has each volume of the old name copied, after a look at the disk and a note that it has begun', () => {
    const { first, written, carried } = move(OLD);
    expect(first.map(({ kind }) => kind)).toEqual(['check-carry', 'begin-carry', 'carry-volume', 'carry-volume']);
    expect(first[0]).toMatchObject({ volumes: ['home_backups', 'home_data'] });
    expect(first[3]).toMatchObject({
      from: 'home_data',
      to: 'house_data',
      // Compose's hash of the old name's definition would make it ask for another volume.
      labels: { [LABEL.project]: 'house', [COMPOSE_PROJECT]: 'house', [COMPOSE_VOLUME]: 'data' },
    });
    expect(first[2]).toMatchObject({ to: 'house_backups', labels: { [LABEL.project]: 'house' } });
    expect([written.map(({ kind }) => kind), carried]).toEqual([['finish-carry'], ['backups', 'data']]);
  });
  it('leaves out what is another project’s, a preview’s, a job’s, or on a server', () => {
    const others = [
      volume('homes_data', 'homes'),
      volume('home_x', 'other'),
      volume('home_look', 'home', { [LABEL.preview]: 'look' }),
      volume('home_job', 'home', { [LABEL.job]: 'carry' }),
      volume('home_media-nfs-abc', 'home'),
      volume('elsewhere', 'home'),
    ];
    expect(move([...OLD, ...others]).carried).toEqual(['backups', 'data']);
  });
  it('copies again what is not noted as verified, or was made again since', () => {
    const there = [...OLD, volume('house_backups', 'house', {}, '2026-02-02'), volume('house_data', 'house', {}, '2026-02-03')];
    const copies = (copied: Record<string, string>) =>
      move(there, { ...JOURNAL, copied }).first.flatMap((step) => (step.kind === 'carry-volume' ? [step.to] : []));
    expect(copies({})).toEqual(['house_backups', 'house_data']);
    expect(copies({ house_backups: '2026-02-02' })).toEqual(['house_data']);
    expect(copies({ house_backups: '2026-01-01', house_data: '2026-02-03' })).toEqual(['house_backups']);
    const last = move(there, { ...JOURNAL, copied: { house_backups: '2026-02-02', house_data: '2026-02-03' } });
    expect(last.first.map(({ kind }) => kind)).toEqual(['begin-carry']);
  });
  it.each([
    ['before it has begun', [...OLD, volume('house_data', 'house')], undefined],
    ['that another project made', [...OLD, volume('house_data', 'other')], JOURNAL],
    ['without a label', [...OLD, { name: 'house_data', labels: {} }], JOURNAL],
  ])('writes into no volume %s', (_what, volumes, journal) => {
    expect(() => move(volumes, journal)).toThrow(
      expect.objectContaining({ code: 'ALREADY_THERE', message: expect.stringContaining('house_data') }),
    );
  });
  it('that was interrupted is told with the way on and the way back', () => {
    const error = unfinished(JOURNAL, 'house', '/state');
    expect([error.code, error.hint]).toEqual(['FOREIGN_STATE', expect.stringMatching(/up --carry-data; or return to the name home/)]);
  });
});
