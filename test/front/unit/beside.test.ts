import { expect, it } from 'vitest';
import type { UpRequest } from '../../../src/capability/capability.ts';
import { besideUp } from '../../../src/front/beside.ts';
import { frontPlace, makeSockets, socketsOf } from '../../../src/front/store.ts';
import { temporaryFolder } from '../../support/temporary.ts';

it('An edge that runs with sockets whose folder was deleted is restarted; one that does not run, or never had them, is not', async () => {
  const env = { XDG_STATE_HOME: temporaryFolder('beside') };
  const place = frontPlace(env);
  const asked = async (edge: string, compose: string) => {
    const front = { names: ['a.org'], ports: ['edge.httpPort', 'edge.httpsPort'].map((setting, index) => port(setting, 32_980 + index)) };
    const request = {
      context: { env },
      project: { state: { root: env.XDG_STATE_HOME, manifest: () => ({ files: [{ path: 'compose.yml', contents: compose }] }) } },
      engine: { observe: async (name: string) => (name === 'media' ? [{ service: 'edge', state: edge, ports: [] }] : []) },
      stack: {
        project: 'media',
        services: [
          { name: 'edge', component: 'edge', front },
          { name: 'balancer', role: 'balancer', image: { ref: 'balancer:1' } },
        ],
      },
    } as unknown as UpRequest;
    return (await besideUp(request))?.last.map(({ kind }) => kind);
  };
  const port = (setting: string, host: number) => ({ setting, host, address: '127.0.0.1', container: 1 });
  const mounted = `source: ${JSON.stringify(socketsOf(place, 'media'))}\n`;
  expect(await asked('running', mounted)).toEqual(['compose-restart', 'apply-front']);
  expect(await asked('exited', mounted)).toEqual(['apply-front']);
  expect(await asked('running', 'services: {}\n')).toEqual(['apply-front']);
  makeSockets(place, 'media');
  expect(await asked('running', mounted)).toEqual(['apply-front']);
});
