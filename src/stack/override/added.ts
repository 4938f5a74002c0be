/** A service that the operator's override adds to the stack. */
export interface AddedService {
  name: string;
  /** What its container is labelled with: another text means a new container. */
  inputs: string;
  /** How many containers; none where one of Compose's profiles has to be asked for. */
  count: number;
  /** Undefined where only Compose knows it. */
  image: string | undefined;
  /** Compose would build the image, and `up` does not. */
  builds: boolean;
}

/** What `compose.override.yml` adds. */
export interface Added {
  services: AddedService[];
  /** Its volumes, as the engine calls them. */
  volumes: string[];
  /** It includes other files: what they add is Compose's alone. */
  includes: boolean;
}
