import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Context } from '../../../src/capability/capability.ts';
import { dockerCli } from '../../../src/docker/compose.ts';
import type { ObservedContainer } from '../../../src/docker/types.ts';
import { agentLog } from '../../../src/healing/agent-log.ts';
import { describeAgent } from '../../../src/healing/plan/agent-status.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const before = process.env.PATH;
afterEach(() => {
  process.env.PATH = before;
});

const CONTAINERS = [{ id: 'aaa', service: 'agent' } as ObservedContainer];

/** Reads the log by a client of the engine that does this. */
function reading(script: string) {
  const bin = path.join(temporaryFolder('agent-log'), 'bin');
  mkdirSync(bin);
  writeFileSync(path.join(bin, 'docker'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  process.env.PATH = `${bin}:${before}`;
  const context = { docker: async () => dockerCli, signal: new AbortController().signal } as unknown as Context;
  return agentLog(context, CONTAINERS, ['--tail', '5']);
}

describe('the agent’s log', () => {
  it('that the engine does not give is not one without actions', async () => {
    await expect(
      reading('echo "Error response from daemon: configured logging driver does not support reading" >&2; exit 1'),
    ).rejects.toThrow('the log of agent cannot be read: Error response from daemon: configured logging driver does not support reading');
  });

  it('of a container that was replaced meanwhile is gone', async () => {
    expect(await reading('echo "Error response from daemon: No such container: aaa" >&2; exit 1')).toEqual([]);
  });

  it('that cannot be read is told as such', () => {
    const status = { containers: [], healing: 'act', fencing: 'act', paused: false, actions: [] } as const;
    expect(describeAgent({ ...status, containers: [], actions: [] })).toContain('It has done nothing yet');
    const told = describeAgent({ ...status, containers: [], actions: [], unread: 'the engine is away' });
    expect(told).toContain('What it did cannot be told: the engine is away');
    expect(told).not.toContain('nothing yet');
  });
});
