import path from 'node:path';
import { expect, it } from 'vitest';
import { topology } from '../../src/plan/topology.ts';
import { svg } from '../../src/ui/topology/svg.ts';
import { HOME } from '../support/cli.ts';
import { load, stackOf } from '../support/settings.ts';

it('docs/images/topology.svg shows what prod is', async () => {
  const prod = stackOf(load({ flags: { profile: 'prod' } }));
  await expect(`${svg(topology(prod, {}))}\n`).toMatchFileSnapshot(path.join(HOME, 'docs/images/topology.svg'));
});
