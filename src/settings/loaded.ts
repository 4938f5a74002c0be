import type { Merged } from './profile.ts';
import type { Settings } from './schema.ts';

/** A component that stays off although the profile switches it on. */
export interface LeftOff {
  component: string;
  why: string;
  fix: string;
}

/** Settings as they were read and validated, and where each value came from. */
export interface Loaded {
  settings: Settings;
  profile: string;
  description: string;
  origins: Merged['origins'];
  /** Folder that relative paths in the settings, and the state folder, are beside. */
  root: string;
  configFile: string | undefined;
  /** Variables that begin like settings and are none, each with the one that was probably meant. */
  unknownVariables: readonly { name: string; near: string | undefined }[];
  /** Components that the profile switches on, and that stay off with these settings, where there is something to say. */
  leftOff: readonly LeftOff[];
  /** Files that secret settings name (`file:path`), as they name them. */
  secretFiles: readonly string[];
}
