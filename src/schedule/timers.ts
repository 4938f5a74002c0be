import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Context, Project, Timer } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { exists, removeTree, statOptional, writeAtomic } from '../core/files.ts';
import { shellWord } from '../core/shell-word.ts';
import { runProgram } from '../docker/compose.ts';
import { requireManifest } from '../project/open.ts';
import { environmentLayers } from '../settings/environment.ts';
import { leaves, settingsSchema } from '../settings/schema.ts';
import { systemdTime, type TimedRun, timedCommand, timerUnit, timerUnits } from './plan/timers.ts';

const FOLDER = '/etc/systemd/system';

export interface TimerStatus {
  unit: string;
  /** It waits for its next time. */
  active: boolean;
  /** As systemd prints times; null where there is none. */
  next: string | null;
  last: string | null;
  /** `success`, or what systemd calls the failure; null before the first run. */
  lastResult: string | null;
}

/** The unit files as they would be installed: name -> text. @throws UserError where a run would not see what this one sees */
export async function unitFiles(context: Context, project: Project, timers: readonly Timer[]): Promise<Record<string, string>> {
  return timerUnits(project.loaded.settings.project, timers, await timedRun(context, project));
}

/**
 * Installs and starts the timers. @param first run each once: a schedule that would fail each time is reported now
 * @returns the unit files
 */
export async function installTimers(context: Context, project: Project, timers: readonly Timer[], first: boolean): Promise<string[]> {
  requireManifest(project.state);
  const name = project.loaded.settings.project;
  const run = await timedRun(context, project);
  requireSystemd(timers, run);
  const units = timerUnits(name, timers, run);
  for (const [name, text] of Object.entries(units)) writeAtomic(path.join(FOLDER, name), text, 0o644, null);
  await systemctl(['daemon-reload']);
  await systemctl(['enable', '--now', ...timers.map((timer) => `${timerUnit(name, timer)}.timer`)]);
  for (const timer of first ? timers : []) {
    const unit = timerUnit(name, timer);
    await systemctl(['start', `${unit}.service`]).catch((error: Error) => {
      throw new UserError(
        'PARTIAL',
        `the timer is installed, but its first run failed: ${error.message}`,
        `journalctl -u ${unit} says why; then run the same command again`,
      );
    });
  }
  return Object.keys(units).map((name) => path.join(FOLDER, name));
}

/** @returns the unit files that were there */
export async function removeTimers(context: Context, { loaded }: Project, timers: readonly Timer[]): Promise<string[]> {
  const files = installedUnits(loaded.settings.project, timers);
  if (!context.flags.dryRun) await removeUnits(files);
  return files;
}

/** The unit files of these timers that are there. */
export const installedUnits = (project: string, timers: readonly Timer[]): string[] =>
  timers
    .flatMap((timer) => ['timer', 'service'].map((kind) => path.join(FOLDER, `${timerUnit(project, timer)}.${kind}`)))
    .filter((file) => exists(file));

export async function removeUnits(files: readonly string[]): Promise<void> {
  if (files.length === 0) return;
  requireSystemd([], undefined);
  await systemctl(['disable', '--now', ...files.filter((file) => file.endsWith('.timer')).map((file) => path.basename(file))]);
  for (const file of files) removeTree(file);
  await systemctl(['daemon-reload']);
}

/** Of each timer that is installed: when it runs next, and how its last run ended. */
export async function timerStatus({ loaded }: Project, timers: readonly Timer[]): Promise<TimerStatus[]> {
  const units = timers.map((timer) => timerUnit(loaded.settings.project, timer));
  const statuses: TimerStatus[] = [];
  for (const unit of units.filter((name) => exists(path.join(FOLDER, `${name}.timer`)))) {
    const timer = await show(`${unit}.timer`, 'ActiveState', 'NextElapseUSecRealtime');
    const service = await show(`${unit}.service`, 'Result', 'ExecMainExitTimestamp');
    statuses.push({
      unit,
      active: timer.ActiveState === 'active',
      next: timer.NextElapseUSecRealtime || null,
      last: service.ExecMainExitTimestamp || null,
      lastResult: service.ExecMainExitTimestamp ? (service.Result ?? null) : null,
    });
  }
  return statuses;
}

/** When systemd runs the first of these timers that are installed; undefined where none is, or systemd cannot be asked. */
export async function nextElapse(project: string, timers: readonly Timer[]): Promise<Date | undefined> {
  const units = timers.map((timer) => `${timerUnit(project, timer)}.timer`).filter((name) => exists(path.join(FOLDER, name)));
  const times: Date[] = [];
  for (const unit of units) {
    const args = ['show', unit, '--property=NextElapseUSecRealtime', '--value'];
    const stdout = await systemctl(args, { TZ: 'UTC' }).catch(() => '');
    times.push(...[systemdTime(stdout)].filter((time) => time !== undefined));
  }
  return times.sort((a, b) => a.getTime() - b.getTime())[0];
}

/**
 * The same settings as now, as the owner of the state folder. @param when it runs, in the message
 * @throws UserError USAGE where a setting is in the environment or in `--set`: a unit file would show it
 */
export async function timedRun(context: Context, { loaded, state }: Project, when = 'when the timer runs'): Promise<TimedRun> {
  const { flags, home } = context;
  const given: Record<string, string | undefined> = { config: loaded.configFile, state: flags.state && state.root };
  for (const name of ['profile', 'project', 'without'] as const) given[name] = flags[name];
  const { timezone } = loaded.settings.jobs;
  // Unit files are read by everybody, and a setting may be a password.
  const [layer] = environmentLayers(context.env, leaves(settingsSchema(await context.registry())));
  const aside = layer?.origin ?? (flags.set?.[0] && `--set ${flags.set[0].split('=')[0]}`);
  if (aside) throw new UserError('USAGE', `${aside} would not be set ${when}; nothing was changed`, 'write it into medianest.yml');
  return {
    program: [process.execPath, path.join(home, 'bin/medianest.js')],
    options: Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}=${value}`])),
    folder: loaded.root,
    // Before the first `up` it will belong to who runs that.
    uid: statOptional(state.root)?.uid ?? process.geteuid?.() ?? 0,
    env: context.env.DOCKER_HOST ? { DOCKER_HOST: context.env.DOCKER_HOST } : {},
    ...(timezone !== 'host' && { zone: timezone }),
  };
}

async function show(unit: string, ...properties: string[]): Promise<Record<string, string | undefined>> {
  const text = await systemctl(['show', unit, ...properties.map((name) => `--property=${name}`)]);
  return Object.fromEntries(text.split('\n').map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
}

async function systemctl(args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const { exitCode, stdout, tail } = await runProgram('systemctl', args, { env });
  if (exitCode === 0) return stdout;
  throw new UserError('HOST_UNFIT', `systemctl ${args.join(' ')}: ${tail.slice(-2).join(' ') || exitCode}`, 'journalctl -xe says more');
}

/** @param run what any other scheduler would have to run */
function requireSystemd(timers: readonly Timer[], run: TimedRun | undefined): void {
  if (!existsSync('/run/systemd/system')) {
    const words = (timer: Timer) => (run ? timedCommand(timer, run).map(shellWord).join(' ') : '');
    const [one, ...more] = timers;
    const others = more.length > 0 ? `; the others: ${more.map(({ command, cron }) => `${cron} ${command.join(' ')}`).join(', ')}` : '';
    throw new UserError(
      'HOST_UNFIT',
      'systemd does not run here; nothing was changed',
      one
        ? `have cron run this: ${one.cron} ${words(one)}${others}; or keep \`medianest jobs watch\` running`
        : 'remove it where it was installed',
    );
  }
  if (process.getuid?.() === 0) return;
  throw new UserError('USAGE', `only root may change ${FOLDER}; nothing was changed`, 'run the same command with sudo');
}
