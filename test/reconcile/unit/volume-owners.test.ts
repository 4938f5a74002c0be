import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { capabilities } from '../../../src/capabilities.ts';
import type { Step } from '../../../src/capability/capability.ts';
import { ownerArgv } from '../../../src/docker/plan/own.ts';
import { describeStep, kindsOf } from '../../../src/project/execute.ts';
import { composeServices } from '../../../src/reconcile/plan/change.ts';
import { planUp } from '../../../src/reconcile/plan/up.ts';
import {
  type OwnerFacts,
  ownerSteps,
  renderedOwnerSteps,
  renderedVolumesOf,
  unwritableCheck,
  writableVolumes,
} from '../../../src/reconcile/plan/volume-owners.ts';
import { settledFacts } from '../../support/plan-facts.ts';
import { load, rendered, stackOf } from '../../support/settings.ts';

const stack = (file = '') => stackOf(load({ file, flags: { profile: 'dev-compose' } }));
const KNOWN = { uploads: { owner: '10001:10001', createdAt: 'then' }, media: { owner: '10001:10001', createdAt: 'then' } };
const MADE = { medianest_uploads: 'then', medianest_media: 'then' };
const owned = (facts: OwnerFacts, of = stack()) =>
  ownerSteps(of, of.services, facts).map((step) => (step.kind === 'own-volume' ? [step.volume, `${step.uid}:${step.gid}`] : []));

describe('the owner of a volume that the application writes to', () => {
  it('is set where `up` has not set it yet, once for all replicas', () => {
    const both = [
      ['uploads', '10001:10001'],
      ['media', '10001:10001'],
    ];
    expect(owned({ volumeOwners: {} }, stack('app: { replicas: 3 }\ncomponents: { balancer: true }'))).toEqual(both);
    expect(owned({ volumeOwners: KNOWN })).toEqual([]);
    expect(owned({ volumeOwners: KNOWN, volumesMade: MADE })).toEqual([]);
  });
  it('is set again for another user, and for a volume that was made again', () => {
    const other = stack('app: { user: "20000:20001" }');
    expect(owned({ volumeOwners: KNOWN, volumesMade: MADE }, other)).toEqual([
      ['uploads', '20000:20001'],
      ['media', '20000:20001'],
    ]);
    expect(owned({ volumeOwners: KNOWN, volumesMade: { ...MADE, medianest_uploads: 'now' } })).toEqual([['uploads', '10001:10001']]);
    expect(owned({ volumeOwners: KNOWN, volumesMade: {} })).toHaveLength(2);
  });
  it('is that of the user alone where no group is named', () => {
    expect(owned({ volumeOwners: {} }, stack('app: { user: "20000" }'))[0]).toEqual(['uploads', '20000:20000']);
  });
  it('is left alone on an NFS server, in a folder of the host, and where nothing is written', () => {
    const volumes = (media: string) => owned({ volumeOwners: {} }, stack(`app: { media: ${media} }`)).map(([name]) => name);
    expect(volumes('{ kind: nfs, server: nas, export: /media, readOnly: false }')).toEqual(['uploads']);
    expect(volumes('{ kind: bind, path: /srv/media, readOnly: false }')).toEqual(['uploads']);
    expect(volumes('{ kind: volume, readOnly: true }')).toEqual(['uploads']);
  });
  it('is set before the application starts, by an image of ours, and the plan says so', () => {
    const own = stack('app: { image: "registry.example/app:1" }');
    const files = rendered(own);
    const { steps } = planUp(
      own,
      files,
      settledFacts(files, [], { volumeOwners: {}, volumesMade: {}, missingImages: own.images.map(({ ref }) => ref) }),
    );
    const at = steps.findIndex(({ kind }) => kind === 'own-volume');
    expect(at).toBeGreaterThan(0);
    expect(at).toBeLessThan(steps.findIndex(({ kind }) => kind === 'compose-up'));
    expect(steps[at]).toMatchObject({ volume: 'uploads', project: 'medianest', image: expect.stringMatching(/^medianest\//) });
    const [other] = ownerSteps(stack('app: { user: "20000" }'), stack('app: { user: "20000" }').services, { volumeOwners: KNOWN });
    expect(describeStep(kindsOf(capabilities), other as Step)).toBe(
      'give the volume uploads to user 20000:20000 (app ran as 10001:10001 before; what still runs so cannot write until it is replaced)',
    );
  });
  it('is set by an image that the engine has, also in a run for the application alone', () => {
    const own = stack('app: { image: "registry.example/app:1" }');
    const app = own.services.filter(({ component }) => component === 'app');
    const image = (containers: OwnerFacts['containers']) => {
      const [step] = ownerSteps(own, app, { volumeOwners: {}, containers });
      return step?.kind === 'own-volume' ? step.image : undefined;
    };
    // The engine has what the last `up` has built, not what the next one builds.
    expect(image([{ service: 'edge', image: 'medianest/edge:0123456789ab' }])).toBe('medianest/edge:0123456789ab');
    // The operator's own image may have no program that sets owners.
    expect(image([{ service: 'app-1', image: 'registry.example/app:1' }])).toMatch(/^medianest\//);
  });
  it('stays what was set: Docker copies no folder of the image into the volume', () => {
    const { app, ...services } = composeServices(rendered(stack()).files.find(({ path }) => path === 'compose.yml')?.contents) as Record<
      string,
      { volumes?: { source: string; volume?: object }[] }
    >;
    const first = app ?? services['app-1'];
    const uploads = first?.volumes?.find(({ source }) => source === 'uploads');
    expect(uploads?.volume).toEqual({ nocopy: true });
  });
  it('is set by a restart of the application too, whatever was recorded', () => {
    const services = composeServices(
      rendered(stack('app: { user: "20000:20001" }')).files.find(({ path }) => path === 'compose.yml')?.contents,
    );
    const restart = (names: string[]) => renderedOwnerSteps(services, names, 'medianest', 'asked for');
    expect(restart(Object.keys(services))).toMatchObject([
      { kind: 'own-volume', volume: 'uploads', uid: 20000, gid: 20001, image: expect.stringMatching(/^medianest\//) },
      { kind: 'own-volume', volume: 'media', uid: 20000, gid: 20001 },
    ]);
    expect(restart(['postgres', 'edge'])).toEqual([]);
  });
  it('changes only what is another user’s', () => {
    expect(ownerArgv(['/volume'], 20000, 20001).join(' ')).toBe(
      'find /volume ! -user 20000 -exec chown --no-dereference -- 20000:20001 {} +',
    );
  });
});

describe('a volume that cannot be written', () => {
  it('is a failure, and one of which nothing is known is not', () => {
    expect(unwritableCheck('uploads', '20000:20000', 1)).toMatchObject({
      id: 'volume-uploads',
      status: 'fail',
      remedy: expect.stringContaining('restart app'),
    });
    for (const exitCode of [0, 126, 127, undefined]) expect(unwritableCheck('uploads', '20000:20000', exitCode)).toBeUndefined();
  });
  it('is none that is mounted read-only, of a server, or a folder', () => {
    const volumes = [
      { type: 'volume', source: 'uploads', target: '/srv/uploads' },
      { type: 'volume', source: 'media', target: '/srv/media', read_only: true },
      { type: 'volume', source: 'media-nfs-12', target: '/srv/media' },
      { type: 'bind', source: './secrets/app', target: '/run/secrets' },
    ];
    expect(writableVolumes(volumes)).toEqual([{ source: 'uploads', target: '/srv/uploads' }]);
    expect(writableVolumes(undefined)).toEqual([]);
  });
});

describe('the volumes of the rendered Compose file', () => {
  const text = rendered(stack()).files.find(({ path }) => path === 'compose.yml')?.contents ?? '';
  it('are read without Compose', () => {
    const volumes = renderedVolumesOf(text);
    expect(volumes?.uploads).toEqual({ labels: { 'io.medianest.project': 'medianest' } });
    expect(volumes?.backups).toEqual({ name: 'medianest_backups', external: true });
    expect(Object.keys(volumes ?? {})).toEqual(Object.keys((parse(text) as { volumes: object }).volumes));
  });
  it('are for Compose to read where the file was edited, or where something would be interpolated', () => {
    const edited = text.replace('\nvolumes:\n', '\nvolumes: # mine\n');
    expect([edited === text, renderedVolumesOf(edited), renderedVolumesOf('')]).toEqual([false, undefined, undefined]);
    const variable = text.replace('name: "medianest_backups"', 'name: "$$X"');
    expect([variable === text, renderedVolumesOf(variable)]).toEqual([false, undefined]);
  });
});
