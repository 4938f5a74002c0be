import { type Command, type Context, done, type Result } from '../../capability/capability.ts';
import { EXIT } from '../../core/errors.ts';
import { plural } from '../../core/plural.ts';

const openProject = async (context: Context) => {
  const { open, requireManifest } = await import('../../project/open.ts');
  const project = await open(context);
  requireManifest(project.state);
  return project;
};

async function list(context: Context): Promise<Result> {
  const { listAlerts } = await import('../list.ts');
  const { describeAlerts } = await import('../plan/describe.ts');
  const found = await listAlerts(context, await openProject(context));
  return done(found, describeAlerts(found.alerts, context.clock.now()));
}

export const alerts: Command = {
  name: 'alerts',
  section: 'Look',
  summary: 'What alerts now: the cause, what it costs and the fix, the root cause first',
  example: 'medianest alerts',
  run: list,
};

export const alertsList: Command = {
  name: 'alerts list',
  summary: 'What alerts now, as `alerts` says it',
  example: 'medianest alerts list --json',
  run: list,
};

export const alertsTest: Command = {
  name: 'alerts test',
  summary: 'Send a test through every channel, or one, and say whether its receiver took it (exit 4 if one did not)',
  example: 'medianest alerts test phone',
  args: '[channel]',
  run: async (context, [channel]) => {
    const { testChannels, testDeadMan } = await import('../test-channels.ts');
    const { DEAD_MAN } = await import('../../services/monitoring/alerts-settings.ts');
    const project = await openProject(context);
    if (context.flags.dryRun) {
      const { alertsOfProject } = await import('../channels.ts');
      const names = channel === undefined ? Object.keys(alertsOfProject(project).channels) : [channel];
      return done({ channels: names, result: 'planned' }, `would send a test to ${names.join(', ') || 'no channel'}`);
    }
    const channels = await testChannels(context, project, channel);
    const deadMan = channel === undefined || channel === DEAD_MAN ? await testDeadMan(context, project) : undefined;
    const line = (name: string, { accepted, problem }: { accepted: boolean; problem: string | null }) =>
      `${name}: ${accepted ? 'accepted' : `not accepted: ${problem}`}`;
    const text = [
      ...channels.map(
        (result) => `${line(`${result.channel} (${result.kind})`, result)}${result.accepted ? ` after ${result.seconds} s` : ''}`,
      ),
      ...(deadMan ? [line('dead man’s switch', deadMan)] : []),
    ];
    const failed = [...channels, ...(deadMan ? [deadMan] : [])].some(({ accepted }) => !accepted);
    return done({ channels, deadMan: deadMan ?? null }, text.join('\n'), failed ? EXIT.partial : EXIT.done);
  },
};

export const alertsCheck: Command = {
  name: 'alerts check',
  summary: 'Ask the health checks and tell the channels what is new: for a timer, where there is no Prometheus',
  example: 'medianest alerts check',
  run: async (context) => {
    const { sends } = await import('../plan/schedule.ts');
    const { alertsOfProject } = await import('../channels.ts');
    const { hasAlertmanager } = await import('../alertmanager.ts');
    const project = await openProject(context);
    if (hasAlertmanager(project)) return done({ result: 'elsewhere' }, 'nothing to do: Alertmanager tells the channels');
    if (!sends(alertsOfProject(project))) return done({ result: 'nowhere' }, 'nothing to do: there is no channel (docs/alerts.md)');
    if (context.flags.dryRun) return list(context);
    const { checkRound } = await import('../check-round.ts');
    const round = await checkRound(context, project);
    const told = round.delivered.map(({ channel, alerts: count, problem }) =>
      problem === undefined ? `${channel} was told of ${plural(count, 'alert')}` : `${channel} was not told: ${problem}; it is tried again`,
    );
    const deadMan = round.deadMan === null ? [] : [`the dead man’s switch was not reached: ${round.deadMan}`];
    const text = [...told, ...deadMan].join('\n') || `nothing new to tell; ${plural(round.firing, 'check')} not ok`;
    return done({ result: 'done', ...round }, text);
  },
};
