/** Says of each key in ARGV what it is: TYPE, its elements, PEXPIRETIME. A cluster looks at keys of several slots only with the flag. */
const FACTS = `local count = {string = 'STRLEN', list = 'LLEN', set = 'SCARD', hash = 'HLEN', zset = 'ZCARD', stream = 'XLEN'}
local function facts(key)
  local type = redis.call('TYPE', key).ok
  local elements = -1
  if count[type] then elements = redis.call(count[type], key) end
  return type .. ' ' .. elements .. ' ' .. string.format('%.0f', redis.call('PEXPIRETIME', key))
end
local out = {}`;

export const KEY_FACTS = `#!lua flags=no-writes,allow-cross-slot-keys
${FACTS}
for i, key in ipairs(ARGV) do out[i] = facts(key) end
return out`;

/** The same, and the bytes that each takes in memory. */
export const KEY_SIZES = `${FACTS}
for i, key in ipairs(ARGV) do out[i] = facts(key) .. ' ' .. (redis.call('MEMORY', 'USAGE', key, 'SAMPLES', '0') or 0) end
return out`;

/**
 * A server that has what it is given on its input as its data, and answers in its own container alone. Its log is its error output. It ends
 * where nothing has asked whether it answers for a minute: no label tells others that the process is gone that a rehearsal belongs to.
 */
export const STAGE = `cat >/var/lib/redis/dump.rdb
touch /tmp/asked
redis-server --bind 127.0.0.1 --port 6379 --databases 4096 --loglevel warning --save '' --appendonly no --maxmemory 0 --dir /var/lib/redis >&2 &
server=$!
while kill -0 $server 2>/dev/null && [ ! -e /tmp/talks ]; do
  sleep 1
  if [ $(($(date +%s) - $(stat -c %Y /tmp/asked))) -gt 60 ]; then kill $server; fi
done
wait $server`;

/** Whether it answers. */
export const ASK = 'touch /tmp/asked; exec redis-cli ping';

/** Input and output of that server, as Redis' protocol. The server ends with this connection, also where its other end was killed. */
export const TALK = `touch /tmp/talks
exec 3<>/dev/tcp/127.0.0.1/6379
cat <&3 &
cat >&3
kill $! 2>/dev/null
exec 4<>/dev/tcp/127.0.0.1/6379
printf 'SHUTDOWN NOSAVE\\r\\n' >&4`;

/** redis-cli towards a server elsewhere: its password is the first line of the input, and the rest its CA's certificate. */
export const ELSEWHERE = `IFS= read -r password
[ -z "$password" ] || export REDISCLI_AUTH=$password
cat >/tmp/ca.pem
exec redis-cli -e --no-auth-warning "$@" </dev/null`;

const CONNECT = `connect=(redis-cli -h 127.0.0.1) secret=/run/secrets/redis-password
if [ "\${REDIS_MODE:-single}" != single ]; then connect+=(--tls --cacert /run/trust/internal-ca.pem); fi`;

/** What a node of the cache says of itself, as the application. */
export const LOOK = `${CONNECT}
if [ "\${REDIS_MODE:-single}" != single ]; then connect+=(--user medianest) secret+=-a; fi
IFS= read -r -d '' REDISCLI_AUTH <"$secret"
export REDISCLI_AUTH
echo "medianest_mode:\${REDIS_MODE:-single}"
"\${connect[@]}" -e info || exit 1
[ "\${REDIS_MODE:-single}" != cluster ] || "\${connect[@]}" -e cluster nodes || exit 1
for n in "$@"; do "\${connect[@]}" -e select "$n" >/dev/null 2>&1 || break; echo "medianest_highest:$n"; done`;

const LOAD = `REDISCLI_AUTH=$(<local) redis-cli -e -h 127.0.0.1 --tls --cacert /run/trust/internal-ca.pem --user local acl load >/dev/null`;

/** A user for the import alone, whose password is the input; gone with the container's next start at the latest. A single server needs none. */
export const GRANT = `set -eu
umask 077
[ "\${REDIS_MODE:-single}" != single ] || exit 0
IFS= read -r password
cd /run/redis
{ grep -v '^user import ' users.acl; echo "user import on #$(printf %s "$password" | sha256sum | cut -d ' ' -f 1) ~* &* +@all -@admin +client|kill"; } >users.acl.import
mv users.acl.import users.acl
${LOAD}`;

export const REVOKE = `set -eu
umask 077
[ "\${REDIS_MODE:-single}" != single ] || exit 0
cd /run/redis
grep -v '^user import ' users.acl >users.acl.import
mv users.acl.import users.acl
${LOAD}`;

/** redis-cli as that user; the first line of the input is its password. */
export const AS_IMPORT = `${CONNECT}
IFS= read -r REDISCLI_AUTH
if [ "\${REDIS_MODE:-single}" = single ]; then IFS= read -r -d '' REDISCLI_AUTH <"$secret"; else connect+=(--user import); fi
export REDISCLI_AUTH
exec "\${connect[@]}" --no-auth-warning "$@"`;

/** A key in a line of redis-cli's input. */
export function quoted(key: Buffer): string {
  let text = '';
  for (const byte of key)
    text += byte > 32 && byte < 127 && byte !== 34 && byte !== 92 ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`;
  return `"${text}"`;
}
