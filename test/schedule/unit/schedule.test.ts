import { describe, expect, it } from 'vitest';
import { BACKUP_SCHEDULE } from '../../../src/backup/plan/schedule.ts';
import { CERTIFICATE_SCHEDULE } from '../../../src/certificates/plan/schedule.ts';
import { systemdTime, timerUnits } from '../../../src/schedule/plan/timers.ts';

describe('the units of a timer', () => {
  const run = {
    program: ['/usr/bin/node', '/opt/my programs/medianest.js'],
    options: ['--config=/srv/100%/a "b" $c\\d.yml'],
    folder: '/srv/100%/my stack',
    uid: 1000,
    env: { DOCKER_HOST: 'unix:///run/user/1000/docker.sock' },
  };
  it('quote what systemd would read otherwise, and run as the owner of the folder', () => {
    const units = timerUnits('home', CERTIFICATE_SCHEDULE.timers, run);
    expect(Object.keys(units)).toEqual(['medianest-home-certs.service', 'medianest-home-certs.timer']);
    const lines = units['medianest-home-certs.service']?.split('\n');
    expect(lines).toContain(
      'ExecStart="/usr/bin/node" "/opt/my programs/medianest.js" "certs" "renew" "--wait-lock=3600" "--config=/srv/100%%/a \\"b\\" $$c\\\\d.yml"',
    );
    expect(lines).toEqual(
      expect.arrayContaining([
        'User=1000',
        'WorkingDirectory=/srv/100%%/my stack',
        'Environment="DOCKER_HOST=unix:///run/user/1000/docker.sock"',
      ]),
    );
    expect(timerUnits('home', CERTIFICATE_SCHEDULE.timers, { ...run, uid: 0 })['medianest-home-certs.service']).not.toContain('User=');
  });
  it('try again for some time where a backup is refused, the hourly one no longer than until the next', () => {
    const retries = BACKUP_SCHEDULE.timers.map(({ name, command }) => [name, command.slice(-2).join(' ')]);
    expect(Object.fromEntries(retries)).toEqual({
      ...Object.fromEntries(['full', 'incr', 'prune', 'verify', 'drill'].map((name) => [name, '--retry-for 6h'])),
      diff: '--retry-for 55m',
    });
  });
  it.each([
    ['Sun 2026-11-29 02:00:31 UTC\n', '2026-11-29T02:00:31.000Z'],
    ['', undefined],
    ['n/a', undefined],
    ['Sun 2026-11-29 03:00:31 CET', undefined],
  ])('run next at what systemd says: %j', (text, expected) => {
    expect(systemdTime(text)?.toISOString()).toBe(expected);
  });
  it('wait for the one before, and catch up what was missed', () => {
    const units = Object.entries(timerUnits('home', BACKUP_SCHEDULE.timers, run));
    expect(units).toHaveLength(BACKUP_SCHEDULE.timers.length * 2);
    for (const [name, text] of units) expect(text, name).toContain(name.endsWith('.timer') ? 'Persistent=true' : '--wait-lock=3600');
  });
});
