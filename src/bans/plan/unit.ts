import { escaped, quoted, type TimedRun } from '../../schedule/plan/timers.ts';

export const enforcerUnit = (project: string): string => `medianest-${project}-bans.service`;

/** Keeps the bans in the firewall. When it is stopped, they run out by themselves. */
export const unitText = (project: string, { program, options, folder, env }: TimedRun): string =>
  [
    '[Unit]',
    `Description=MediaNest ${project}: bans in the firewall`,
    'After=docker.service',
    '',
    '[Service]',
    `WorkingDirectory=${escaped(folder)}`,
    ...Object.entries(env).map(([name, value]) => `Environment=${quoted(`${name}=${value}`)}`),
    `ExecStart=${[...program, 'bans', 'enforce', ...options].map(quoted).join(' ')}`,
    'Restart=always',
    'RestartSec=10',
    'Nice=5',
    'MemoryMax=512M',
    'ProtectSystem=full',
    '',
    '[Install]',
    'WantedBy=multi-user.target',
    '',
  ].join('\n');
