import { docker } from '../cli.ts';
import { CACHE, cacheLeaders, cluster, type DataStack, dataStack } from '../data/data-stack.ts';
import { begin, cutOff, inside } from '../data/faults.ts';
import { container, destroyProd, inspect } from '../load/load-stack.ts';
import { enterNetworks } from '../network/enter.ts';
import { portal, ready, until } from '../stack.ts';
import { Desk, type Undo } from './provoked.ts';

/** prod, with a receiver of its alerts. */
export class ProvokedData {
  private constructor(
    readonly stack: DataStack,
    readonly desk: Desk,
  ) {}

  /** @param more of medianest.yml */
  static async start(name: string, more: Record<string, Record<string, unknown>> = {}): Promise<ProvokedData> {
    const desk = await Desk.open();
    const stack = await dataStack(name, {
      observability: 'light',
      prometheus: { scrapeSeconds: 5 },
      alerts: { channels: { desk: desk.channel } },
      ...more,
    });
    const own = new ProvokedData(stack, desk);
    try {
      const up = await stack.space.run(['up']);
      if (up.status !== 0) throw new Error(up.stderr);
      await ready(portal, stack.space);
      await own.settled();
      return own;
    } catch (error) {
      await own.end();
      throw error;
    }
  }

  async end(): Promise<void> {
    await destroyProd(this.stack.space);
    await this.desk.close();
  }

  async stopped(...services: string[]): Promise<Undo> {
    const { status, stderr } = await docker(['stop', '--time', '1', ...services.map((service) => container(this.stack.space, service))]);
    if (status !== 0) throw new Error(stderr);
    return () => begin(this.stack.space, ...services);
  }

  async must(service: string, script: string): Promise<string> {
    const { status, stdout, stderr } = await inside(this.stack.space, service, script);
    if (status !== 0) throw new Error(`${service}: ${stderr}${stdout}`);
    return stdout.trim();
  }

  sql = (service: string, query: string): Promise<string> =>
    this.must(service, `psql -h /run/postgresql -U postgres -d postgres -Atc ${JSON.stringify(query)}`);

  async cutFrom(service: string, ...others: string[]): Promise<Undo> {
    const format = '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}';
    const found = await Promise.all(others.map((other) => inspect(this.stack.space, other, format)));
    return cutOff(this.stack.space, service, found.join(' ').split(' ').filter(Boolean));
  }

  /** Who leads each third of the cache, however long a busy agent takes to say so. */
  async cacheLeaders(): Promise<[string, string, string]> {
    let found: string[] = [];
    const all = async () => {
      found = await cacheLeaders(this.stack.space);
      return found.length === CACHE.length / 2;
    };
    await until('each third of the cache has a leader', all, 120);
    return found as [string, string, string];
  }

  /** Whatever alerts tell: the portal serves, the database has its synchronous standby, and each third of the cache its leader. */
  async settled(seconds = 240): Promise<void> {
    const { space } = this.stack;
    enterNetworks(space.project, ['db', 'control']);
    await until(
      'the stack is settled',
      async () =>
        (await portal(space, '/api/health/ready')).status === 200 &&
        (await cluster(this.stack)).some(({ role }) => role === 'sync_standby') &&
        (await cacheLeaders(space)).length === CACHE.length / 2,
      seconds,
    );
  }
}
