import { describe, expect, it } from 'vitest';
import { removesAccess } from '../../../src/users/plan/requests.ts';
import { rowOf, type Session } from '../../../src/users/plan/sessions.ts';
import { load, rendered, stackOf } from '../../support/settings.ts';

const SESSION: Session = {
  ...{ id: '0123456789ab', since: '2026-11-30T08:00:00Z', address: '203.0.113.5', network: '203.0.113.5', agent: 'Films/1', factor: true },
  networks: [
    { network: '198.51.100.7', last: '2026-11-30T09:00:00Z' },
    { network: '203.0.113.5', last: '2026-11-30T08:30:00Z' },
  ],
};

describe('a session', () => {
  it('is shown with where it began, when it was used last, and where else', () => {
    expect(rowOf(SESSION)).toEqual([
      ...['0123456789ab', '2026-11-30T08:00:00Z', '203.0.113.5', '2026-11-30T09:00:00Z'],
      ...['198.51.100.7', 'yes', 'Films/1'],
    ]);
    const six = { address: '2001:db8:1:2::5', network: '2001:db8:1:2::/64' };
    expect(rowOf({ ...SESSION, ...six, networks: [{ network: six.network, last: '2026-11-30T09:00:00Z' }] })[4]).toBe('-');
    expect(rowOf({ ...SESSION, networks: [], agent: '', factor: false }).slice(3)).toEqual(['-', '-', 'no', '-']);
  });

  it('has an agent that cannot write on the terminal', () => {
    expect(rowOf({ ...SESSION, agent: 'a\u001b[31mb\nc\u202ed' }).at(-1)).toBe('a?[31mb?c?d');
  });

  it('is ended by a command that takes access away', () => {
    expect([removesAccess({ command: 'session-end' }), removesAccess({ command: 'sessions' })]).toEqual([true, false]);
  });
});

describe('signOn.address', () => {
  const files = (mode: string) =>
    Object.fromEntries(
      rendered(stackOf(load({ file: `profile: staging\nsignOn: { address: ${mode} }\n` }))).files.map(
        ({ path, contents }) => [path, contents] as const,
      ),
    );

  it.each([
    ['off', false, false],
    ['tell', true, false],
    ['bind', true, true],
  ])('%s decides what an answer is remembered by, and whether the provider’s pages look', (mode, looks, binds) => {
    const all = files(mode);
    expect(all['edge/sign-on-signed.conf']).toContain(`"$session_cookie $asks_for $host${looks ? ' $client' : ''}";`);
    expect(all['edge/sign-on-http.conf']).toContain(`fastcgi_cache_key "$http_cookie $http_needs${binds ? ' $http_client' : ''}";`);
    expect(all['edge/sign-on-server.conf']).toContain(`location ^~ /auth/ {\n  auth_request ${looks ? '/.edge/address' : 'off'};`);
    expect(all['edge/sign-on-server.conf']?.includes('location = /.edge/address')).toBe(looks);
    // If it cannot be told, a bound session does not reach the provider's pages.
    expect(all['edge/sign-on-server.conf']?.includes('error_page 401 403 = @looked_at;\n')).toBe(binds);
    expect(all['edge/sign-on-server.conf']?.includes('error_page 401 403 500 502 503 504 = @looked_at;\n')).toBe(looks && !binds);
    expect(all['compose.yml']?.includes(`SIGN_ON_ADDRESS: "${mode}"`)).toBe(mode !== 'off');
  });
});
