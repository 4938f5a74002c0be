import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { HOME } from '../support/cli.ts';
import { hardened, hardeningDocument, hasHealthCheck, kept } from '../support/hardening.ts';
import { CASES, load, stackOf } from '../support/settings.ts';

const prod = stackOf(load({ flags: { profile: 'prod' } }));

it('docs/hardening.md says what prod is', async () => {
  await expect(hardeningDocument(hardened(prod))).toMatchFileSnapshot(path.join(HOME, 'docs/hardening.md'));
});

const stacks = { prod, ...Object.fromEntries(Object.entries(CASES).map(([name, options]) => [name, stackOf(load(options))])) };

describe.each(Object.entries(stacks))('%s', (_name, stack) => {
  it.each(hardened(stack).map((entry) => [entry.service.component, entry] as const))('%s is hardened', (_component, entry) => {
    const { compose, service } = entry;
    expect(compose).toMatchObject({
      // Root is one for the sake of a capability alone, and says why (`kept`).
      user: compose.cap_add ? expect.any(String) : expect.stringMatching(/^[1-9]\d*:[1-9]\d*$/),
      read_only: true,
      init: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      mem_limit: service.memoryBytes,
      memswap_limit: service.memoryBytes,
      cpus: expect.any(Number),
      pids_limit: expect.any(Number),
      ulimits: { nofile: { soft: expect.any(Number), hard: expect.any(Number) } },
      logging: { options: { 'max-size': expect.any(String), 'max-file': expect.any(String) } },
      stop_grace_period: expect.stringMatching(/^\d+s$/),
    });
    expect(compose.privileged).toBeUndefined();
    expect(compose.cpus).toBeLessThanOrEqual(2);
    expect(hasHealthCheck(entry)).toBe(true);
  });

  it.each(hardened(stack).map((entry) => [entry.service.component, entry] as const))(
    '%s says why it keeps what it keeps',
    (_component, entry) => {
      const unexplained = kept(entry).filter(({ key }) => !entry.service.keeps?.[key]);
      expect(unexplained).toEqual([]);
    },
  );
});
