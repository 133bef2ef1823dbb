#!/bin/bash
# In the guest of tests/service-guest/run.sh, as root, after the boot: the packaged service with a simulated probe. Prints one line
# PASS or FAIL for each step on the console.
set -u
journal() { journalctl --namespace=ushydra -u ushydra -o cat --no-pager "$@"; }
property() { systemctl show ushydra -p "$1" --value; }
seconds() { cut -d' ' -f1 /proc/uptime; }
pass() { echo "PASS $* ($(seconds) s)"; }
fail() {
    echo "FAIL $* ($(seconds) s)"
    systemctl status ushydra --no-pager -l | head -n 12
    journal -n 8 | cut -c1-300
    systemctl poweroff
    exit 1
}
# within SECONDS COMMAND...: until it succeeds.
within() {
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < end)) || return 1
        sleep 0.2
    done
}
# Records of frames so far, those of bundle $1 only if it is given.
records() { journal | grep -c "\"bundle\":\"${1:-cardiac-lv@}"; }
more_records_than() { (($(records "${2:-}") > $1)); }
is() { [[ $(property "$1") == "$2" ]]; }
# Seconds for what takes a board a few: emulated on a busy machine, it takes minutes.
patience=900
interval=$(systemd-analyze timespan "$(property WatchdogUSec)" | awk '$1 ~ /s:$/ { print int($2 / 1000000); exit }')

echo
echo "guest: $(uname -m) $(uname -r), Debian $(cat /etc/debian_version), systemd $(systemctl --version | awk 'NR == 1 { print $2 }'), $(dpkg-query -W ushydra | tr '\t' ' '), watchdog ${interval} s"

within "$patience" is ActiveState active || fail "the service does not become ready"
[[ $(systemctl is-enabled ushydra) == enabled ]] || fail "the service is not enabled"
pass "the service is started at boot and says that it is ready, without a probe"

systemctl is-enabled --quiet ushydra-first-boot ushydra-mark-good || fail "the check of the first boot is not enabled"
[[ $(systemctl show ushydra-first-boot -p Result --value) == success && -s /var/lib/ushydra/first-boot.json ]] ||
    fail "the check of the first boot: $(journalctl -u ushydra-first-boot -o cat --no-pager | grep -E '^FAIL|WARN' | head -n 3)"
pass "the device was checked at its first boot: $(cat /var/lib/ushydra/first-boot.json)"

process=$(property MainPID)
status=/proc/$process/status
[[ $(ps -o user= -p "$process") == ushydra ]] || fail "it runs as $(ps -o user= -p "$process")"
[[ $(grep -cE '^(CapEff:\s0000000000000000|NoNewPrivs:\s1|Seccomp:\s2)$' "$status") == 3 ]] ||
    fail "it is not confined: $(grep -E '^(CapEff|NoNewPrivs|Seccomp):' "$status" | tr '\n\t' '  ')"
pass "confined: no capability, no new privileges, system calls filtered; $(systemd-analyze security ushydra --no-pager | sed -n 's/.*Overall exposure level for //p' | sed 's/[^ -~]//g')"

# The simulator draws a whole heartbeat before it plugs itself in; emulated, large pictures take it minutes.
probe=(/test/ushydra-probe-sim vhci probe --content phantom:a4c --size 96x72 --rate 2)
"${probe[@]}" >/tmp/events 2>&1 &
within "$patience" more_records_than 3 || fail "no record of the probe's frames; simulator: $(tail -n 2 /tmp/events)"
pass "a probe is plugged in: $(records) records in the journal, the last: $(journal | grep '"bundle"' | tail -n 1 | cut -c1-100)"

# Twice the watchdog's interval without a restart, frames all the while.
before=$(records)
sleep $((interval * 2))
[[ $(property NRestarts),$(property MainPID) == "0,$process" ]] || fail "the service was restarted while it worked"
more_records_than "$before" || fail "frames stopped"
pass "watchdog answered for $((interval * 2)) s, $(($(records) - before)) records meanwhile"

kill -STOP "$process"
within $((interval * 3 + patience)) is NRestarts 1 || fail "a hung service is not restarted"
within "$patience" is ActiveState active || fail "the service does not come back after a hang"
journalctl -u ushydra --no-pager | grep -q "Watchdog timeout" || fail "it was not the watchdog"
before=$(records)
within "$patience" more_records_than "$before" || fail "no frames after the restart"
pass "hung, killed by the watchdog, started again, frames again"

kill -KILL %1
wait %1 2>/dev/null
sleep 3
is NRestarts 1 || fail "a lost probe ends the service"
before=$(records)
"${probe[@]}" >/tmp/events 2>&1 &
within "$patience" more_records_than "$before" || fail "no frames after the probe came back"
is NRestarts 1 || fail "the service was restarted for a lost probe"
pass "the probe was pulled and plugged: frames again, no restart"

cd /tmp || exit 1
ushydra bundle keygen --out key --name Clinic >/dev/null
mkdir -p work/models && cp -r /usr/share/ushydra/models/cardiac-lv work/models/ && cp -r /usr/share/ushydra/calibration work/
sed -i 's/^version = .*/version = "1.2.0"/' work/models/cardiac-lv/bundle.toml
ushydra bundle sign work/models/cardiac-lv --key key --out stick >/dev/null || fail "signing"
if ushydra bundle install --yes stick 2>/tmp/refusal; then fail "a bundle of an unknown signer is installed"; fi
cp key.pub /etc/ushydra/keys/
ushydra bundle install --yes stick >/tmp/installed 2>&1 || fail "the update is refused: $(tail -n 1 /tmp/installed)"
systemctl restart ushydra
within "$patience" more_records_than 0 cardiac-lv@1.2.0 || fail "the service does not run the update"
pass "a signed update is installed and run, one of an unknown signer was refused"

began=$(seconds)
systemctl stop ushydra
[[ $(property Result),$(property ActiveState) == success,inactive ]] || fail "the service does not stop cleanly: $(property Result)"
pass "stopped in $(awk -v from="$began" -v to="$(seconds)" 'BEGIN { printf "%.1f", to - from }') s"

peak=$(property MemoryPeak)
echo "guest: done; peak memory of the last run ${peak:-unknown} bytes"
systemctl poweroff
