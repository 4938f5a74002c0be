import type * as z from 'zod';
import { UserError } from '../../../core/errors.ts';
import type { BuildInput, ServiceDefinition } from '../../../stack/service.ts';
import { type FullComponent, PAGE_PORTS, runsFull } from '../../shared/full.ts';
import { HAPROXY_PORT, MONITORING_HOSTS, monitored } from '../../shared/monitoring.ts';
import { SIGN_ON } from '../../sign-on/settings/address.ts';

/** The edge's number in its networks. */
export const EDGE_HOST = 10;

/** Where the balancer shows its statistics, and where Prometheus answers. */
const BALANCER = 'balancer';
const BALANCER_HOST = 40;
const PROMETHEUS_PORT = 9090;

/** The edge's settings, without the edge: services that it is built upon ask too. */
const EDGE = { key: 'edge' } as ServiceDefinition<z.ZodType<{ pages: boolean }>>;

/** Of Kibana's own sign-in: the only cookie that it gets, and not the name of one that an application may have. */
export const KIBANA_COOKIE = 'kibana-session';

/** A page of one of the stack's own programs; `url` is null for what nginx itself tells. */
export type ToolPage = {
  name: string;
  title: string;
  about: string;
  url: string | null;
  /** It has the path itself, and takes requests that change something. */
  acts: boolean;
  /** The variable of nginx with its own cookie, if it has one; whether it is told user and role. */
  cookie: string;
  signIn: boolean;
  /** It sends no policy for its pages, and needs another one than those that are read. */
  policy: boolean;
};

/** What is read, and changes nothing. */
const READ = { acts: false, cookie: '', signIn: false, policy: false };

type Acting = 'grafana' | 'kibana' | 'jaeger';

const FULL: Record<Acting, Pick<ToolPage, 'title' | 'about'> & Partial<ToolPage> & { needs: readonly FullComponent[] }> = {
  grafana: { title: 'Grafana', about: 'dashboards of metrics, logs and traces', signIn: true, needs: ['grafana'] },
  kibana: {
    title: 'Kibana',
    about: 'search in logs; it asks for its own password',
    cookie: '$kibana_cookie',
    needs: ['kibana', 'elasticsearch'],
  },
  jaeger: { title: 'Jaeger', about: 'traces', policy: true, needs: ['jaeger'] },
};

/** Those of `observability: full` that run: what is left out has no page. */
const fullPages = (input: BuildInput): ToolPage[] =>
  (Object.keys(FULL) as Acting[]).flatMap((name) => {
    const { needs, ...page } = FULL[name];
    if (!monitored(input) || !needs.every((component) => runsFull(input, component))) return [];
    return [
      { ...READ, name, ...page, url: `http://${input.address('monitoring', MONITORING_HOSTS[name])}:${PAGE_PORTS[name]}`, acts: true },
    ];
  });

/** Whether the edge shows pages of the stack's own programs. */
export const showsPages = (input: BuildInput): boolean => input.enabled('edge') && input.settingsOf(EDGE).pages && input.enabled(SIGN_ON);

/** What the templates of the edge see of them. */
export const pagesView = (toolPages: ToolPage[]) => ({ toolPages, kibanaCookie: KIBANA_COOKIE });

/**
 * The pages that there are in this stack; none where they are not asked for.
 * @param signsIn visitors sign in
 * @throws UserError INVALID_SETTINGS where strangers could see them
 */
export function toolPages(asked: boolean, signsIn: boolean, input: BuildInput): ToolPage[] {
  if (!asked) return [];
  if (!signsIn)
    throw new UserError(
      'INVALID_SETTINGS',
      'edge.pages: these pages are for operators who have signed in, and visitors of this stack do not sign in',
      'set `components: { sign-on: true }`, leave `edge.access: none` out, or leave `edge.pages` out',
    );
  const has = (component: string) => monitored(input) && input.settings.components[component] !== false;
  return [
    ...(has('prometheus')
      ? [
          {
            ...READ,
            name: 'prometheus',
            title: 'Prometheus',
            about: 'metrics, rules, alerts and targets',
            url: `http://${input.address('monitoring', MONITORING_HOSTS.prometheus)}:${PROMETHEUS_PORT}/`,
          },
        ]
      : []),
    ...(has(BALANCER) && input.enabled(BALANCER)
      ? [
          {
            ...READ,
            name: BALANCER,
            title: 'HAProxy',
            about: 'statistics of the balancer: replicas, sessions, answers',
            url: `http://${input.address('app', BALANCER_HOST)}:${HAPROXY_PORT}/`,
          },
        ]
      : []),
    { ...READ, name: 'edge', title: 'nginx', about: 'connections of the edge', url: null },
    ...fullPages(input),
  ];
}
