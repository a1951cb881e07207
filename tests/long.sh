#!/usr/bin/env bash
# The long proof of the network: a link between two hosts is cut, each way 20 times, in parallel network namespaces.
#
#     tests/long.sh [STATE]        STATE: where it is kept what is done (target/long); run it again to go on
#     RUNS=20 SHARDS=6 CUTS="1 2 8 20" TRAFFIC="idle steady saturated" LEASE=2000 tests/long.sh
#     tests/long.sh --table [STATE]   prints the table of what is done
#
# Needs root and `ip`. A run that fails is kept with its output, as STATE/CUT-TRAFFIC-NUMBER.failed, and is not run again.
set -euo pipefail
cd "$(dirname "$0")/.."

table=no
if [ "${1:-}" = --table ]; then table=yes; shift; fi
state=$(realpath -m "${1:-target/long}")
read -ra cuts <<<"${CUTS:-1 2 8 20}"
read -ra kinds <<<"${TRAFFIC:-idle steady saturated}"

table() {
    echo "| cut | traffic | runs | failed | healed after, median | at most | requests | returned | found half-dead | opened anew |"
    echo "|---|---|---|---|---|---|---|---|---|---|"
    for cut in "${cuts[@]}"; do
        for kind in "${kinds[@]}"; do
            failed=$(find "$state" -name "$cut-$kind-*.failed" | wc -l)
            find "$state" -name "$cut-$kind-*.done" -exec grep -ho 'RESULT.*' {} + | tr '=' ' ' | sort -k3n |
                awk -v cut="$cut" -v kind="$kind" -v failed="$failed" '
                    { healed[NR] = $3; sent += $5; returned += $9; dead += $11 > 0; anew += $15 > 0 }
                    END {
                        if (!NR && !failed) exit
                        printf "| %s s | %s | %d | %d | %s ms | %s ms | %d | %d | %d | %d |\n", cut, kind, NR + failed, failed,
                            healed[int((NR + 1) / 2)], healed[NR], sent, returned, dead, anew
                    }'
        done
    done
}
if [ "$table" = yes ]; then table; exit; fi

mkdir -p "$state"
binary=${BINARY:-$(cargo test --features net --test network_processes --no-run --message-format json |
    sed -n 's/.*"executable":"\([^"]*network_processes[^"]*\)".*/\1/p')}

one() {
    run=$state/$1-$2-$3
    if [ -e "$run.done" ] || [ -e "$run.failed" ]; then return; fi
    if CUT_SECONDS=$1 CUT_TRAFFIC=$2 CUT_LEASE=${LEASE:-2000} timeout --kill-after=10 180 \
        "$binary" --exact cuts::one_cut --ignored --nocapture >"$run.running" 2>&1; then
        mv "$run.running" "$run.done"
    else
        mv "$run.running" "$run.failed"
        echo "failed: $run.failed"
    fi
}
export -f one
export state binary

# Every kind once, then every kind again: what is done of an unfinished proof is even.
for number in $(seq "${RUNS:-20}"); do
    for cut in "${cuts[@]}"; do
        for kind in "${kinds[@]}"; do echo "$cut $kind $number"; done
    done
done | xargs -P "${SHARDS:-6}" -L 1 bash -c 'one "$@"' one

table
! find "$state" -name '*.failed' | grep -q .
