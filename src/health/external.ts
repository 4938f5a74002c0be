import type { Seen } from '../capability/capability.ts';
import type { Check } from '../capability/check.ts';
import { type Answer, externalCheck } from './plan/external.ts';

const PATIENCE_MS = 2000;

/** Asks each service outside that the settings name, all at once; no token is sent. */
export async function externalChecks({ project, containers }: Seen): Promise<Check[]> {
  if (containers.length === 0) return [];
  return Promise.all(
    Object.entries(project.loaded.settings.external).flatMap(([key, { url }]) =>
      url ? [answerOf(url).then((answer) => externalCheck(key, url, answer))] : [],
    ),
  );
}

async function answerOf(url: string): Promise<Answer> {
  try {
    const answer = await fetch(url, { method: 'GET', redirect: 'manual', signal: AbortSignal.timeout(PATIENCE_MS) });
    await answer.body?.cancel();
    return { status: answer.status };
  } catch (error) {
    const { name, cause } = error as Error & { cause?: { code?: string; message?: string } };
    return { error: cause?.code ?? cause?.message ?? name };
  }
}
