import type { Seen } from '../capability/capability.ts';
import type { Check } from '../capability/check.ts';
import { type LogsSettings, storeNow, storeOf } from '../services/agent/log-egress.ts';
import { withRole } from '../stack/roles.ts';
import { holderOf } from './holder.ts';
import { judgeLogs, type LogStatus, statusOf } from './plan/judge.ts';

/** Where the agent writes how its shipping of logs stands (src/agent/run.ts). */
const STATUS_FILE = '/run/agent-logs.json';

const NO_AGENT: Check = {
  id: 'logs',
  status: 'warn',
  message: 'logs.store has no effect: this stack has no agent, which takes the lines of containers',
  remedy: 'set `components: { agent: true, engine-proxy: true }`, or `logs: { store: off }`',
};

/** For `health`: whether the lines of containers are stored. */
export async function logChecks(seen: Seen): Promise<Check[]> {
  const { engine, containers, project, manifest } = seen;
  const store = storeOf(project.loaded.settings);
  if (!manifest || store === 'off') return [];
  // Where it is only what `observability` brings, the agent was not chosen for it.
  const chosen = store !== 'files' || (project.loaded.settings.logs as LogsSettings).store !== undefined;
  if (withRole(manifest.services, 'agent').length === 0) return chosen ? [NO_AGENT] : [];
  const agent = holderOf(containers, project.loaded.settings.project);
  // That it does not run is told by the check of its container.
  if (agent?.state !== 'running') return [];
  const now = seen.context.clock.now().getTime();
  let status: LogStatus | undefined;
  for (let attempt = 0; attempt < 2 && !status; attempt++) status = statusOf((await engine.exec(agent.id, ['cat', STATUS_FILE])).output);
  return judgeLogs(status, storeNow(project.loaded.settings, manifest.leftOut), now);
}
