import { describe, expect, it } from 'vitest';
import { errorPages } from '../../../src/services/edge/edge-pages.ts';
import { staticPattern } from '../../../src/services/edge/settings/cdn.ts';
import { nginxText } from '../../../src/services/edge/settings/edge-text.ts';
import { load, stackOf } from '../../support/settings.ts';

describe('static files', () => {
  const isStatic = (path: string, paths = ['*.js', '/assets/'], except = ['/api/', '/a.b/']) =>
    new RegExp(staticPattern({ paths, except }), 'i').test(path);
  it.each(['/a.js', '/A.JS', '/x/y.z/a-b_c~1@2+3.js', '/assets/logo', '/assets/x/y'])('%s is one', (path) => {
    expect(isStatic(path)).toBe(true);
  });
  it.each([
    ...['/', '/a', '/a.json', '/.js', '/js', '/a.js/', '/assets/', '/assetsx', '/api/a.js', '/API/a.js', '/a.b/c.js'],
    ...["/a'b.js", '/<b>.js', '/a b.js', '/a%2527.js', '/a;b.js', '/é.js', '/a\n.js', '/a.js\n', '/assets/a?b'],
  ])('%s is none', (path) => {
    expect(isStatic(path)).toBe(false);
  });
  it('takes an exception literally', () => {
    expect(isStatic('/axb/c.js')).toBe(true);
  });
});

describe('texts for nginx', () => {
  it('hold no variable, no end and no escape', () => {
    expect(nginxText('a "b" \\ $c ${d} ; }')).toBe('"a \\"b\\" \\\\ ${usd}c ${usd}{d} ; }"');
  });
  it('fit into its buffer of 4096 bytes, whatever an operator writes', () => {
    for (const message of ['$', '"', '\\', '語', '🎬', '$"'].map((text) => text.repeat(600))) {
      const page = errorPages({ message, retryAfterSeconds: 1, since: '' }, false).find(({ status }) => status === 503);
      expect(Buffer.byteLength(page?.text ?? '')).toBeLessThan(4000);
      expect(Buffer.byteLength(page?.jsonText ?? '')).toBeLessThan(4000);
    }
  });
});

describe('the edge', () => {
  const edge = (file: string) => stackOf(load({ file, flags: { profile: 'dev-compose' } })).services.find(({ name }) => name === 'edge');
  it('has a certificate for the host of static files, while that is served', () => {
    expect(edge('cdn: { host: static.test }')?.certificate?.subjects).not.toContain('static.test');
    expect(edge('components: { cdn: true }\ncdn: { host: static.test }')?.certificate?.subjects).toContain('static.test');
  });
  it('refuses a host of static files that is the portal’s too', () => {
    expect(() => edge('components: { cdn: true }\ncdn: { host: localhost }')).toThrow(
      'cdn.host localhost is one of the portal’s own names too',
    );
  });
  it('links to the port that the world sees, and from this host to the published one', () => {
    const mapped = edge('edge: { domains: [a.example, localhost], publicPort: 443, publicHttpPort: 80 }');
    expect(mapped?.urls).toEqual(['https://a.example/', 'https://localhost:8443/']);
    expect(mapped?.certificate?.listUrl).toMatch(/^http:\/\/a\.example\/\.well-known/);
    const published = edge('edge: { domains: [a.example] }');
    expect(published?.urls).toEqual(['https://a.example:8443/']);
    expect(published?.certificate?.listUrl).toMatch(/^http:\/\/a\.example:8080\//);
  });
  it('keeps no more connections than its memory limit holds', () => {
    const connections = (memory: string) => Number(edge(`edge: { memory: ${memory} }`)?.view.workerConnections);
    expect([connections('64m'), connections('4g')]).toEqual([256, 7500]);
    for (const megabytes of [256, 512]) expect(connections(`${megabytes}m`) * 2 * 53).toBeLessThan((megabytes - 64) * 1024);
    // More than 2,000 slow clients leave room for others.
    expect(connections('512m') * 2).toBeGreaterThan(7000);
  });
  it('renders the same for more replicas, so that `scale` reloads nothing', () => {
    const scaled = (replicas: number) => edge(`components: { balancer: true }\napp: { replicas: ${replicas} }`)?.view;
    expect(scaled(5)).toEqual(scaled(3));
    expect(scaled(2)).not.toEqual(scaled(3));
  });
});
