import type { ComposeService } from './compose-project.ts';

/** What is known of an image on this host; undefined where it is not here. */
export interface ImageFacts {
  user: string | undefined;
  checksHealth: boolean;
}

export interface HealthSettings {
  health?: Record<string, string | number | boolean | string[]>;
  /** A path that answers 2xx while it serves. */
  path?: string;
}

const REQUEST = /\b(?:curl|wget)\b[^|&;]*?\bhttps?:\/\/(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\]|\$HOSTNAME)(?::\d+)?(\/[^\s"'|;&)]*)?/;

/** A check of Compose as `app.health`: a request by curl or wget needs no program of the image here. */
export function healthOf({ health }: ComposeService, image: ImageFacts | undefined): HealthSettings {
  if (!health) return image?.checksHealth ? {} : { health: { none: true } };
  if (health.disabled) return { health: { none: true } };
  const times = {
    ...(health.intervalSeconds && { intervalSeconds: health.intervalSeconds }),
    ...(health.timeoutSeconds && { timeoutSeconds: health.timeoutSeconds }),
    ...(health.startSeconds && { startSeconds: health.startSeconds }),
  };
  if (health.test.length === 0) return { health: times };
  const [how, ...words] = health.test;
  const whole = words.join(' ');
  const asked = REQUEST.exec(whole);
  if (asked) return { health: { get: asked[1] ?? '/', ...times }, path: asked[1] ?? '/' };
  if (how === 'CMD') return { health: { command: words, ...times } };
  return { health: { command: ['sh', '-c', how === 'CMD-SHELL' ? whole : health.test.join(' ')], ...times } };
}
