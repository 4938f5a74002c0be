import { expect, it } from 'vitest';
import { planBackup } from '../../../src/backup/dry-run.ts';
import type { Capability, Context } from '../../../src/capability/capability.ts';
import { UserError } from '../../../src/core/errors.ts';
import { StateFolder } from '../../../src/state/state.ts';
import { load } from '../../support/settings.ts';

it('a dry run is refused by whatever capability refuses the backup itself', async () => {
  const refusal = new UserError('LOCKED', 'not now', 'later');
  const asked: string[] = [];
  const capability = (name: string, guard: () => void): Capability => ({ name, commands: [], guard });
  const context = {
    capabilities: async () => [
      capability('first', () => {
        asked.push('first');
      }),
      capability('second', () => {
        throw refusal;
      }),
    ],
  } as Pick<Context, 'capabilities'> as Context;
  const project = { loaded: load(), state: new StateFolder('/nonexistent/medianest') };
  await expect(planBackup(context, project, 'full')).rejects.toBe(refusal);
  expect(asked).toEqual(['first']);
});
