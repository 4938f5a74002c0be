import { existsSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { environmentLayers } from '../config/environment.ts';
import { leaves, settingsSchema } from '../config/schema.ts';
import type { Context } from '../context.ts';
import { UserError } from '../errors.ts';
import { runProgram } from './compose.ts';
import { readOptional, writeAtomic } from './files.ts';
import { type Opened, requireManifest } from './open.ts';

const FOLDER = '/etc/systemd/system';

export interface ScheduleStatus {
  installed: boolean;
  /** The timer waits for its next time. */
  active: boolean;
  /** As systemd prints times; null where there is none. */
  next: string | null;
  last: string | null;
  /** `success`, or what systemd calls the failure; null before the first run. */
  lastResult: string | null;
}

const unitOf = (project: string): string => `medianest-certs-${project}`;

/** One word of a command line as systemd reads it (systemd.service(5), COMMAND LINES). */
const quoted = (text: string): string => `"${text.replace(/[\\"]/g, '\\$&').replaceAll('$', '$$$$').replaceAll('%', '%%')}"`;

/** The two units that run `certs renew` every hour, as whoever owns the state folder. */
export function scheduleUnits(
  project: string,
  run: { command: readonly string[]; folder: string; uid: number; env: Readonly<Record<string, string>> },
): Record<string, string> {
  const unit = unitOf(project);
  return {
    [`${unit}.service`]: [
      '[Unit]',
      `Description=Renew what is due of the certificates of MediaNest ${project}`,
      'Wants=network-online.target',
      'After=network-online.target docker.service',
      '',
      '[Service]',
      'Type=oneshot',
      ...(run.uid === 0 ? [] : [`User=${run.uid}`]),
      `WorkingDirectory=${run.folder.replaceAll('%', '%%')}`,
      ...Object.entries(run.env).map(([name, value]) => `Environment=${quoted(`${name}=${value}`)}`),
      `ExecStart=${run.command.map(quoted).join(' ')}`,
      'TimeoutStartSec=1h',
      '',
    ].join('\n'),
    [`${unit}.timer`]: [
      '[Unit]',
      `Description=Every hour: certificates of MediaNest ${project}`,
      '',
      '[Timer]',
      'OnCalendar=hourly',
      // Not everybody comes to a CA at the full hour.
      'RandomizedDelaySec=30min',
      'Persistent=true',
      '',
      '[Install]',
      'WantedBy=timers.target',
      '',
    ].join('\n'),
  };
}

/** Installs and starts the timer, and runs it once: a schedule that would fail each hour is told now. */
export async function installSchedule(context: Context, { loaded, state }: Opened): Promise<{ units: string[] }> {
  const { project } = loaded.settings;
  requireManifest(state);
  const { flags, home } = context;
  const given: Record<string, string | undefined> = { config: loaded.configFile, state: flags.state && state.root };
  for (const name of ['profile', 'project', 'without'] as const) given[name] = flags[name];
  const command = [
    ...[process.execPath, path.join(home, 'bin/medianest.js'), 'certs', 'renew', '--wait-lock=600'],
    ...Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}=${value}`])),
  ];
  // Unit files are read by everybody, and a setting may be a password.
  const [layer] = environmentLayers(context.env, leaves(settingsSchema(await context.registry())));
  const aside = layer?.origin ?? (flags.set?.[0] && `--set ${flags.set[0].split('=')[0]}`);
  if (aside)
    throw new UserError('USAGE', `${aside} would not be set when the timer runs; nothing was changed`, 'write it into medianest.yml');
  const env = context.env.DOCKER_HOST ? { DOCKER_HOST: context.env.DOCKER_HOST } : {};
  const units = scheduleUnits(project, { command, folder: loaded.root, uid: statSync(state.root).uid, env });
  const files = Object.keys(units).map((name) => path.join(FOLDER, name));
  if (flags.dryRun) return { units: files };
  requireSystemd(command);
  for (const [name, text] of Object.entries(units)) writeAtomic(path.join(FOLDER, name), text);
  await systemctl('daemon-reload');
  await systemctl('enable', '--now', `${unitOf(project)}.timer`);
  await systemctl('start', `${unitOf(project)}.service`).catch((error: Error) => {
    throw new UserError(
      'PARTIAL',
      `the timer is installed, but its first run failed: ${error.message}`,
      `journalctl -u ${unitOf(project)} says why; then: medianest certs schedule install, or remove`,
    );
  });
  return { units: files };
}

/** @returns the units that were there */
export async function removeSchedule(context: Context, { loaded }: Opened): Promise<{ units: string[] }> {
  const unit = unitOf(loaded.settings.project);
  const units = [`${unit}.timer`, `${unit}.service`].map((name) => path.join(FOLDER, name)).filter((file) => existsSync(file));
  if (units.length === 0 || context.flags.dryRun) return { units };
  requireSystemd();
  await systemctl('disable', '--now', `${unit}.timer`);
  for (const file of units) rmSync(file);
  await systemctl('daemon-reload');
  return { units };
}

/** Whether there is a timer, when it runs next, and how its last run ended. */
export async function scheduleStatus({ loaded }: Opened): Promise<ScheduleStatus> {
  const unit = unitOf(loaded.settings.project);
  const none = { installed: false, active: false, next: null, last: null, lastResult: null };
  if (readOptional(path.join(FOLDER, `${unit}.timer`)) === undefined) return none;
  const timer = await show(`${unit}.timer`, 'ActiveState', 'NextElapseUSecRealtime', 'LastTriggerUSec');
  const service = await show(`${unit}.service`, 'Result', 'ExecMainExitTimestamp');
  return {
    installed: true,
    active: timer.ActiveState === 'active',
    next: timer.NextElapseUSecRealtime || null,
    last: service.ExecMainExitTimestamp || null,
    lastResult: service.ExecMainExitTimestamp ? (service.Result ?? null) : null,
  };
}

async function show(unit: string, ...properties: string[]): Promise<Record<string, string | undefined>> {
  const text = await systemctl('show', unit, ...properties.map((name) => `--property=${name}`));
  return Object.fromEntries(text.split('\n').map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
}

async function systemctl(...args: string[]): Promise<string> {
  const { exitCode, stdout, tail } = await runProgram('systemctl', args);
  if (exitCode === 0) return stdout;
  throw new UserError('HOST_UNFIT', `systemctl ${args.join(' ')}: ${tail.slice(-2).join(' ') || exitCode}`, 'journalctl -xe says more');
}

/** @param command what any other scheduler would have to run */
function requireSystemd(command?: readonly string[]): void {
  if (!existsSync('/run/systemd/system')) {
    const line = command?.map((word) => (/^[\w./=:-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(' ');
    throw new UserError(
      'HOST_UNFIT',
      'systemd does not run here; nothing was changed',
      line ? `have another scheduler run this every hour, in cron for example: 17 * * * * ${line}` : 'remove it where it was installed',
    );
  }
  if (process.getuid?.() === 0) return;
  throw new UserError('USAGE', `only root may change ${FOLDER}; nothing was changed`, 'run the same command with sudo');
}
