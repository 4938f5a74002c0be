import type { Settings } from '../settings/schema.ts';
import { type BuildFacts, buildStack } from './build.ts';
import type { ServiceDefinition } from './service.ts';

/** The settings by whose values this stack is built, such as `app.logLevel`: all others of its services' keys are without effect on it. */
export function settingsRead(settings: Settings, registry: readonly ServiceDefinition[], facts: BuildFacts): ReadonlySet<string> {
  const read = new Set<string>();
  buildStack(settings, registry, { ...facts, watch: (effective) => watched(effective, [], read) as Settings });
  return read;
}

const isPlain = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && [Object.prototype, null].includes(Object.getPrototypeOf(value));

/** The same object, which notes what is read of it. */
function watched(value: object, path: readonly string[], read: Set<string>): object {
  return new Proxy(value, {
    get: (target, key, receiver) => {
      const inner: unknown = Reflect.get(target, key, receiver);
      if (typeof key === 'symbol') return inner;
      const here = [...path, key];
      if (isPlain(inner)) return watched(inner, here, read);
      read.add(here.join('.'));
      return inner;
    },
  });
}
