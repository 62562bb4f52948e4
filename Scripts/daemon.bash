# Starts coupond with its servers, and stops them in order. run, demo and measure-recovery source it.
# The caller sets folder (for data) and port, and then: trap stop_all EXIT. The programs are those of the
# release build, or in the folder PROGRAMS.

programs=${PROGRAMS:-$(swift build --configuration release --show-bin-path)}
# A script may stand in another folder when it ends.
private_servers=$PWD/Scripts/private-servers
daemon=

listening() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# free_port FIRST: one of the 5,000 ports from there on. Ports below those that the kernel uses for outgoing
# connections.
free_port() {
    local candidate
    while :; do
        candidate=$(( $1 + RANDOM % 5000 ))
        listening $candidate || break
    done
    echo $candidate
}

# Waits until the daemon answers. Returns 1 if it has ended.
daemon_answers() {
    until listening "$port"; do
        kill -0 "$daemon" 2>/dev/null || return 1
        sleep 0.05
    done
}

# start_all REDIS_PORT [OPTION...]
start_all() {
    local redis_port=$1 conninfo
    shift
    # Otherwise the other program would be taken for this daemon.
    if listening "$port"; then
        echo "Another program listens on port $port. It is:" >&2
        echo "    ss --tcp --listening --processes 'sport = :$port'" >&2
        return 1
    fi
    conninfo=$("$private_servers" start "$folder" "$redis_port")
    # In a session of its own, so Ctrl-C reaches only the script, which then drains the daemon. If the
    # script is killed, the kernel sends the daemon SIGTERM.
    setpriv --pdeathsig TERM -- setsid "$programs/coupond" --listen "127.0.0.1:$port" \
        --redis "127.0.0.1:$redis_port" --postgres "$conninfo" "$@" &
    daemon=$!
    if ! daemon_answers; then
        echo "coupond ended before it answered on port $port." >&2
        return 1
    fi
}

# Drains the daemon, then stops its servers. Exits with the daemon's code if the daemon failed.
stop_all() {
    local code=$? daemon_code=0
    trap - EXIT
    trap '' INT TERM
    if [[ -n $daemon ]]; then
        kill -TERM "$daemon" 2>/dev/null || true
        wait "$daemon" || daemon_code=$?
    fi
    "$private_servers" stop "$folder"
    (( code != 0 )) || code=$daemon_code
    exit "$code"
}
