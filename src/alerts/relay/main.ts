import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { relayServer } from './serve.ts';
import { channelsOf, type RelaySettings } from './settings.ts';

/*
 * alert-relay: sends what Alertmanager decides to the channels, for ever. Each channel's last delivery stands in
 * deliveries.json, which `medianest health` and `alerts test` read; the address that it listens on in `listen`.
 */
const CONFIG = process.env.ALERT_RELAY_CONFIG ?? '/etc/medianest/current/relay.json';
const SECRETS = process.env.ALERT_RELAY_SECRETS ?? '/run/secrets';
const STATE = process.env.ALERT_RELAY_STATE ?? '/run/alert-relay';

const say = (line: string): boolean => process.stderr.write(`${line}\n`);
const settings = JSON.parse(readFileSync(CONFIG, 'utf8')) as RelaySettings;
const read = (name: string): string => readFileSync(path.join(SECRETS, name), 'utf8');

function write(name: string, text: string): void {
  const file = path.join(STATE, name);
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
}

const deliveries: Record<string, { at: string; problem?: string }> = {};

function delivered(name: string, problem: string | undefined): void {
  deliveries[name] = { at: new Date().toISOString(), ...(problem !== undefined && { problem }) };
  if (problem !== undefined) say(`${name}: ${problem}`);
  write('deliveries.json', JSON.stringify(deliveries));
}

mkdirSync(STATE, { recursive: true });
const server = relayServer({
  project: settings.project,
  caller: settings.caller,
  channels: channelsOf(settings, read),
  deadMan: settings.deadMan ? read(settings.deadMan) : undefined,
  delivered,
});
for (const signal of ['SIGTERM', 'SIGINT'] as const)
  process.once(signal, () => {
    server.close(() => process.exit(0));
    setTimeout(() => process.exit(0), 5000).unref();
  });
const { host, port } = settings.listen;
write('deliveries.json', '{}');
server.listen(port, host, () => {
  write('listen', `${host} ${port}\n`);
  say(`sends to ${settings.channels.map(({ name }) => name).join(', ') || 'no channel'}`);
});
