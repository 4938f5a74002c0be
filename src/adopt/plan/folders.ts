import type { ComposeMount, ComposeProject, ComposeService } from './compose-project.ts';

/** Data of the old project that comes along. */
export interface Move {
  /** As `import files` takes it: `volume:old_uploads` or a folder. */
  from: string;
  /** `uploads`, or a name of app.volumes. */
  to: string;
  target: string;
}

export interface Folders {
  uploadsPath: string | undefined;
  volumes: Record<string, { path: string }>;
  writable: string[];
  moves: Move[];
  /** What cannot be taken, and why. */
  left: string[];
  /** A media library. */
  media: { kind: 'bind'; path: string } | undefined;
}

const UPLOADS = /(^|[/_-])(uploads?|attachments?|media|storage|files|public\/files|content)([/_-]|$)/i;
const LIBRARY = /(^|\/)(movies|films|tv|series|music|photos|media|library|videos|shows)(\/|$)/i;
/** A file, by its name. */
const IS_FILE = /\/[^/]*\.(conf|cfg|ya?ml|json|toml|ini|env|crt|pem|key|js|ts|py|sh|sql|txt|xml|properties|php|htpasswd)$/i;

/** Compose’s name of a volume as one of ours: small letters, digits and hyphens. */
const volumeKey = (name: string): string =>
  name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 41) || 'data';

/** The folders of one service. @param sources volumes that have a place already, by the old name: processes may share them */
export function foldersOf(service: ComposeService, project: ComposeProject, isApp: boolean): Folders {
  const folders: Folders = { uploadsPath: undefined, volumes: {}, writable: [], moves: [], left: [], media: undefined };
  const leave = (mount: ComposeMount, why: string) =>
    folders.left.push(`${service.name}: ${mount.source || mount.kind} at ${mount.target}: ${why}`);
  for (const mount of service.mounts) {
    // These are in memory in every container here.
    if (mount.kind === 'tmpfs' && ['/tmp', '/run', '/dev/shm'].includes(mount.target)) continue;
    if (mount.kind === 'tmpfs') folders.writable.push(mount.target);
    else if (/docker\.sock$/.test(mount.source) || /docker\.sock$/.test(mount.target))
      leave(mount, 'the engine’s socket makes its user root on this host; no application is given it');
    else if (mount.kind === 'other') leave(mount, 'this kind of mount has no place here');
    else if (mount.kind === 'bind' && /^\/(dev|proc|sys|run|var\/run|etc|boot|lib\/modules)(\/|$)|^\/$/.test(mount.source))
      leave(mount, 'a part of the host’s own system; name what the application needs of it in another way');
    else if (mount.kind === 'bind' && IS_FILE.test(mount.target))
      leave(mount, 'a single file of the host: build it into the image, or hand it as a variable');
    else if (mount.kind === 'bind' && mount.readOnly && isApp && LIBRARY.test(mount.source) && !folders.media)
      folders.media = { kind: 'bind', path: mount.source };
    else if (mount.readOnly)
      leave(
        mount,
        'a folder that is only read: build it into the image, or copy it into a volume (app.volumes) by `medianest import files`',
      );
    else take(folders, mount, project, isApp);
  }
  return folders;
}

function take(folders: Folders, mount: ComposeMount, project: ComposeProject, isApp: boolean): void {
  const volume = mount.kind === 'volume' ? project.volumes[mount.source] : undefined;
  const from = mount.kind === 'bind' ? mount.source : `volume:${volume?.name ?? mount.source}`;
  // An anonymous volume: it has no name to come from.
  if (mount.source === '') {
    folders.writable.push(mount.target);
    return;
  }
  if (isApp && folders.uploadsPath === undefined && UPLOADS.test(mount.target)) {
    folders.uploadsPath = mount.target;
    folders.moves.push({ from, to: 'uploads', target: mount.target });
    return;
  }
  const base = volumeKey(mount.kind === 'bind' ? (mount.target.split('/').at(-1) ?? '') : mount.source);
  const key = base in folders.volumes ? volumeKey(mount.target) : base;
  folders.volumes[key] = { path: mount.target };
  folders.moves.push({ from, to: key, target: mount.target });
}
