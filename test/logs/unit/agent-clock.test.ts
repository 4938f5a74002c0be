import { expect, it, vi } from 'vitest';
import type { AgentConfig } from '../../../src/agent/config.ts';
import type { ShipperEffects } from '../../../src/agent/logs/log-store.ts';
import { run } from '../../../src/agent/run.ts';

const config = {
  project: 'p',
  engine: { socket: '/no-engine.sock', ping: '/_ping', events: '/events', list: '/containers/json' },
  containers: [],
  healing: 'off',
  fence: false,
  cache: null,
  metrics: null,
  logs: { folder: '/no-folder', containers: [], days: 14, size: 1, buffer: 1, target: null },
} as unknown as AgentConfig;
const begun: ShipperEffects[] = [];

vi.mock('../../../src/agent/config.ts', async (original) => ({ ...(await original<object>()), readConfig: () => config }));
vi.mock('../../../src/agent/logs/shipper.ts', () => ({
  shipLogs: async (_config: unknown, _logs: unknown, effects: ShipperEffects) => void begun.push(effects),
}));

it('the agent hands the shipper the clock on the wall: files are named by it, and health compares it', async () => {
  const stop = new AbortController();
  const done = run(() => {}, stop.signal);
  await vi.waitFor(() => expect(begun).toHaveLength(1));
  stop.abort();
  await done;
  expect(Math.abs((begun[0]?.now() ?? 0) - Date.now())).toBeLessThan(60_000);
});
