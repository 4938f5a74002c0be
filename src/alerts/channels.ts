import type { Project } from '../capability/capability.ts';
import type { AlertsSettings, ChannelSettings } from '../services/monitoring/alerts-settings.ts';
import type { Channel } from './plan/requests.ts';

export const alertsOfProject = ({ loaded }: Pick<Project, 'loaded'>): AlertsSettings => loaded.settings.alerts as AlertsSettings;

/** A channel as the settings say it, to send with from here. */
export const channelOf = (name: string, { url, token, password, ...plain }: ChannelSettings): Channel => ({
  ...plain,
  name,
  url: url?.reveal(),
  token: token?.reveal(),
  password: password?.reveal(),
});
