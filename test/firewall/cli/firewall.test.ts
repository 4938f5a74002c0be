import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { asNobody, folder, json } from '../../support/command.ts';

const AWAY = { DOCKER_HOST: 'unix:///nonexistent/docker.sock' };

describe('the firewall', () => {
  it('is planned without an engine and without root, and says that it cannot see what is loaded', async () => {
    const { run, dir } = folder(
      'profile: prod\nedge: { domains: [media.lan] }\nfirewall: { enabled: true, ports: { edge.httpsPort: everyone } }\n',
    );
    const planned = await run(['firewall', 'plan', '--json'], { env: AWAY });
    expect(json(planned.stdout)).toMatchObject({
      ports: [
        { name: 'edge.httpPort', port: 80, from: ['lan'] },
        { name: 'edge.httpsPort', port: 443, from: ['everyone'] },
      ],
    });
    // Where another user may look at all: the folder is root's.
    chmodSync(dir, 0o755);
    const seen = await asNobody(['firewall', 'plan', '--config', path.join(dir, 'medianest.yml')], { cwd: '/', env: AWAY });
    expect(seen.stdout).toContain('443  edge.httpsPort  everyone');
    expect(seen.stdout).toContain('it cannot be told whether the rules are loaded (only root can read them)');
  });

  it('is not applied where it is off, and not by anybody but root', async () => {
    const { run, settings, dir } = folder();
    chmodSync(dir, 0o755);
    expect(json((await run(['firewall', 'apply', '--json'])).stdout).error).toMatchObject({
      code: 'INVALID_SETTINGS',
      message: expect.stringContaining('is off'),
    });
    settings('firewall: { enabled: true }\n');
    const nobody = await asNobody(['firewall', 'apply', '--config', path.join(dir, 'medianest.yml')], { cwd: '/', env: AWAY });
    expect(nobody).toMatchObject({ status: 2, stderr: expect.stringContaining('only root may change') });
    expect(await run(['firewall', 'apply', '--for', '1'])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('between 2 and 3600'),
    });
    expect((await run(['firewall', 'apply', '--dry-run'], { env: AWAY })).stdout).toContain('would be tried for 60 s');
  });

  it('refuses a list that is missing, damaged or a folder, with its path', async () => {
    const { run, dir } = folder('firewall: { lists: { bad: ./bad }, block: [bad] }\n');
    const plan = async () => json((await run(['firewall', 'plan', '--json'], { env: AWAY })).stdout).error;
    const bad = path.join(dir, 'bad');
    expect(await plan()).toMatchObject({ code: 'INVALID_SETTINGS', message: expect.stringContaining('(ENOENT)'), path: bad });
    writeFileSync(bad, '192.0.2.1\n<html>\n');
    expect(await plan()).toMatchObject({ message: expect.stringContaining('line 2'), path: bad });
    writeFileSync(bad, '');
    expect(await plan()).toBeUndefined();
    const { dir: other, run: runOther } = folder('firewall: { lists: { bad: ./folder }, block: [bad] }\n');
    mkdirSync(path.join(other, 'folder'));
    expect(json((await runOther(['firewall', 'plan', '--json'], { env: AWAY })).stdout).error.message).toContain('(EISDIR)');
  });
});
