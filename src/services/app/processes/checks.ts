import { UserError } from '../../../core/errors.ts';
import type { BuildInput } from '../../../stack/service.ts';
import { protocolName } from '../../../stack/types.ts';
import { referencesIn } from '../environment/expand.ts';
import { type AppSettings, appTls } from '../portal.ts';
import { hasCache, hasDatabase } from '../stores.ts';
import { folderPlaces, refuseOverlaps } from '../volumes.ts';
import { isUnneeded, type Process } from './process.ts';

function refuse(message: string, hint: string): never {
  throw new UserError('INVALID_SETTINGS', `${message}; nothing was changed`, hint);
}

const STORES = ['database', 'cache'] as const;

/** @throws UserError INVALID_SETTINGS for a store that `app` needs, or names, and none is switched on */
export function refuseWithoutStore({ own, needs }: Pick<Process, 'own' | 'needs'>, input: BuildInput): void {
  const on = { database: hasDatabase(input), cache: hasCache(input) };
  for (const store of STORES) {
    if (on[store]) continue;
    if (needs[store]) refuse(`the portal needs the ${store}, and none is switched on`, 'switch one on under `components`');
    const named = Object.entries(own.env).find(([, value]) => referencesIn(value).some((name) => name.startsWith(`${store}.`)));
    if (named)
      refuse(
        `app.env.${named[0]} names {${referencesIn(named[1]).find((name) => name.startsWith(`${store}.`))}}, and no ${store} is switched on`,
        'switch one on under `components`, or leave the variable out',
      );
  }
}

/** @throws UserError INVALID_SETTINGS for what a process needs and does not get, or cannot share with `app` */
export function refuseProcess(process: Process, app: AppSettings, input: BuildInput): void {
  const { name, own, beside, needs } = process;
  if (!beside) return;
  const setting = `services.${name}`;
  if (needs.database && !hasDatabase(input))
    refuse(
      `${setting} needs the database, and none is switched on`,
      `\`${setting}.needs: { database: false }\`, or switch one on under \`components\``,
    );
  if (needs.cache && !hasCache(input))
    refuse(
      `${setting} needs the cache, and none is switched on`,
      `\`${setting}.needs: { cache: false }\`, or switch one on under \`components\``,
    );
  // Behind the edge alone both have one protocol: it has one way to speak.
  const tls = appTls(app, input);
  if (process.serves && (beside.paths.length > 0 || beside.host) && !input.enabled('balancer') && appTls(own, input) !== tls)
    refuse(
      `${setting} is spoken to in ${protocolName(!tls)} and \`app\` in ${protocolName(tls)}, and this profile has no balancer to stand between them`,
      `\`${setting}.tls: ${tls}\`${tls ? ' where its image serves HTTPS with the files in TLS_CERT_FILE and TLS_KEY_FILE' : ''}, or \`app.tls: ${!tls}\``,
    );
  for (const [variable, value] of Object.entries(beside.env)) {
    const reference = referencesIn(value).find((entry) => isUnneeded(entry, needs));
    if (reference)
      refuse(
        `${setting}.env.${variable} names {${reference}}, and ${setting}.needs says that it does not need that`,
        `\`${setting}.needs: { ${reference.split('.')[0]}: true }\`, or leave the variable out`,
      );
  }
  const shares = needs.uploads || needs.volumes || (needs.media && app.media.kind === 'volume');
  if (shares && own.user !== app.user)
    refuse(
      `${setting}.user is ${own.user}, and it shares volumes with \`app\`, which runs as ${app.user}: one of them could not write`,
      `the same user for both, or \`${setting}.needs\` without uploads, volumes and media`,
    );
  refuseOverlaps([
    ...folderPlaces({ volumes: own.volumes, writable: [] }, 'app'),
    ...folderPlaces(beside, setting),
    ...(needs.uploads ? [{ setting: 'app.uploadsPath', path: own.uploadsPath }] : []),
  ]);
}
