import type { Timer } from '../../capability/capability.ts';
import { type Cron, parseCron } from '../../core/cron.ts';
import { systemdCalendar } from './calendar.ts';

/** Two commands at once wait for each other. */
const WAIT = '--wait-lock=3600';

/** The one timer of those who have medianest run its jobs: it works as long as anything is due, and systemd waits for that. */
export const RUNNER: Timer = { name: 'jobs', cron: '* * * * *', jitter: 0, command: ['jobs', 'run-due'], longest: 'infinity' };

/** How medianest is run by a timer. */
export interface TimedRun {
  /** Program and first arguments, absolute. */
  program: readonly string[];
  /** Arguments after the command's own. */
  options: readonly string[];
  /** Where medianest.yml is. */
  folder: string;
  /** 0 for root. */
  uid: number;
  env: Readonly<Record<string, string>>;
  /** Of the times, where it is not the host's. */
  zone?: string;
}

export const timerUnit = (project: string, { name }: Timer): string => `medianest-${project}-${name}`;

export const timedCommand = ({ command }: Pick<Timer, 'command'>, { program, options }: TimedRun): string[] => [
  ...program,
  ...command,
  WAIT,
  ...options,
];

/** A service and its timer for each: file name -> text. */
export function timerUnits(project: string, timers: readonly Timer[], run: TimedRun): Record<string, string> {
  return Object.fromEntries(
    timers.flatMap((timer) => {
      const title = timer.command.join(' ');
      const service = [
        '[Unit]',
        `Description=MediaNest ${project}: ${title}`,
        'Wants=network-online.target',
        'After=network-online.target docker.service',
        '',
        '[Service]',
        'Type=oneshot',
        ...(run.uid === 0 ? [] : [`User=${run.uid}`]),
        `WorkingDirectory=${escaped(run.folder)}`,
        ...Object.entries(run.env).map(([name, value]) => `Environment=${quoted(`${name}=${value}`)}`),
        `ExecStart=${timedCommand(timer, run).map(quoted).join(' ')}`,
        'Nice=5',
        'IOSchedulingClass=idle',
        `TimeoutStartSec=${timer.longest ?? '12h'}`,
        '',
      ];
      const when = [
        '[Unit]',
        `Description=MediaNest ${project}: when ${title} runs`,
        '',
        '[Timer]',
        `OnCalendar=${systemdCalendar(timesOf(timer), run.zone)}`,
        `RandomizedDelaySec=${timer.jitter}s`,
        // One that was missed while the host was off is caught up.
        'Persistent=true',
        '',
        '[Install]',
        'WantedBy=timers.target',
        '',
      ];
      const unit = timerUnit(project, timer);
      return [
        [`${unit}.service`, service.join('\n')],
        [`${unit}.timer`, when.join('\n')],
      ];
    }),
  );
}

/** Settings are checked before they come here. */
const timesOf = ({ name, cron }: Timer): Cron => {
  const times = parseCron(cron);
  if (typeof times === 'string') throw new Error(`the times of ${name} (${cron}): ${times}`);
  return times;
};

/** `Sun 2026-11-29 02:00:31 UTC`, as systemctl prints times where TZ is UTC; undefined for anything else. */
export function systemdTime(text: string): Date | undefined {
  const [, date, clock] = /(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.\d+)? UTC/.exec(text) ?? [];
  return date ? new Date(`${date}T${clock}Z`) : undefined;
}

/** `%` begins a specifier there (systemd.unit(5)). */
export const escaped = (text: string): string => text.replaceAll('%', '%%');
/** One word of a command line, whatever it holds (systemd.service(5), "Command lines"). */
export const quoted = (text: string): string => `"${escaped(text.replace(/[\\"]/g, '\\$&').replaceAll('$', '$$$$'))}"`;
