import type { JsonObject } from '../../core/json.ts';
import { ALERT_CAUSES } from '../shared/alert-causes.ts';
import type { AlertsSettings, ChannelSettings } from './alerts-settings.ts';

/** The name that a test alert carries; the relay and `alerts test` know it. */
export const TEST_ALERT = 'MedianestTest';

/** How long Alertmanager waits for the relay, which itself waits less for a receiver: a receiver that hangs loses no attempt. */
const TIMEOUT = { web: '5s', mail: '15s' };

/**
 * Alertmanager's configuration: one receiver and up to two routes for each channel, so that no channel waits for another.
 * A critical alert goes out within seconds, also where its group exists already. Others are collected.
 */
export function alertmanagerView(own: AlertsSettings, relay: string): JsonObject {
  const channels = Object.entries(own.channels);
  const repeat = `${own.repeatHours}h`;
  return {
    receivers: channels.map(([name, { host }]) => ({
      name,
      url: `http://${relay}/channel/${name}`,
      timeout: host ? TIMEOUT.mail : TIMEOUT.web,
    })),
    tests: channels.map(([name]) => ({ name, matchers: [`alertname=${TEST_ALERT}`, `channel=${name}`] })),
    testAlert: TEST_ALERT,
    routes: channels.flatMap(([name, channel]) => routesOf(name, channel, repeat)),
    quiet: channels.flatMap(([name, { quiet }]) => (quiet ? [{ name: `quiet-${name}`, times: spans(quiet), zone: own.timezone }] : [])),
    inhibits: Object.entries(ALERT_CAUSES).flatMap(([cause, { explains }]) =>
      explains.length === 0 ? [] : [{ source: [`cause=${cause}`, 'severity=critical'], target: [`cause=~"${explains.join('|')}"`] }],
    ),
    deadMan: own.deadMan.url ? `http://${relay}/dead-man` : null,
  };
}

function routesOf(name: string, { severities, quiet }: ChannelSettings, repeat: string): JsonObject[] {
  const rest = severities.filter((severity) => severity !== 'critical');
  return [
    ...(severities.includes('critical')
      ? [{ name, matchers: ['severity=critical'], wait: '5s', interval: '30s', repeat, mute: null }]
      : []),
    ...(rest.length > 0
      ? [{ name, matchers: [`severity=~"${rest.join('|')}"`], wait: '30s', interval: '5m', repeat, mute: quiet ? `quiet-${name}` : null }]
      : []),
  ];
}

/** A night is two spans: Alertmanager knows none that goes over midnight. */
function spans({ from, to }: { from: string; to: string }): JsonObject[] {
  if (from < to) return [{ start_time: from, end_time: to }];
  return [{ start_time: from, end_time: '24:00' }, ...(to === '00:00' ? [] : [{ start_time: '00:00', end_time: to }])];
}
