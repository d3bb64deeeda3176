import type { Cluster } from './cluster.ts';
import { port } from './connection.ts';

/** The arguments of `postgres` for this cluster. */
export function commandLineOptions(cluster: Cluster): readonly string[] {
  const { data, folders } = cluster;
  const settings = Object.entries(serverSettings(cluster)).flatMap(([name, value]) => [
    '-c',
    `${name}=${value}`,
  ]);
  return ['-D', data, '-k', folders.socket, '-p', String(port), ...settings];
}

/** Where the server's configuration differs from PostgreSQL's defaults. */
function serverSettings({ fsync }: Cluster): Readonly<Record<string, string>> {
  return {
    listen_addresses: '', // only the socket: no port that may be taken, or that others could find
    unix_socket_permissions: '0700',
    timezone: 'UTC', // as on Aurora
    log_timezone: 'UTC',
    max_connections: '200', // 40 for a Data API endpoint, 5 for a test's database, and room for several of both
    shared_buffers: '256MB', // twice the default: the demo (34 MB) and the databases of several tests stay in memory
    // Bulk loads of the demo and the benchmark write gigabytes. Checkpoints by the clock spread that out; by volume
    // they would come one after another.
    max_wal_size: '4GB',
    checkpoint_timeout: '15min',
    fsync: fsync ? 'on' : 'off',
    full_page_writes: fsync ? 'on' : 'off',
  };
}
