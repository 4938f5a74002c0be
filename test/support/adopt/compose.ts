import { type ComposeService, composeProject } from '../../../src/adopt/plan/compose-project.ts';
import { judgeServices } from '../../../src/adopt/plan/kinds.ts';

/** A project, as Compose prints one. */
export const project = (services: Record<string, object>, more: object = {}) =>
  composeProject(JSON.stringify({ name: 'old', services, ...more }));

/** The only service of a project. */
export const one = (service: object, name = 'web'): ComposeService => project({ [name]: service }).services[0] as ComposeService;

/** Service -> what it is taken for. */
export const kinds = (services: Record<string, object>, app?: string, texts: Record<string, string> = {}) =>
  Object.fromEntries(judgeServices(project(services), app, texts).map(({ service, kind }) => [service.name, kind]));
