import type { ComposeService } from './compose-project.ts';

/** What a proxy sends where. */
export interface Route {
  service: string;
  port: number | undefined;
  /** Host names; none: every one. */
  hosts: string[];
  /** Beginnings of paths; none: every one. */
  paths: string[];
}

/** nginx's: each `location` with a `proxy_pass`, by way of `upstream` where it names one. Comments and what is included are not read. */
export function nginxRoutes(text: string, services: readonly string[]): Route[] {
  const plain = text.replaceAll(/#[^\n]*/g, '');
  const upstreams = new Map(
    [...plain.matchAll(/upstream\s+([\w.-]+)\s*\{([^}]*)\}/g)].map(
      ([, name = '', body = '']) => [name, /server\s+([\w.-]+)(?::(\d+))?/.exec(body)] as const,
    ),
  );
  const variables = new Map([...plain.matchAll(/set\s+\$(\w+)\s+"?([^";]+)"?\s*;/g)].map(([, name = '', value = '']) => [name, value]));
  return serverBlocks(plain).flatMap((block) => {
    const hosts = (/server_name\s+([^;]+);/.exec(block)?.[1] ?? '').split(/\s+/).filter((name) => /^[a-z0-9.-]+\.[a-z]{2,}$/i.test(name));
    return [...block.matchAll(/location\s+(=|~\*?|\^~)?\s*([^\s{]+)\s*\{([^}]*)/g)].flatMap(
      ([, how = '', location = '', body = '']): Route[] => {
        const pass = /proxy_pass\s+(?:https?:\/\/)?([^;\s]+)/
          .exec(body)?.[1]
          ?.replaceAll(/\$\{?(\w+)\}?/g, (whole, name: string) => variables.get(name) ?? whole);
        const [, host = '', port] = /^(?:https?:\/\/)?([\w.-]+)(?::(\d+))?/.exec(pass ?? '') ?? [];
        const upstream = upstreams.get(host);
        const service = upstream?.[1] ?? host;
        if (!services.includes(service)) return [];
        const number = upstream ? upstream[2] : port;
        return [{ service, port: number === undefined ? undefined : Number(number), hosts, paths: prefixes(how, location) }];
      },
    );
  });
}

/** The bodies of `server { }`, with the braces within. */
function serverBlocks(text: string): string[] {
  const blocks: string[] = [];
  for (const match of text.matchAll(/\bserver\s*\{/g)) {
    let depth = 1;
    let end = match.index + match[0].length;
    while (end < text.length && depth > 0) {
      if (text[end] === '{') depth++;
      if (text[end] === '}') depth--;
      end++;
    }
    blocks.push(text.slice(match.index + match[0].length, end - 1));
  }
  return blocks;
}

/** A regular expression is taken where it is a plain beginning: `~ ^/(api|ws)/`. */
function prefixes(how: string, location: string): string[] {
  const plain = (path: string) => (path === '/' ? [] : [path.replace(/\/+$/, '')]);
  if (!how.startsWith('~')) return plain(location);
  const [, one, many] = /^\^(\/[\w.-]+)\/?(?:\(|$)|^\^\/\(([\w.|-]+)\)/.exec(location) ?? [];
  if (one) return [one];
  return many ? many.split('|').map((part) => `/${part}`) : [];
}

/** Caddy's: `reverse_proxy [MATCHER] UPSTREAM` within a site. */
export function caddyRoutes(text: string, services: readonly string[]): Route[] {
  const routes: Route[] = [];
  let hosts: string[] = [];
  let depth = 0;
  const handles: string[] = [];
  for (const raw of text.split('\n')) {
    const line = raw.replace(/\s#.*$|^#.*$/, '').trim();
    if (depth === 0 && line.endsWith('{') && line !== '{')
      hosts = line
        .slice(0, -1)
        .split(/[\s,]+/)
        .map((site) => site.replace(/^https?:\/\//, '').replace(/:\d+$/, ''))
        .filter((site) => /^[a-z0-9.-]+\.[a-z]{2,}$/i.test(site));
    const handle = /^handle(?:_path)?\s+(\/\S*)\s*\{$/.exec(line)?.[1];
    if (line.endsWith('{')) {
      depth++;
      handles.push(handle ?? '');
    }
    if (line === '}') {
      depth--;
      handles.pop();
    }
    const [, matcher, upstream] = /^reverse_proxy\s+(?:(\/\S*)\s+)?(\S+)/.exec(line) ?? [];
    const [, service = '', port] = /^(?:https?:\/\/)?([\w.-]+)(?::(\d+))?/.exec(upstream ?? '') ?? [];
    if (!services.includes(service)) continue;
    const path = (matcher ?? handles.findLast((entry) => entry !== '') ?? '').replace(/\*$/, '').replace(/\/+$/, '');
    routes.push({ service, port: port === undefined ? undefined : Number(port), hosts, paths: path === '' ? [] : [path] });
  }
  return routes;
}

/** Traefik's and caddy-docker-proxy's labels, and nginx-proxy's variables, of one service. */
export function labelRoutes({ name, labels, environment }: ComposeService): Route[] {
  const port = Object.entries(labels).find(([label]) => /^traefik\.http\.services\..*\.loadbalancer\.server\.port$/i.test(label))?.[1];
  const rules = Object.entries(labels).filter(([label]) => /^traefik\.http\.routers\..*\.rule$/i.test(label));
  const of = (rule: string, word: string) =>
    [...rule.matchAll(new RegExp(`\\b${word}\\(([^)]*)\\)`, 'gi'))].flatMap(([, inside = '']) =>
      [...inside.matchAll(/[`"']([^`"']+)[`"']/g)].map(([, value = '']) => value),
    );
  const routes = rules.map(
    ([, rule]): Route => ({
      service: name,
      port: port === undefined ? undefined : Number(port),
      hosts: of(rule, 'Host'),
      paths: [...of(rule, 'PathPrefix'), ...of(rule, 'Path')].flatMap((path) => (path === '/' ? [] : [path.replace(/\/+$/, '')])),
    }),
  );
  const virtual = environment.VIRTUAL_HOST;
  const virtualPort = environment.VIRTUAL_PORT;
  const path = environment.VIRTUAL_PATH?.replace(/\/+$/, '');
  const caddy = labels.caddy;
  return [
    ...routes,
    ...(virtual
      ? [
          {
            service: name,
            port: virtualPort === undefined ? undefined : Number(virtualPort),
            hosts: virtual.split(','),
            paths: path ? [path] : [],
          },
        ]
      : []),
    ...(caddy
      ? [
          {
            service: name,
            port: Number(/upstreams\s+(\d+)/.exec(labels['caddy.reverse_proxy'] ?? '')?.[1]) || undefined,
            hosts: caddy.split(/[\s,]+/),
            paths: [],
          },
        ]
      : []),
  ];
}

/** Whether files of a proxy name this service: as what `/` leads to, or as something else. */
export function proxiesTo(texts: Readonly<Record<string, string>>, service: string): 'root' | 'part' | undefined {
  const all = Object.values(texts).flatMap((text) => [...nginxRoutes(text, [service]), ...caddyRoutes(text, [service])]);
  if (all.some(({ paths }) => paths.length === 0)) return 'root';
  return all.length > 0 ? 'part' : undefined;
}
