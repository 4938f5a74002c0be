/** A host port and where it leads. */
export interface PublishedPort {
  address: string;
  host: number;
  container: number;
  /** The setting that moves it. */
  setting: string;
  /** TCP where it is not said. */
  protocol?: 'udp';
  /** It answers only who has a key: the firewall lets everyone ask, unless `firewall.ports` names it. */
  forEveryone?: true;
}

/** How a service is reached through the front, which has two ports of the host for several projects. */
export interface FrontLink {
  /** The front's own Compose project. */
  name: string;
  /** Its state folder. */
  root: string;
  /** Ports of the host that lead to the front; the container publishes none of them. */
  ports: PublishedPort[];
  /** The names that are passed on to it, in small letters. */
  names: string[];
}
