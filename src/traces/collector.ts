import type { Seen } from '../capability/capability.ts';
import type { Check } from '../capability/check.ts';
import { tracesEndpoint } from '../services/shared/traces.ts';
import { type Answer, collectorCheck } from './plan/collector.ts';
import { headersOf } from './plan/headers.ts';

const PATIENCE_MS = 2000;

/** Sends an export without spans (an empty message of OTLP), as the application would. */
export async function collectorChecks({ project: { loaded }, containers }: Seen): Promise<Check[]> {
  const endpoint = tracesEndpoint(loaded);
  if (endpoint === undefined || containers.length === 0) return [];
  const headers = headersOf(loaded.settings.traces.headers?.reveal() ?? '');
  return [
    collectorCheck(endpoint, headers ? await exported(`${endpoint}/v1/traces`, headers) : { error: 'traces.headers cannot be read' }),
  ];
}

async function exported(url: string, headers: Record<string, string>): Promise<Answer> {
  try {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/x-protobuf' },
      body: new Uint8Array(),
      redirect: 'manual',
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    await answer.body?.cancel();
    return { status: answer.status };
  } catch (error) {
    const { name, cause } = error as Error & { cause?: { code?: string } };
    return { error: cause?.code ?? name };
  }
}
