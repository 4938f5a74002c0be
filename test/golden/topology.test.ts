import path from 'node:path';
import { expect, it } from 'vitest';
import { svg } from '../../src/topology/draw/svg.ts';
import { topology } from '../../src/topology/plan/topology.ts';
import { HOME } from '../support/cli.ts';
import { load, stackOf } from '../support/settings.ts';

it('docs/images/topology.svg shows what prod is', async () => {
  const prod = stackOf(load({ flags: { profile: 'prod' } }));
  await expect(`${svg(topology(prod, {}))}\n`).toMatchFileSnapshot(path.join(HOME, 'docs/images/topology.svg'));
});
