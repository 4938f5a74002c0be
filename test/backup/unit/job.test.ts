import { expect, it } from 'vitest';
import { ended, jobArgs, type Workbench } from '../../../src/backup/repository/job.ts';
import { StateFolder } from '../../../src/state/state.ts';

const bench = {
  ...{ project: 'medianest', server: 'medianest-backup-1', image: 'b', memoryBytes: 1, cpus: 1, locked: true },
  state: new StateFolder('/state'),
} as Workbench;

it('a volume that a job mounts gets the project’s label if the engine has to make it: `up` would refuse one without', () => {
  const args = jobArgs(bench, {
    name: 'contents',
    argv: ['contents'],
    mounts: [
      { source: 'medianest_backups', target: '/srv/backups', kind: 'volume', readOnly: true },
      { source: '', target: '/room/0', kind: 'volume', readOnly: false },
      { source: '/disk', target: '/disk', kind: 'bind', readOnly: false },
    ],
  });
  expect(args.flatMap((arg, index) => (args[index - 1] === '--mount' ? [arg] : []))).toEqual([
    'type=volume,source=medianest_backups,target=/srv/backups,readonly,volume-nocopy,volume-label=io.medianest.project=medianest',
    'type=volume,target=/room/0,volume-nocopy',
    'type=bind,source=/disk,target=/disk',
    'type=bind,source=/state/secrets/backup,target=/run/secrets,readonly',
  ]);
});

it('an encrypted volume that is missing is made in its encrypted folder, never as a plain one', () => {
  const encrypted = new Map([['medianest_uploads', '/srv/medianest/data/volumes/uploads']]);
  const mounts = ['medianest_uploads', 'medianest_backups'].map((source) => ({
    source,
    target: '/m',
    kind: 'volume' as const,
    readOnly: true,
  }));
  const args = jobArgs({ ...bench, encrypted }, { name: 'contents', argv: ['contents'], mounts });
  const bound = 'volume-driver=local,volume-opt=type=none,volume-opt=o=bind,volume-opt=device=/srv/medianest/data/volumes/uploads';
  expect(args.filter((arg) => arg.startsWith('type=volume')).map((arg) => arg.endsWith(bound))).toEqual([true, false]);
});

it('a job that the engine refused or killed has found out nothing', () => {
  const result = (exitCode: number) => ({ exitCode, stdout: '', tail: [] });
  for (const status of [0, 1, 3, 12]) expect(ended('check', result(status)).exitCode).toBe(status);
  for (const status of [125, 126, 127, 137, 143]) expect(() => ended('check', result(status))).toThrow(`check ended with status ${status}`);
});
