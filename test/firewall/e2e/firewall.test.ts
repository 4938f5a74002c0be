import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../support/cli.ts';
import { SCAN } from '../../support/network/firewall-world.ts';
import { answerOutside, type Outside, outside } from '../../support/network/outside.ts';
import { parsed } from '../../support/stack.ts';
import { type Workspace, workspace } from '../../support/workspace.ts';

/** The rules beside those of the real engine, for one address of this host: another machine plays the stranger. */
describe('the firewall of a stack that runs', () => {
  let world: Outside;
  let space: Workspace;
  const configure = (allow: string | string[]) =>
    space.configure({
      profile: 'dev-compose',
      edge: { address: world.host },
      firewall: { enabled: true, allow } as Record<string, unknown>,
    });
  const must = async (...args: string[]) => {
    const ended = await space.run(args);
    expect(ended, ended.stderr).toMatchObject({ status: 0 });
    return ended;
  };
  const keep = async (allow: string | string[]) => {
    configure(allow);
    await must('firewall', 'apply');
    await must('firewall', 'confirm');
  };
  const open = async (host: string, ...ports: number[]) => {
    const seen = await Promise.all(
      ports.map(async (port) => {
        const { stdout } = await world.run([process.execPath, '-e', SCAN, host, String(port), String(port)]);
        return JSON.parse(stdout) as number[];
      }),
    );
    return seen.flat();
  };

  beforeAll(async () => {
    world = await outside();
    space = await workspace('firewall');
    configure('everyone');
    await must('up');
  });
  afterAll(async () => {
    await space?.run(['firewall', 'remove']);
    await space?.destroy();
    await world?.destroy();
  });

  it('lets in whom the settings name, and no one by a route into its networks', async () => {
    const { httpPort, httpsPort } = space;
    const format = '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}';
    const edge = (await run('docker', ['inspect', '--format', format, `${space.project}-edge-1`])).stdout.trim().split(' ');
    expect(edge.length).toBeGreaterThan(0);
    expect(await open(world.host, httpPort, httpsPort)).toEqual([httpPort, httpsPort]);
    await keep(['192.0.2.1']);
    expect(await open(world.host, httpPort, httpsPort)).toEqual([]);
    for (const address of edge) expect(await open(address, 8080, 8443)).toEqual([]);
    // The host itself, and its health checks, still reach it.
    expect(parsed<{ state: string; drift: string[] }>(await space.run(['firewall', 'status', '--json']))).toMatchObject({
      state: 'active',
      drift: [],
    });
    const checks = parsed<{ checks: { id: string; status: string }[] }>(await space.run(['health', '--json'])).checks;
    expect(checks.find(({ id }) => id === 'firewall')).toMatchObject({ status: 'ok' });
    // Settings that cannot be judged are one check of `health`, and not its end.
    space.configure({
      profile: 'dev-compose',
      edge: { address: world.host },
      firewall: { enabled: true, lists: { bad: './none' }, block: ['bad'] },
    });
    const { checks: others } = parsed<{ checks: { id: string; status: string; message: string }[] }>(await space.run(['health', '--json']));
    expect(others.find(({ id }) => id === 'firewall')).toMatchObject({ status: 'warn', message: expect.stringContaining('(ENOENT)') });
    await keep([world.subnet]);
    expect(await open(world.host, httpPort, httpsPort)).toEqual([httpPort, httpsPort]);
    expect(await answerOutside(world, space)).toContain('200');
    for (const address of edge) expect(await open(address, 8080, 8443)).toEqual([]);
  });

  it('stays when a container is replaced and when the stack is down, and uninstall takes it along', async () => {
    await keep(['192.0.2.1']);
    await must('restart', 'edge');
    expect(await open(world.host, space.httpsPort)).toEqual([]);
    // Not carried out: with the last project of a host its images go as well, and other tests need them.
    expect((await must('uninstall', '--dry-run')).stdout).toContain(`remove the firewall: table inet medianest_${space.project}`);
    await must('down');
    expect(parsed<{ state: string }>(await space.run(['firewall', 'status', '--json'])).state).toBe('active');
    await must('firewall', 'remove');
    expect((await must('uninstall', '--dry-run')).stdout).not.toContain('remove the firewall');
    const { stdout } = await run('nft', ['list', 'tables']);
    expect(stdout).not.toContain(`medianest_${space.project}`);
  });
});
