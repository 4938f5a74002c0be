import type { BuildInput } from '../../stack/service.ts';

export const ROUTER_HOST = 45;
export const DATABASE_PORT = 5432;
export const REPLICAS_PORT = 5433;

/** Where clients find the database's leader. */
export const dbRouterAddress = (input: BuildInput): string => input.address('db', ROUTER_HOST);
