import type { EngineInfo } from './types.ts';

/** The parts of `GET /version` that are read. */
interface Version {
  Version: string;
  Arch: string;
  Components?: { Name: string }[];
}

/** The parts of `GET /info` that are read; imitations of Docker leave some out. */
interface Info {
  Name?: string;
  MemTotal: number;
  DockerRootDir?: string;
  Driver?: string;
  CgroupVersion?: string;
  SecurityOptions?: string[];
  SystemTime?: string;
  MemoryLimit?: boolean;
  SwapLimit?: boolean;
  CpuCfsQuota?: boolean;
  PidsLimit?: boolean;
}

/** The first engine with the gateway mode `isolated` (its release notes, 28.0). */
const ISOLATES_SINCE = 28;

/** The engine's two answers about itself, as far as they matter here. */
export function toEngineInfo(version: Version, info: Info): EngineInfo {
  const security = (name: string) => (info.SecurityOptions ?? []).some((option) => option.split(',')[0] === `name=${name}`);
  const time = new Date(info.SystemTime ?? '');
  const podman = (version.Components ?? []).some(({ Name }) => /podman/i.test(Name));
  return {
    version: version.Version,
    arch: version.Arch,
    memoryBytes: info.MemTotal,
    name: info.Name ?? '',
    rootDir: info.DockerRootDir ?? '',
    storageDriver: info.Driver ?? '',
    cgroupVersion: info.CgroupVersion ?? '',
    rootless: security('rootless'),
    remapped: security('userns'),
    isolates: !podman && Number.parseInt(version.Version, 10) >= ISOLATES_SINCE,
    podman,
    time: Number.isNaN(time.getTime()) ? undefined : time,
    // Cgroup v2 gives these whenever it gives anything; the engine reports them all the same.
    limits: {
      memory: info.MemoryLimit !== false,
      swap: info.SwapLimit !== false,
      cpus: info.CpuCfsQuota !== false,
      pids: info.PidsLimit !== false,
    },
  };
}
