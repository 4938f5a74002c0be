/**
 * Headers in the form of OTEL_EXPORTER_OTLP_HEADERS: `name=value`, separated by commas, values percent-encoded
 * (https://opentelemetry.io/docs/specs/otel/protocol/exporter/#specifying-headers-via-environment-variables).
 * @returns undefined where it is none of that, or holds what no header may have
 */
export function headersOf(text: string): Record<string, string> | undefined {
  const entries = text.split(',').filter((entry) => entry.trim() !== '');
  const headers: Record<string, string> = {};
  for (const entry of entries) {
    const [, name, encoded = ''] = /^\s*([\w!#$%&'*+.^`|~-]+)\s*=\s*(.*?)\s*$/.exec(entry) ?? [];
    const value = decoded(encoded);
    if (name === undefined || value === undefined || !/^[\x20-\x7e]*$/.test(value)) return undefined;
    headers[name] = value;
  }
  return headers;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
