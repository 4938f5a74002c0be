import { describe, expect, it } from 'vitest';
import type { Manifest } from '../../../src/stack/manifest.ts';
import { backedUp, containersOf, namesOf, upgraded, withRole } from '../../../src/stack/roles.ts';
import { load, stackOf } from '../../support/settings.ts';

const manifest = (services: object[]): Manifest => ({ services }) as unknown as Manifest;

describe('roles', () => {
  const { services } = stackOf(load({ flags: { profile: 'prod' } }));

  it('tell what each container of prod is to the stack', () => {
    expect(namesOf(services, 'edge')).toEqual(['edge']);
    expect(namesOf(services, 'application')).toEqual(['app-1', 'app-2', 'app-3']);
    expect(namesOf(services, 'database')).toEqual(['postgres-1', 'postgres-2']);
    expect(namesOf(services, 'repository')).toEqual(['backup']);
    expect(namesOf(services, 'cache')).toHaveLength(6);
  });

  it('say which mounts a backup holds', () => {
    expect(withRole(services, 'application').flatMap((service) => backedUp(service, 'files').map(({ target }) => target))).toEqual(
      Array.from({ length: 3 }, () => '/srv/uploads'),
    );
    expect(services.flatMap((service) => backedUp(service, 'redis'))).toHaveLength(6);
  });

  it('find the containers that run', () => {
    expect(containersOf([{ service: 'edge' }, { service: 'app-1' }], services, 'edge')).toEqual([{ service: 'edge' }]);
    expect(containersOf([{ service: 'edge' }], undefined, 'edge')).toEqual([]);
  });

  it('are added to a manifest that was written before there were any', () => {
    const old = manifest([
      { name: 'postgres-1', component: 'patroni', member: { group: 'database', keeper: 'agent' } },
      { name: 'app-1', component: 'app' },
      { name: 'db-router', component: 'db-router' },
    ]);
    expect(upgraded(old).services).toEqual([
      expect.objectContaining({
        name: 'postgres-1',
        role: 'database',
        member: expect.objectContaining({ group: 'database', controller: 'agent' }),
      }),
      expect.objectContaining({ name: 'app-1', role: 'application' }),
      { name: 'db-router', component: 'db-router' },
    ]);
    const now = manifest([{ name: 'x', component: 'own', role: 'edge', member: { group: 'database', controller: 'agent' } }]);
    expect(upgraded(now)).toEqual(now);
  });
});
