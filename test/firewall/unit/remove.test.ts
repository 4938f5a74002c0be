import { expect, it } from 'vitest';
import type { Context } from '../../../src/capability/capability.ts';
import { removeAll } from '../../../src/firewall/apply.ts';
import { unprivileged } from '../../support/command.ts';

it('an uninstall that is not run by root does not say that nothing was changed: the stack is removed by then', async () => {
  const ended = await unprivileged(() => removeAll({} as Context, 'mt-none', '/nonexistent')).catch((error) => error);
  expect(ended).toMatchObject({ code: 'PARTIAL', hint: expect.stringContaining('sudo') });
  expect(ended.message).not.toContain('nothing was changed');
});
