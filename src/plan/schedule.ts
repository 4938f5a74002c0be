/** One unit file of systemd: its name and its text. */
export interface Unit {
  name: string;
  contents: string;
}

/** What is run when (systemd.time(7)); `Persistent`, so that one that was missed while the host was off is caught up. */
export const SCHEDULE = [
  { name: 'full', calendar: 'Sun *-*-* 02:00:00', command: ['backup', '--type', 'full'] },
  { name: 'incr', calendar: 'Mon..Sat *-*-* 02:00:00', command: ['backup', '--type', 'incr'] },
  { name: 'diff', calendar: '*-*-* 00..01,03..23:30:00', command: ['backup', '--type', 'diff'] },
  { name: 'prune', calendar: '*-*-* 04:00:00', command: ['backup', 'prune'] },
  { name: 'verify', calendar: 'Sun *-*-* 05:00:00', command: ['backup', 'verify'] },
  { name: 'drill', calendar: '*-*-01 06:00:00', command: ['drill'] },
] as const;

/** A service and its timer for each. @param program the launcher and its arguments, absolute; @param folder where medianest.yml is */
export function scheduleUnits(project: string, program: readonly string[], folder: string): Unit[] {
  return SCHEDULE.flatMap(({ name, calendar, command }): Unit[] => {
    const unit = `medianest-${project}-${name}`;
    // Two at once wait for each other.
    const argv = [...program, ...command, '--wait-lock=3600', '--no-color'];
    return [
      {
        name: `${unit}.service`,
        contents: `[Unit]
Description=MediaNest ${project}: ${command.join(' ')}
After=docker.service network-online.target

[Service]
Type=oneshot
WorkingDirectory=${escaped(folder)}
ExecStart=${argv.map(quoted).join(' ')}
Nice=5
IOSchedulingClass=idle
`,
      },
      {
        name: `${unit}.timer`,
        contents: `[Unit]
Description=MediaNest ${project}: when ${command.join(' ')} runs

[Timer]
OnCalendar=${calendar}
RandomizedDelaySec=60
Persistent=true

[Install]
WantedBy=timers.target
`,
      },
    ];
  });
}

/** `%` begins a specifier there (systemd.unit(5)). */
const escaped = (text: string): string => text.replaceAll('%', '%%');
/** One argument, whatever it holds (systemd.service(5), "Command lines"). */
const quoted = (text: string): string =>
  /^[\w./:=@-]+$/.test(text) ? text : `"${escaped(text).replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('$', '$$$$')}"`;
