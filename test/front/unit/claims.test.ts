import { describe, expect, it } from 'vitest';
import { type Claim, type Claims, claimOf, isClaims, joined, left, NO_CLAIMS, publishedBy } from '../../../src/front/plan/claims.ts';
import { due, isStuck } from '../../../src/front/plan/due.ts';
import { composeFile, configFiles, inputsOf } from '../../../src/front/plan/files.ts';
import { describeFront, type FrontStatus, frontChecks, frontNote } from '../../../src/front/plan/status.ts';

const claim = (names: string[], more: Partial<Claim> = {}): Claim => ({
  stateFolder: `/home/${names[0]}/.medianest`,
  names,
  addresses: ['0.0.0.0'],
  httpPort: 80,
  httpsPort: 443,
  ...more,
});
const there: ReadonlySet<string> = new Set();
const gone = new Set(['shop']);
const MEDIA = claim(['media.example.org', 'www.example.org']);
const SHOP = claim(['shop.example.org']);
const both = joined(joined(NO_CLAIMS, 'shop', SHOP, there), 'media', MEDIA, there);

describe('what projects have of the front', () => {
  it('is what each edge serves, in the same order whichever came first', () => {
    expect(both).toEqual(joined(joined(NO_CLAIMS, 'media', MEDIA, there), 'shop', SHOP, there));
    expect(Object.keys(both.projects)).toEqual(['media', 'shop']);
    expect(publishedBy(both)).toMatchObject({ httpPort: 80, httpsPort: 443 });
    expect(isClaims(JSON.parse(JSON.stringify(both)))).toBe(true);
  });

  it('is said by the ports and names of a stack', () => {
    const port = (setting: string, host: number, address: string) => ({ setting, host, address, container: 1 });
    const ports = ['::', '0.0.0.0'].flatMap((at) => [port('edge.httpPort', 80, at), port('edge.httpsPort', 443, at)]);
    expect(claimOf({ ports, names: ['b.org', 'a.org'] }, '/state')).toEqual({
      stateFolder: '/state',
      names: ['a.org', 'b.org'],
      addresses: ['0.0.0.0', '::'],
      httpPort: 80,
      httpsPort: 443,
    });
  });

  it('is refused where another project has a name, with the owner', () => {
    expect(() => joined(both, 'new', claim(['new.example.org', 'shop.example.org']), there)).toThrow(
      'shop.example.org is served by the project shop (/home/shop.example.org/.medianest); nothing was changed',
    );
  });

  it('is refused where it asks for other ports than the others have, and changed where there are no others', () => {
    expect(() => joined(both, 'media', { ...MEDIA, httpsPort: 8443 }, there)).toThrow(
      /the front listens at 0\.0\.0\.0, ports 80 and 443 for shop/,
    );
    const alone = left(both, 'shop', SHOP.stateFolder, there);
    expect(publishedBy(joined(alone, 'media', { ...MEDIA, httpsPort: 8443 }, there))?.httpsPort).toBe(8443);
  });

  it('is refused to a project of the same name that is run from another folder, unless that project is proven to be gone', () => {
    const elsewhere = { ...SHOP, stateFolder: '/elsewhere' };
    expect(() => joined(both, 'shop', elsewhere, there)).toThrow(/knows a project shop that is run from \/home\/shop/);
    expect(joined(both, 'shop', elsewhere, gone).projects.shop).toEqual(elsewhere);
  });

  it('ends for a project that is gone, and for no other', () => {
    const again = { ...SHOP, stateFolder: '/new' };
    expect(Object.keys(joined(both, 'new', again, gone).projects)).toEqual(['media', 'new']);
    expect(() => joined(both, 'new', again, there)).toThrow(/is served by the project shop/);
    expect(left(both, 'shop', '/elsewhere', there)).toBe(both);
    expect(Object.keys(left(both, 'shop', SHOP.stateFolder, there).projects)).toEqual(['media']);
    expect(left(both, 'media', MEDIA.stateFolder, gone)).toEqual(NO_CLAIMS);
  });

  it('moves to the new name of a project', () => {
    expect(Object.keys(joined(both, 'store', SHOP, there).projects)).toEqual(['media', 'store']);
  });

  it('is known from what is none', () => {
    for (const value of [null, 3, {}, { version: 2, projects: {} }, { version: 1, projects: { a: { names: 'x' } } }])
      expect([value, isClaims(value)]).toEqual([value, false]);
  });
});

const MADE = { name: 'medianest-front-0a1b2c', root: '/var/lib/medi$nest/front', image: 'medianest/balancer:1' };
const PUBLISHED = { addresses: ['0.0.0.0'], httpPort: 80, httpsPort: 443 };

describe('what the front is made of', () => {
  it('passes TLS by its name and HTTP by its Host, each to the sockets of one project', () => {
    const files = configFiles(both);
    expect(files.names).toBe('media.example.org media\nwww.example.org media\nshop.example.org shop\n');
    const config = files['haproxy.cfg'] as string;
    for (const project of ['media', 'shop'])
      for (const kind of ['tls', 'http']) expect(config).toContain(`server edge unix@/run/front/${project}/${kind}.sock send-proxy-v2`);
    // Neither a key nor a certificate.
    expect(config).not.toMatch(/\bssl crt\b|bind .* ssl/);
    expect(config).not.toContain('v6only');
  });

  it('leaves connections for the others, whatever one project is asked for: one that waits for its edge counts, too', () => {
    const config = configFiles(both)['haproxy.cfg'] as string;
    const backends = config.split(/^(?=backend )/m).filter((part) => part.startsWith('backend media-'));
    const limits = backends.map((part) => Number(/if \{ be_conn gt (\d+) \}/.exec(part)?.[1]));
    expect(limits).toHaveLength(2);
    expect(limits.reduce((sum, limit) => sum + limit)).toBe(4000);
    expect(config).toContain('\n  maxconn 6000\n');
    expect(config).not.toMatch(/^ *server .* maxconn/m);
  });

  it('leaves connections for other clients, whatever one address asks for', () => {
    const config = configFiles(both)['haproxy.cfg'] as string;
    for (const frontend of config.split(/^(?=frontend |backend )/m).filter((part) => /^frontend (tls|http)\n/.test(part)))
      expect(frontend).toMatch(
        /track-sc0 src,ipmask\(32,64\) table clients\n {2}tcp-request connection reject if \{ sc0_conn_cur gt 1500 \}/,
      );
  });

  it('says another configuration where only a name changes: the image’s `reload` compares this file alone', () => {
    const other = joined(both, 'shop', { ...SHOP, names: ['store.example.org'] }, there);
    expect(configFiles(other)['haproxy.cfg']).not.toBe(configFiles(both)['haproxy.cfg']);
  });

  it('needs no new container for another project', () => {
    const compose = JSON.parse(composeFile(MADE, PUBLISHED));
    const { front } = compose.services;
    expect(front).toMatchObject({ read_only: true, cap_drop: ['ALL'], network_mode: 'bridge', restart: 'always' });
    expect(front.ports).toEqual(['0.0.0.0:80:8080', '0.0.0.0:443:8443']);
    expect(front.volumes.map(({ source, read_only }: { source: string; read_only: boolean }) => [source, read_only])).toEqual([
      ['/var/lib/medi$$nest/front/config', true],
      ['/var/lib/medi$$nest/front/sockets', true],
    ]);
    expect(JSON.stringify(compose)).not.toContain('shop');
    expect(front.labels['io.medianest.inputs']).toBe(inputsOf(MADE, PUBLISHED));
    // Nor for another tag of its image: it keeps the one that it has.
    expect(inputsOf({ ...MADE, image: 'sha256:0a1b' } as typeof MADE, PUBLISHED)).toBe(inputsOf(MADE, PUBLISHED));
    expect(inputsOf(MADE, { ...PUBLISHED, httpsPort: 8443 })).not.toBe(inputsOf(MADE, PUBLISHED));
  });

  it('has IPv6 of its own where it is published there', () => {
    const compose = JSON.parse(composeFile(MADE, { ...PUBLISHED, addresses: ['0.0.0.0', '::'] }));
    expect(compose.networks.default).toEqual({
      enable_ipv6: true,
      ipam: { config: [{ subnet: expect.stringMatching(/^fd[0-9a-f]{2}:[0-9a-f]{4}:[0-9a-f]{4}:1::\/64$/) }] },
    });
    expect(compose.services.front.ports).toContain('[::]:443:8443');
    const ipv6: Claims = { version: 1, projects: { a: claim(['a.org'], { addresses: ['::'] }) } };
    expect(configFiles(ipv6)['haproxy.cfg']).toContain('bind :::8443 v6only');
  });
});

describe('what is due', () => {
  const wanted = { inputs: 'i', config: 'c' };
  const running = { state: 'running', health: 'healthy', inputs: 'i', image: 'medianest/balancer:1' } as const;
  it.each([
    [undefined, 'c', 'up'],
    [{ ...running, inputs: 'other' }, 'c', 'up'],
    [{ ...running, state: 'exited', health: 'none' as const }, 'c', 'up'],
    [{ ...running, health: 'unhealthy' as const }, 'c', 'up'],
    [running, 'before', 'reload'],
    [running, undefined, 'reload'],
    [running, 'c', undefined],
  ])('%j that has read %s: %s', (container, applied, action) => {
    expect(due({ container, applied }, wanted)?.action).toBe(action);
  });

  it('is another container where the folder was deleted that it has', () => {
    expect(due({ container: running, applied: undefined, lost: true }, wanted)).toMatchObject({ action: 'up' });
    expect(isStuck({ container: running, applied: undefined, lost: true }, wanted.config)).toBe(true);
  });

  it('is a newer image only where that is asked for; the engine names an image whose tag is another’s by its id', () => {
    const newest = { ...wanted, image: 'medianest/balancer:1' };
    const built = { ...running, image: 'sha256:0a1b' };
    expect(due({ container: built, applied: 'c' }, wanted)).toBeUndefined();
    expect(due({ container: built, applied: 'c' }, newest)).toMatchObject({ action: 'up', cause: expect.stringContaining('newer image') });
    expect(due({ container: running, applied: 'c' }, newest)).toBeUndefined();
  });

  it.each([
    [undefined, undefined, false],
    [{ ...running, health: 'unhealthy' as const }, 'c', true],
    [{ ...running, state: 'restarting' }, 'c', true],
    // It starts with what it was to read then: its start alone would leave it so.
    [{ ...running, health: 'starting' as const }, 'before', true],
    [{ ...running, health: 'starting' as const }, 'c', false],
    [{ ...running, state: 'exited' }, 'before', false],
  ])('%j that has read %s: replaced %s', (container, applied, replaced) => {
    expect(isStuck({ container, applied }, wanted.config)).toBe(replaced);
  });
});

describe('what is told', () => {
  const status: FrontStatus = { name: MADE.name, root: '/front', image: MADE.image, state: 'healthy', reads: true, claims: both };
  const verdict = (more: Partial<FrontStatus>, names = SHOP.names) => frontChecks({ ...status, ...more }, 'shop', names)[0];

  it('is ok where the front serves the names of the project', () => {
    expect(verdict({})).toMatchObject({ id: 'front', status: 'ok', message: expect.stringContaining('shop.example.org') });
    expect(frontNote(status, 'shop', MADE.image)).toBe('Front: healthy, at 0.0.0.0, ports 80 and 443; shared with media');
    expect(frontNote(status, 'shop', 'medianest/balancer:2')).toMatch(/another image .*: `medianest front up` replaces it$/);
    expect(describeFront(status)).toContain('media  media.example.org, www.example.org');
    expect(describeFront({ ...status, claims: NO_CLAIMS })).toBe('No project shares ports here.');
  });

  it.each([
    [{ state: 'missing' }, undefined, 'fail'],
    [{ state: 'exited' }, undefined, 'fail'],
    [{ state: 'unhealthy' }, undefined, 'fail'],
    [{ state: 'starting' }, undefined, 'warn'],
    [{ reads: false }, undefined, 'warn'],
    [{}, ['shop.example.org', 'store.example.org'], 'fail'],
    [{ claims: NO_CLAIMS }, undefined, 'fail'],
  ])('is not where %j %j: %s', (more, names, expected) => {
    expect(verdict(more, names)).toMatchObject({ status: expected });
  });
});
