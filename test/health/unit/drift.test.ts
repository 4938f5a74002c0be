import { describe, expect, it } from 'vitest';
import type { ObservedContainer } from '../../../src/docker/types.ts';
import { driftCheck, type Running, segmentationCheck } from '../../../src/health/plan/drift.ts';
import { load, rendered, stackOf } from '../../support/settings.ts';

const stack = stackOf(load({ flags: { profile: 'dev-compose' } }));
const { files, inputs } = rendered(stack);
const compose = files.find(({ path }) => path === 'compose.yml')?.contents ?? '';

const containers = stack.services.map(
  ({ name, networks }) =>
    ({
      name: `medianest-${name}-1`,
      service: name,
      inputs: inputs[name],
      addresses: Object.fromEntries(networks.map((network) => [`medianest_${network}`, '10.0.0.1'])),
    }) as unknown as ObservedContainer,
);
const networks = stack.networks.map(({ name, internal, inboundOnly }) => ({
  name: `medianest_${name}`,
  composeProject: 'medianest',
  ours: true,
  outbound: !internal && !inboundOnly,
  subnets: [],
}));
const well: Running = { project: 'medianest', compose, override: undefined, edited: [], containers, networks, guests: [] };
const changed = (service: string, more: Partial<ObservedContainer>): Running => ({
  ...well,
  containers: containers.map((entry) => (entry.service === service ? { ...entry, ...more } : entry)),
});

describe('what runs, beside what was rendered last', () => {
  it('is the same', () => {
    expect(driftCheck(well).status).toBe('ok');
  });
  it('differs after an interrupted command, and says where', () => {
    expect(driftCheck(changed('postgres', { inputs: '{"definition":"old"}' }))).toMatchObject({
      status: 'warn',
      message: expect.stringMatching(/^postgres: not made from what was rendered last/),
      remedy: 'medianest up',
    });
    expect(driftCheck(changed('postgres', { inputs: undefined })).status).toBe('warn');
  });
  it('differs where a rendered file was edited', () => {
    expect(driftCheck({ ...well, edited: ['edge/nginx.conf'] })).toMatchObject({
      status: 'warn',
      message: expect.stringMatching(/^edge\/nginx\.conf/),
    });
  });
  it('says nothing of a service that the operator added: it has no rendered label', () => {
    const added = { service: 'extra', inputs: undefined, name: 'medianest-extra-1', addresses: {} } as unknown as ObservedContainer;
    expect(driftCheck({ ...well, containers: [...containers, added] }).status).toBe('ok');
  });
});

describe('segmentation', () => {
  const opened = networks.map((network) => (network.name === 'medianest_db' ? { ...network, outbound: true } : network));
  it('holds', () => {
    expect(segmentationCheck(well)).toMatchObject({ id: 'segmentation', status: 'ok' });
  });
  it('fails where a closed network leads outside, unless the override opens it', () => {
    expect(segmentationCheck({ ...well, networks: opened })).toMatchObject({ status: 'fail', message: expect.stringMatching(/^db: /) });
    const override = 'networks: { db: { internal: false } }';
    expect(segmentationCheck({ ...well, networks: opened, override }).status).toBe('ok');
  });
  it('names a stranger in a network, and no job of its own', () => {
    const guest = { container: 'tool', network: 'medianest_db', ours: false };
    expect(segmentationCheck({ ...well, guests: [guest] })).toMatchObject({
      status: 'warn',
      message: 'not of this stack: tool in medianest_db',
    });
    expect(segmentationCheck({ ...well, guests: [{ ...guest, ours: true }] }).status).toBe('ok');
  });
  it('names a container that was put into another network by hand, unless the override does', () => {
    const by = changed('postgres', { addresses: { medianest_db: '10.0.0.1', medianest_dmz: '10.1.0.1' } });
    expect(segmentationCheck(by)).toMatchObject({ status: 'warn', message: 'joined by hand: medianest-postgres-1 in medianest_dmz' });
    expect(segmentationCheck({ ...by, override: 'services: { postgres: { networks: { dmz: {} } } }' }).status).toBe('ok');
  });
});
