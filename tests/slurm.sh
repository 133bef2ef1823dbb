#!/bin/bash
# The study's engine `slurm` on a real cluster of one node: slurmctld, slurmd and munged of Debian's `slurm-wlm` and `munge`
# with a configuration, keys, ports and folders of their own, so that a cluster of this machine is not touched.
#
#   tests/slurm.sh                  the engine's own test, then a miniature study on both engines where `compare` is built in
#   tests/slurm.sh -- COMMAND...    COMMAND with SLURM_CONF set, to look around (squeue, sbatch, ...)
#
# Needs root (munged and slurmd want it) and: apt-get install slurm-wlm munge
set -euo pipefail
cd "$(dirname "$0")/.."

for program in slurmctld slurmd munged sbatch scontrol scancel; do
  command -v "$program" >/dev/null || { echo "$program is missing: apt-get install slurm-wlm munge" >&2; exit 2; }
done
[ "$(id -u)" = 0 ] || { echo "slurmd and munged need root" >&2; exit 2; }

home=$(mktemp -d)
chmod 755 "$home"
mkdir -m 755 "$home"/{munge,state,spool,log}
children=()
finish() {
  scontrol shutdown >/dev/null 2>&1 || true
  for child in "${children[@]}"; do kill "$child" 2>/dev/null || true; done
  wait 2>/dev/null || true
  if [ -n "${KEEP:-}" ]; then echo "kept: $home" >&2; else rm -rf "$home"; fi
}
trap finish EXIT

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
dd if=/dev/urandom of="$home/munge/key" bs=1024 count=1 status=none
chmod 600 "$home/munge/key"
munged --foreground --force --key-file="$home/munge/key" --socket="$home/munge/socket" --pid-file="$home/munge/pid" \
  --log-file="$home/log/munged" --seed-file="$home/munge/seed" --num-threads=2 >"$home/log/munged.out" 2>&1 &
children+=($!)

host=$(hostname -s)
cat >"$home/slurm.conf" <<EOF
ClusterName=ushydra
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmdUser=root
SlurmctldPort=$(free_port)
SlurmdPort=$(free_port)
AuthType=auth/munge
AuthInfo=socket=$home/munge/socket
CredType=cred/munge
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=batch_sched_delay=0,sched_interval=1
SlurmdParameters=config_overrides
ReturnToService=2
StateSaveLocation=$home/state
SlurmdSpoolDir=$home/spool
SlurmctldPidFile=$home/slurmctld.pid
SlurmdPidFile=$home/slurmd.pid
SlurmctldLogFile=$home/log/slurmctld
SlurmdLogFile=$home/log/slurmd
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
NodeName=$host NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
EOF
export SLURM_CONF=$home/slurm.conf

show_logs() { tail -n 5 "$home"/log/* >&2 || true; }
for _ in $(seq 50); do [ -S "$home/munge/socket" ] && break; sleep 0.1; done
slurmctld -D -f "$SLURM_CONF" >"$home/log/slurmctld.out" 2>&1 &
children+=($!)
slurmd -D -f "$SLURM_CONF" -N "$host" >"$home/log/slurmd.out" 2>&1 &
children+=($!)
for _ in $(seq 100); do
  state=$(sinfo -h -o %T 2>/dev/null || true)
  [ "$state" = idle ] && break
  sleep 0.3
done
[ "$state" = idle ] || { echo "the node did not come up: $state" >&2; show_logs; exit 1; }
echo "cluster up: $(sinfo --version), node $host"

if [ "${1:-}" = -- ]; then shift; "$@"; exit; fi

export USHYDRA_SLURM=1
cargo test --workspace --quiet --test slurm -- --nocapture
