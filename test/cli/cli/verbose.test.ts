import { describe, expect, it } from 'vitest';
import { folder } from '../../support/command.ts';

const ENGINE_CALL = /^engine observe mt-cli: [\d.]+ m?s$/m;
const PROGRAM = /^docker compose version --short: status 0 after [\d.]+ m?s$/m;

describe('--verbose', () => {
  const own = folder();

  it('shows each engine call and each program with its time on stderr, and leaves stdout as it is', async () => {
    const plain = await own.run(['status', '--json']);
    const verbose = await own.run(['status', '--json', '--verbose']);
    expect(verbose.stderr).toMatch(ENGINE_CALL);
    expect([verbose.status, verbose.stdout]).toEqual([plain.status, plain.stdout]);
    expect((await own.run(['doctor', '--verbose'])).stderr).toMatch(PROGRAM);
  });

  it('is needed for that, and gives way to --quiet', async () => {
    for (const flags of [[], ['--quiet', '--verbose']]) {
      const { stderr } = await own.run(['doctor', ...flags]);
      expect(stderr).not.toMatch(PROGRAM);
      expect(stderr).not.toMatch(/^engine /m);
    }
  });
});
