import { expect, it } from 'vitest';
import { noteSizes, readSizes } from '../../../src/backup/metrics/sizes.ts';
import type { Workbench } from '../../../src/backup/repository/job.ts';
import type { DockerCli } from '../../../src/docker/compose.ts';
import type { BackupSettings } from '../../../src/services/backup/settings/backup-settings.ts';
import { StateFolder } from '../../../src/state/state.ts';
import { temporaryFolder } from '../../support/temporary.ts';

it('keeps what is known of a copy whose container does not answer, and drops a copy that is no longer named', async () => {
  const state = new StateFolder(temporaryFolder('sizes'));
  state.open();
  let answers = true;
  const run: DockerCli['run'] = async (args) => {
    if (args.includes('copies'))
      return { exitCode: answers ? 0 : 1, stdout: 'sftp bytes 12\nsftp measured 2026-11-01T00:00:00Z\n', tail: [] };
    return { exitCode: 0, stdout: args.includes('du') ? '300\t/srv/backups/files\n' : '10 1\n', tail: [] };
  };
  const signal = new AbortController().signal;
  const bench = { docker: { run }, server: 'backup', project: 'p', state, signal } as unknown as Workbench;
  const settings = (copies: object) => ({ copies: { sftp: {}, s3: {}, azure: {}, gcs: {}, ...copies } }) as BackupSettings;
  const note = (copies: object) => noteSizes(bench, settings(copies), new Date('2026-11-01T00:00:00Z'));
  await note({ sftp: { host: 'nas' } });
  answers = false;
  await note({ sftp: { host: 'nas' } });
  expect(readSizes(state)).toMatchObject({ here: [{ bytes: 300, free: 10 }], sftp: [{ bytes: 12 }] });
  await note({});
  expect(Object.keys(readSizes(state))).toEqual(['here']);
});
