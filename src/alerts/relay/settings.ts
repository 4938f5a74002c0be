import type { Channel } from '../plan/requests.ts';

/** What the relay is told (services/monitoring/alertmanager.ts); of each secret, the name of its file. */
export interface RelaySettings {
  project: string;
  listen: { host: string; port: number };
  /** The one address that may ask it. */
  caller: string;
  channels: (Omit<Channel, 'url' | 'token' | 'password'> & { secrets: Partial<Record<'url' | 'token' | 'password', string>> })[];
  deadMan: string | null;
}

/** What the relay sends with: name -> channel, with its secrets. @param read the text of a secret's file */
export function channelsOf({ channels }: RelaySettings, read: (name: string) => string): Map<string, Channel> {
  return new Map(
    channels.map(({ secrets, ...plain }) => {
      const values = Object.fromEntries(Object.entries(secrets).map(([key, file]) => [key, read(file)]));
      return [plain.name, { ...plain, ...values }];
    }),
  );
}
