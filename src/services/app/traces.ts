import type { BuildInput } from '../../stack/service.ts';
import type { SecretSpec } from '../../stack/types.ts';
import { ownTracesEndpoint, traced, traceName, tracesEndpoint } from '../shared/traces.ts';
import { givenUrl, type WayOut } from './ways-out.ts';

const HEADERS = 'traces-headers';

/**
 * What the application is given to send its traces by, in the variables that every OpenTelemetry SDK reads
 * (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/); nothing where there are none.
 */
export function tracesContract(input: BuildInput, ways: readonly WayOut[]): { environment: Record<string, string>; secrets: SecretSpec[] } {
  const outside = tracesEndpoint(input);
  const endpoint = outside === undefined ? ownTracesEndpoint(input) : givenUrl(outside, ways);
  if (endpoint === undefined) return { environment: {}, secrets: [] };
  const { headers, sample, slowMs } = input.settings.traces;
  return {
    environment: {
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
      ...(headers && { OTEL_EXPORTER_OTLP_HEADERS_FILE: `/run/secrets/${HEADERS}` }),
      OTEL_SERVICE_NAME: traceName(input),
      // What the edge has decided by the trace id holds; where no edge did, the same share.
      OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
      OTEL_TRACES_SAMPLER_ARG: String(sample),
      TRACES_SLOW_MS: String(slowMs),
      // Without the edge, a visitor could say it.
      ...(input.enabled('edge') && { TRACES_PARENT_TRUSTED: 'true' }),
    },
    secrets: headers ? [{ name: HEADERS, source: { given: headers } }] : [],
  };
}

/** Who sends them, in the form of OTEL_RESOURCE_ATTRIBUTES. @param ref image; the portal, where none is given, knows its own version */
export function resourceAttributes(input: BuildInput, replica: string, ref: string | undefined): Record<string, string> {
  if (!traced(input)) return {};
  const attributes = {
    'service.instance.id': replica,
    ...(ref && { 'service.version': versionOf(ref) }),
    'deployment.environment.name': input.settings.profile,
  };
  const pairs = Object.entries(attributes).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  return { OTEL_RESOURCE_ATTRIBUTES: pairs.join(',') };
}

/** Tag or digest of an image: `1.4` of `ghcr.io/you/app:1.4`. */
const versionOf = (ref: string): string => /@(.+)$/.exec(ref)?.[1] ?? /:([^:/]+)$/.exec(ref)?.[1] ?? 'latest';
