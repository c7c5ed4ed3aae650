# shellcheck shell=bash disable=SC2153  # STATE, the lab's folder, is set by `lab`
# A part is one background program of the lab. Its pid is in $STATE/run/NAME.pid, its output in $STATE/log/NAME.log.
# Nothing is ever stopped by name: only a recorded pid whose start time is still the recorded one.

# The 22nd field of /proc/PID/stat, counted after the program's name, which may hold spaces.
start_time_of() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }

# Not gone, not a zombie, and not another program that was given the same pid.
is_running() {
  local pid=$1 started=$2 state
  state=$(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null | cut -c1)
  [ -n "$state" ] && [ "$state" != Z ] && [ "$(start_time_of "$pid")" = "$started" ]
}

part_is_running() {
  local pid started
  read -r pid started 2>/dev/null <"$STATE/run/$1.pid" || return 1
  is_running "$pid" "$started"
}

# start_part NAME COMMAND...: in a session of its own, so that Ctrl-C in the terminal reaches it only through `lab down`.
start_part() {
  local name=$1 pid
  shift
  part_is_running "$name" && die "$name is already running in $STATE"
  mkdir -p "$STATE/run" "$STATE/log"
  setsid "$@" </dev/null >>"$STATE/log/$name.log" 2>&1 &
  pid=$!
  disown "$pid"
  printf '%s %s\n' "$pid" "$(start_time_of "$pid")" >"$STATE/run/$name.pid"
}

# stop_part NAME [SIGNAL [SECONDS]]: the signal, then KILL for what is still there after that time.
stop_part() {
  local name=$1 signal=${2:-TERM} seconds=${3:-10} pid started
  read -r pid started 2>/dev/null <"$STATE/run/$name.pid" || return 0
  if is_running "$pid" "$started"; then
    kill -s "$signal" "$pid" 2>/dev/null || true
    if ! wait_until "$seconds" not is_running "$pid" "$started"; then
      say "lab: $name (pid $pid) did not end within $seconds s of $signal: killed" >&2
      kill -KILL "$pid" 2>/dev/null || true
      wait_until 5 not is_running "$pid" "$started" || true
    fi
  fi
  rm -f "$STATE/run/$name.pid"
}

not() { ! "$@"; }

# wait_until SECONDS COMMAND...: tries the command every 50 ms.
wait_until() {
  local deadline=$((${EPOCHREALTIME/./} + $1 * 1000000))
  shift
  until "$@"; do
    [ "${EPOCHREALTIME/./}" -lt "$deadline" ] || return 1
    sleep 0.05
  done
}

# wait_for_part NAME SECONDS COMMAND...: until the command succeeds; fails at once when the part ends.
wait_for_part() {
  local name=$1 seconds=$2 status=0
  shift 2
  wait_until "$seconds" part_ended_or "$name" "$@" || status=$?
  part_is_running "$name" && [ "$status" = 0 ] && return 0
  say "lab: $name is not ready; the end of $STATE/log/$name.log:" >&2
  tail -n 15 "$STATE/log/$name.log" >&2
  return 1
}
part_ended_or() {
  local name=$1
  shift
  ! part_is_running "$name" || "$@"
}

is_listening() { (: <"/dev/tcp/$1/$2") 2>/dev/null; }

# free_ports COUNT: ports that the kernel lets us bind now. They are taken from below the range of outgoing connections, so that
# none of those sits on the port while a part is being restarted.
free_ports() {
  python3 - "$1" <<'PYTHON'
import random, socket, sys

with open("/proc/sys/net/ipv4/ip_local_port_range") as limits:
    first_outgoing = int(limits.read().split()[0])
candidates = range(10240, first_outgoing) if first_outgoing > 12000 else range(10240, 65536)
held = []
while len(held) < int(sys.argv[1]):
    candidate = socket.socket()
    try:
        candidate.bind(("127.0.0.1", random.choice(candidates)))
        held.append(candidate)
    except OSError:
        candidate.close()
print(*(s.getsockname()[1] for s in held))
PYTHON
}

# set_env KEY VALUE: what the lab tells its users, in $STATE/env.
set_env() {
  touch "$STATE/env"
  sed -i "/^$1=/d" "$STATE/env"
  printf '%s=%s\n' "$1" "$2" >>"$STATE/env"
}
get_env() { sed -n "s/^$1=//p" "$STATE/env" 2>/dev/null; }

# PostgreSQL and PgBouncer refuse to run as root: there, they run as the postgres user.
database_user() { if [ "$(id -u)" = 0 ]; then echo postgres; else id -un; fi; }
as_database_user() {
  if [ "$(id -u)" = 0 ]; then
    exec setpriv --reuid=postgres --regid=postgres --init-groups "$@"
  else
    exec "$@"
  fi
}
