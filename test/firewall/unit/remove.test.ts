import { expect, it } from 'vitest';
import { removeAll } from '../../../src/firewall/apply.ts';
import { unprivileged } from '../../support/command.ts';

it('an uninstall that is not run by root does not say that nothing was changed: the stack is removed by then', async () => {
  const ended = await unprivileged(() => removeAll('mt-none', '/nonexistent')).catch((error) => error);
  expect(ended).toMatchObject({ code: 'PARTIAL', hint: expect.stringContaining('sudo') });
  expect(ended.message).not.toContain('nothing was changed');
});
