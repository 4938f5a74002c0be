import { describe, expect, it } from 'vitest';
import { foreignVolume, type VolumeUser, volumeRefusal } from '../../../src/docker/plan/volumes.ts';
import type { ObservedVolume } from '../../../src/docker/types.ts';
import { renderedVolumes } from '../../../src/reconcile/plan/change.ts';
import { refuseForeignStackVolumes } from '../../../src/reconcile/refuse-foreign.ts';
import { runningContainer } from '../../support/plan-facts.ts';
import { load, rendered, stackOf } from '../../support/settings.ts';

const ours = (project: string, more: object = {}) => ({ 'io.medianest.project': project, ...more });
const composed = (project: string, more: object = {}) => ({ 'com.docker.compose.project': project, ...more });
const preview = (name: string, of?: string) => ours(name, { 'io.medianest.preview': name, ...(of && { 'io.medianest.preview-of': of }) });
const volume = (name: string, labels: object): ObservedVolume => ({ name, labels: labels as Record<string, string> });

const STACK: VolumeUser = { kind: 'stack', project: 'look', mounted: [] };
const PREVIEW: VolumeUser = { kind: 'preview', project: 'look', of: 'medianest' };
const DRILL: VolumeUser = { kind: 'drill', project: 'look', of: 'medianest' };
const JOB: VolumeUser = { kind: 'job', project: 'look', job: 'sanitize' };

describe('a volume that has the name of one of ours', () => {
  it.each<[string, VolumeUser, object, boolean]>([
    ['`up` made it', STACK, composed('look', ours('look')), true],
    ['`up` made it, outside Compose', STACK, ours('look'), true],
    ['it has no label', STACK, {}, false],
    ['a Compose project of the same name made it', STACK, composed('look'), false],
    ['another medianest project made it', STACK, composed('other', ours('other')), false],
    ['a preview of that name made it', STACK, preview('look', 'medianest'), false],
    ['a job of this project made it', STACK, ours('look', { 'io.medianest.job': 'sanitize' }), false],
    ['a killed run of the same preview made it', PREVIEW, preview('look', 'medianest'), true],
    ['a killed run of an earlier version made it', PREVIEW, preview('look'), true],
    ['a preview of another installation made it', PREVIEW, preview('look', 'other'), false],
    ['another preview made it', PREVIEW, preview('elsewhere', 'medianest'), false],
    ['a Compose project of the preview’s name made it', PREVIEW, composed('look'), false],
    ['a medianest project of the preview’s name made it', PREVIEW, composed('look', ours('look')), false],
    ['it has no label, for a preview', PREVIEW, {}, false],
    ['a killed drill made it', DRILL, preview('look', 'medianest'), true],
    ['a Compose project of the drill’s name made it', DRILL, composed('look'), false],
    ['a killed run of the same job made it', JOB, ours('look', { 'io.medianest.job': 'sanitize' }), true],
    ['an export of an earlier version made it', JOB, ours('look'), true],
    ['another job made it', JOB, ours('look', { 'io.medianest.job': 'export' }), false],
    ['a job of another project made it', JOB, ours('other', { 'io.medianest.job': 'sanitize' }), false],
    ['a preview of that name made it, for a job', JOB, preview('look', 'medianest'), false],
    ['it has no label, for a job', JOB, {}, false],
  ])('%s', (_what, user, labels, own) => {
    expect(foreignVolume(['look_uploads'], [volume('look_uploads', labels)], user)?.name).toBe(own ? undefined : 'look_uploads');
  });

  it('is our own in any case where a container of the project mounts it already', () => {
    const mounted: VolumeUser = { ...STACK, mounted: ['look_uploads'] };
    expect(foreignVolume(['look_uploads', 'look_data'], [volume('look_uploads', {}), volume('look_data', {})], mounted)?.name).toBe(
      'look_data',
    );
  });

  it('does not matter if it is not asked for', () => {
    expect(foreignVolume(['look_uploads'], [volume('look_other', {}), volume('my_uploads', {})], STACK)).toBeUndefined();
  });

  it('is refused by its name, with its labels and what to do', () => {
    const refusal = (labels: object, user: VolumeUser) => volumeRefusal(volume('look_uploads', labels), user);
    const { code, message, hint } = refusal(composed('look', { 'com.docker.compose.version': '2.40' }), PREVIEW);
    expect([code, message, hint]).toEqual([
      'FOREIGN_PROJECT',
      'the volume look_uploads is here already, and no preview look of this project made it (its labels: com.docker.compose.project=look); nothing was changed',
      'choose another name: --into; if its data is of no use, remove it: docker volume rm look_uploads',
    ]);
    expect(refusal({}, STACK).message).toContain('the project look did not make it (it has no label)');
    expect(refusal({ made: 'by hand' }, STACK).message).toContain('(its labels: made=by hand)');
    expect(refusal({}, STACK).hint).toContain('--project');
    expect(refusal(preview('look', 'medianest'), STACK).hint).toContain('medianest preview remove look');
    expect(refusal({}, DRILL).hint).not.toContain('--into');
    expect(refusal({}, JOB).hint).toContain('docker volume rm look_uploads');
  });
});

describe('the volumes of a stack', () => {
  it('are all that its Compose file names', () => {
    for (const profile of ['dev-compose', 'prod']) {
      const built = stackOf(load({ flags: { profile } }));
      const names = renderedVolumes(rendered(built).files);
      expect(names.length).toBeGreaterThan(2);
      expect([...names].sort()).toEqual([...built.volumes].sort());
    }
    expect(renderedVolumes([])).toEqual([]);
  });

  const engine = (...volumes: ObservedVolume[]) => ({ volumes: async () => volumes }) as never;
  const stack = { project: 'look', volumes: ['uploads', 'media'] };
  const refusal = async (...args: Parameters<typeof refuseForeignStackVolumes>) =>
    refuseForeignStackVolumes(...args).then(
      () => undefined,
      (error) => (error as Error).message,
    );

  it('are compared while containers run too: a volume that is added later may be another one’s', async () => {
    const containers = [runningContainer('app', undefined, { project: 'look', volumes: ['look_uploads'] })];
    const here = engine(volume('look_uploads', {}), volume('look_media', composed('look')));
    expect(await refusal(stack, containers, here)).toContain('the volume look_media is here already');
    expect(await refusal({ ...stack, volumes: ['uploads'] }, containers, here)).toBeUndefined();
  });

  it('are not proven to be ours by a container that is not', async () => {
    const containers = [runningContainer('app', undefined, { project: undefined, volumes: ['look_uploads'] })];
    expect(await refusal(stack, containers, engine(volume('look_uploads', composed('look'))))).toContain('look_uploads');
  });
});
