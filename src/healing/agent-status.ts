import type { Context, Project } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { requireManifest } from '../project/open.ts';
import type { AgentSettings } from '../services/agent/agent.ts';
import { containersOf } from '../stack/roles.ts';
import { isHealingPaused } from '../state/pause-healing.ts';
import { agentLog } from './agent-log.ts';
import { lastLook } from './disk/heal-disk.ts';
import type { AgentStatus } from './plan/agent-status.ts';

/** Lines of its log that are read for what it did last. */
const LINES = 200;
/** Of these, so many are shown. */
const SHOWN = 10;

/** What the agent is and did. @throws UserError NOT_RUNNING where the stack has no agent */
export async function agentStatus(context: Context, { loaded, state }: Project): Promise<AgentStatus> {
  const manifest = requireManifest(state);
  const { project } = loaded.settings;
  const agent = loaded.settings.agent as AgentSettings;
  const engine = await context.engine();
  const containers = containersOf(await engine.observe(project), manifest.services, 'agent');
  if (containers.length === 0)
    throw new UserError(
      'NOT_RUNNING',
      'this stack has no agent',
      'profiles that have one: medianest profiles; or `components: { agent: true }`',
    );
  let unread: string | undefined;
  const actions = await agentLog(context, containers, ['--tail', String(LINES)]).catch((error: unknown) => {
    if (!(error instanceof UserError) || error.code !== 'ENGINE_FAILED') throw error;
    unread = error.message;
    return [];
  });
  const disk = lastLook(state);
  return {
    containers: containers.map(({ service, state: now, health }) => ({ service, state: now, health })),
    healing: agent.healing,
    fencing: agent.fence ? 'act' : 'off',
    paused: isHealingPaused(state, context.clock.now()),
    actions: actions.slice(-SHOWN),
    ...(unread !== undefined && { unread }),
    ...(disk && { disk }),
  };
}
