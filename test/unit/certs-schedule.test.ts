import { expect, it } from 'vitest';
import { scheduleUnits } from '../../src/engine/certs-schedule.ts';

it('the units of the schedule quote what systemd would read otherwise, and run as the owner of the folder', () => {
  const units = scheduleUnits('home', {
    command: ['/usr/bin/node', '/opt/my programs/medianest.js', 'certs', 'renew', '--config=/srv/100%/a "b" $c\\d.yml'],
    folder: '/srv/100%/my stack',
    uid: 1000,
    env: { DOCKER_HOST: 'unix:///run/user/1000/docker.sock' },
  });
  expect(Object.keys(units)).toEqual(['medianest-certs-home.service', 'medianest-certs-home.timer']);
  const lines = units['medianest-certs-home.service']?.split('\n');
  expect(lines).toContain(
    'ExecStart="/usr/bin/node" "/opt/my programs/medianest.js" "certs" "renew" "--config=/srv/100%%/a \\"b\\" $$c\\\\d.yml"',
  );
  expect(lines).toEqual(
    expect.arrayContaining([
      'User=1000',
      'WorkingDirectory=/srv/100%%/my stack',
      'Environment="DOCKER_HOST=unix:///run/user/1000/docker.sock"',
    ]),
  );
  const asRoot = scheduleUnits('home', { command: ['node'], folder: '/srv', uid: 0, env: {} });
  expect(asRoot['medianest-certs-home.service']).not.toContain('User=');
});
