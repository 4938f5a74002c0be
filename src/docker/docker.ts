import type Docker from 'dockerode';
import { COMPOSE_PROJECT, LABEL } from '../stack/labels.ts';
import { engineAddress } from './address.ts';
import { demultiplex, explain } from './answers.ts';
import { cpuSecondsOf } from './cpu-seconds.ts';
import { toEngineInfo } from './engine-info.ts';
import { askedImages } from './images.ts';
import { COMPOSE_FOLDER, containerName, toNeighbour, toOwned } from './labelled.ts';
import { inspectContainer, listContainers, toLife, toStory } from './list-containers.ts';
import { giveNewVolumes } from './new-volumes.ts';
import { publishedPorts } from './plan/published-ports.ts';
import { readSecurity } from './security.ts';
import { getJson } from './socket-get.ts';
import type { Engine, ObservedContainer } from './types.ts';

const COMPOSE = {
  project: COMPOSE_PROJECT,
  service: 'com.docker.compose.service',
  number: 'com.docker.compose.container-number',
  folder: COMPOSE_FOLDER,
};

/** The engine that the docker client would use: `DOCKER_HOST`, its current context, or the local socket. */
export function connectEngine(env: NodeJS.ProcessEnv): Engine {
  const address = engineAddress(env);
  const { socketPath } = address.options;
  let client: Docker | undefined;
  const answered = async <T>(request: () => Promise<T>): Promise<T> => {
    try {
      return await request();
    } catch (error) {
      throw explain(error, address.label);
    }
  };
  // Loading it takes as long as half of Node.js itself: it is done for what asks more than which containers there are.
  const call = <T>(request: (docker: Docker) => Promise<T>): Promise<T> =>
    answered(async () => {
      client ??= new (await import('dockerode')).default(address.options);
      return request(client);
    });
  const ask = <T>(path: string, byClient: (docker: Docker) => Promise<T>): Promise<T> =>
    socketPath ? answered(() => getJson<T>(socketPath, path)) : call(byClient);
  const inspectImage = (ref: string) =>
    socketPath
      ? answered(() => getJson<Docker.ImageInspectInfo>(socketPath, `/images/${encodeURI(ref)}/json`).catch(absent))
      : call((docker) => docker.getImage(ref).inspect().catch(absent));
  const list = (label: string): Promise<Docker.ContainerInfo[]> =>
    socketPath
      ? answered(() => listContainers(socketPath, label))
      : call((docker) => docker.listContainers({ all: true, filters: { label: [label] } }));

  return {
    info: async () =>
      toEngineInfo(...(await Promise.all([ask('/version', (docker) => docker.version()), ask('/info', (docker) => docker.info())]))),
    observe: async (project) => (await list(`${COMPOSE.project}=${project}`)).map(toObserved),
    portOwner: (port, protocol = 'tcp') =>
      call(async (docker) => {
        const owner = (await docker.listContainers()).find(({ Ports }) =>
          Ports.some(({ PublicPort, Type }) => PublicPort === port && Type === protocol),
        );
        const project = owner?.Labels[COMPOSE.project];
        return owner && `container ${containerName(owner.Names)}${project ? ` of the Compose project ${project}` : ''}`;
      }),
    networks: async () =>
      (await ask('/networks', (docker) => docker.listNetworks())).map((network) => ({
        name: network.Name,
        composeProject: network.Labels?.[COMPOSE.project],
        ours: network.Labels?.[LABEL.project] !== undefined,
        outbound: network.Internal !== true && network.Options?.['com.docker.network.bridge.enable_ip_masquerade'] !== 'false',
        subnets: (network.IPAM?.Config ?? []).flatMap((config) => (config.Subnet ? [config.Subnet] : [])),
      })),
    owned: () => call(async (docker) => toOwned(...(await Promise.all([docker.listContainers({ all: true }), docker.listNetworks()])))),
    neighbours: () =>
      call(async (docker) => (await docker.listContainers()).filter(({ Labels }) => Labels[LABEL.project] === undefined).map(toNeighbour)),
    removeNetwork: (name) =>
      call(async (docker) => {
        await docker.getNetwork(name).remove();
      }),
    guests: (project, networks) =>
      call(async (docker) =>
        (await docker.listContainers({ all: true }))
          .filter(({ Labels }) => Labels[COMPOSE.project] !== project)
          .flatMap(({ Names, Labels, NetworkSettings: { Networks } }) => {
            const guest = { container: containerName(Names), ours: Labels[LABEL.project] === project };
            return networks.filter((name) => name in Networks).map((network) => ({ ...guest, network }));
          }),
      ),
    volumes: async () =>
      ((await ask('/volumes', (docker) => docker.listVolumes())).Volumes ?? []).map(({ Name, Labels, Options, ...rest }) => ({
        name: Name,
        labels: Labels ?? {},
        device: Options?.device,
        createdAt: (rest as { CreatedAt?: string }).CreatedAt,
      })),
    lastLogLines: (id, lines) =>
      call(async (docker) => {
        const raw = await docker.getContainer(id).logs({ stdout: true, stderr: true, tail: lines });
        return demultiplex(raw as unknown as Buffer)
          .split('\n')
          .map((line) => line.trimEnd())
          .filter(Boolean)
          .slice(-lines);
      }),
    removeContainer: (id) =>
      call(async (docker) => {
        await docker
          .getContainer(id)
          .remove({ force: true })
          .catch((error) => absent(error));
      }),
    life: (id) =>
      call(async (docker) => {
        const { RestartCount, State } = await docker.getContainer(id).inspect();
        return `${RestartCount} ${State.StartedAt}`;
      }),
    lives: async (ids) => {
      const one = (id: string) =>
        socketPath
          ? answered(() => inspectContainer(socketPath, id).catch(absent))
          : call((docker) => docker.getContainer(id).inspect().catch(absent));
      const found = await Promise.all(ids.map(one));
      return Object.fromEntries(ids.flatMap((id, index) => (found[index] ? [[id, toLife(found[index])]] : [])));
    },
    cpuSeconds: (ids) =>
      call((docker) => cpuSecondsOf(ids, (id) => docker.getContainer(id).stats({ stream: false, 'one-shot': true }).catch(absent))),
    story: (id) =>
      call(async (docker) => {
        const found = await docker.getContainer(id).inspect().catch(absent);
        return found ? toStory(found as Parameters<typeof toStory>[0]) : undefined;
      }),
    security: (project) => call((docker) => readSecurity(docker, project)),
    stopContainer: (id) =>
      call(async (docker) => {
        const container = docker.getContainer(id);
        // 304: it was not running.
        await container.stop().catch((error) => (error.statusCode === 304 ? undefined : absent(error)));
        await container.remove({ force: true }).catch((error) => absent(error));
      }),
    exec: (id, argv) =>
      call(async (docker) => {
        const exec = await docker.getContainer(id).exec({ Cmd: [...argv], AttachStdout: true, AttachStderr: true });
        const stream = await exec.start({});
        const chunks: Buffer[] = [];
        for await (const chunk of stream) chunks.push(chunk as Buffer);
        const { ExitCode } = await exec.inspect();
        return { exitCode: ExitCode ?? 1, output: demultiplex(Buffer.concat(chunks)) };
      }),
    ...askedImages(inspectImage),
    images: () =>
      call(async (docker) =>
        (await docker.listImages()).map(({ Id, RepoTags, Size, Labels }) => ({
          id: Id,
          refs: RepoTags ?? [],
          bytes: Size,
          built: Labels?.[BUILT_IMAGE] !== undefined,
        })),
      ),
    removeImage: (ref) =>
      call(async (docker) => {
        const removed = await docker
          .getImage(ref)
          .remove()
          .catch((error) => (error.statusCode === 409 ? undefined : absent(error)));
        return removed !== undefined;
      }),
    giveNewVolumes: (names, to) => call((docker) => giveNewVolumes(docker, names, to)),
    removeVolume: (name) =>
      call(async (docker) => {
        await docker
          .getVolume(name)
          .remove()
          .catch((error) => absent(error));
      }),
    tag: (source, target) =>
      call(async (docker) => {
        const colon = target.lastIndexOf(':');
        await docker.getImage(source).tag({ repo: target.slice(0, colon), tag: target.slice(colon + 1) });
      }),
  };
}

/** On every image that medianest builds (images/store/build-image.ts). */
const BUILT_IMAGE = 'io.medianest.image';

function absent(error: { statusCode?: number }): false {
  if (error.statusCode === 404) return false;
  throw error;
}

function toObserved(container: Docker.ContainerInfo): ObservedContainer {
  const health = /\((healthy|unhealthy|health: starting)\)/.exec(container.Status)?.[1];
  return {
    id: container.Id,
    name: containerName(container.Names),
    service: container.Labels[COMPOSE.service] ?? '',
    number: Number(container.Labels[COMPOSE.number] ?? 1),
    image: container.Image,
    imageId: container.ImageID,
    state: container.State,
    health: health === undefined ? 'none' : health === 'health: starting' ? 'starting' : (health as 'healthy' | 'unhealthy'),
    status: container.Status,
    project: container.Labels[LABEL.project],
    component: container.Labels[LABEL.component],
    inputs: container.Labels[LABEL.inputs],
    stateFolder: container.Labels[COMPOSE.folder],
    addresses: Object.fromEntries(
      // A container without a network is in one of this name, for the engine.
      Object.entries(container.NetworkSettings.Networks).flatMap(([name, network]) =>
        name === 'none' ? [] : [[name, network.IPAddress || (network.IPAMConfig as { IPv4Address?: string } | null)?.IPv4Address || '']],
      ),
    ),
    ports: publishedPorts(container.Ports),
    volumes: (container.Mounts ?? []).flatMap(({ Type, Name }) => (Type === 'volume' && Name ? [Name] : [])),
  };
}
