import type { Panel } from './panel.ts';

type ContainerPanel = Omit<Panel, 'section'>;

/** What the agent measures of every container, as pictures of those of one service. @param services regular expression of their names */
export function containerPanels(services: string): ContainerPanel[] {
  const of = (metric: string) => `medianest_container_${metric}{job="agent",service=~"${services}"}`;
  const rate = (metric: string) => `sum by (service) (rate(${of(metric)}[$window]))`;
  return [
    {
      id: 'container-memory',
      title: 'Memory, of what the container may use',
      unit: 'percent',
      query: `${of('memory_bytes')} / (${of('memory_limit_bytes')} > 0)`,
      description: 'Memory in use, without what the kernel may drop, of the container’s limit. At the limit the kernel ends a process.',
      warn: 0.8,
      bad: 0.9,
      by: 'service',
      upTo: 1,
    },
    {
      id: 'container-cpu',
      title: 'Processors that the container keeps busy',
      unit: 'count',
      query: rate('cpu_seconds_total'),
      description: 'Processors that the container keeps busy: 1 is one of them all the time.',
      by: 'service',
    },
    {
      id: 'container-received',
      title: 'Received, bytes each second',
      unit: 'bytes',
      query: rate('network_receive_bytes_total'),
      description: 'What the container receives in all of its networks.',
      by: 'service',
    },
    {
      id: 'container-sent',
      title: 'Sent, bytes each second',
      unit: 'bytes',
      query: rate('network_transmit_bytes_total'),
      description: 'What the container sends in all of its networks.',
      by: 'service',
    },
    {
      id: 'container-pids',
      title: 'Processes and threads',
      unit: 'count',
      query: of('pids'),
      description: 'Processes and threads in the container. Its limit is 256 for most: beyond it none can be started.',
      by: 'service',
    },
    {
      id: 'container-restarts',
      title: 'Restarts and memory kills in the last hour',
      unit: 'count',
      query: `sum by (service) (increase(${of('restarts_total')}[1h]) + increase(${of('oom_kills_total')}[1h]))`,
      description: 'How often the engine has started the container again, and how often the kernel has ended a process for memory.',
      warn: 1,
      bad: 3,
      by: 'service',
      upTo: 4,
    },
  ];
}
