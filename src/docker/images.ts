import type { Engine, ImageStart } from './types.ts';

/** The parts of `GET /images/NAME/json` that are read. */
interface Inspected {
  Id: string;
  RepoDigests?: string[] | null;
  RootFS?: { Layers?: string[] | undefined };
  Architecture: string;
  Config: {
    Entrypoint?: string | string[] | null | undefined;
    Cmd?: string | string[] | null;
    Healthcheck?: { Test?: string[] | null | undefined } | undefined;
  };
}

/** What is asked of single images. @param inspect false where the engine does not have it */
export function askedImages(inspect: (ref: string) => Promise<Inspected | false>): Pick<Engine, 'image' | 'imageStart' | 'missingImages'> {
  return {
    image: async (ref) => {
      const found = await inspect(ref);
      return found ? { id: found.Id, digests: found.RepoDigests ?? [], layers: found.RootFS?.Layers ?? [] } : undefined;
    },
    imageStart: async (ref) => {
      const found = await inspect(ref);
      return found ? startOf(found) : undefined;
    },
    missingImages: async (refs) => {
      const present = await Promise.all(refs.map(inspect));
      return refs.filter((_ref, index) => !present[index]);
    },
  };
}

/** Docker keeps the shell form of both as a list that begins with the shell; `HEALTHCHECK NONE` is a check that is switched off. */
function startOf({ Config, Architecture }: Inspected): ImageStart {
  const list = (value: string | string[] | null | undefined) => (typeof value === 'string' ? [value] : (value ?? []));
  const test = Config.Healthcheck?.Test ?? [];
  return {
    entrypoint: list(Config.Entrypoint),
    command: list(Config.Cmd),
    checksHealth: test.length > 0 && test[0] !== 'NONE',
    architecture: Architecture,
  };
}
