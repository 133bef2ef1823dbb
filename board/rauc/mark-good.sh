#!/bin/sh
# Says after a start whether this system slot is good: the service is ready, which it says only after its bundle has passed the
# self-test, and is so still a while later. A slot that was just installed and does not get there makes room for the other one, once:
# without a pending update nothing is restarted, so that two bad slots do not take turns for ever.
set -eu

root=${USHYDRA_SYSROOT:-}
state=$root/var/lib/ushydra
pending=$state/update-pending
# Seconds that the service has to come up.
patience=${USHYDRA_PATIENCE:-900}
# Seconds that it has to stay up.
settle=${USHYDRA_SETTLE:-15}

fits() {
    waited=0
    until systemctl is-active --quiet ushydra.service; do
        if [ "$waited" -ge "$patience" ]; then
            echo "ushydra.service is not active after $patience s" >&2
            return 1
        fi
        sleep 1
        waited=$((waited + 1))
    done
    sleep "$settle"
    if ! systemctl is-active --quiet ushydra.service; then
        echo "ushydra.service did not stay active for $settle s" >&2
        return 1
    fi
}

if fits; then
    rauc status mark-good
    if [ -e "$pending" ]; then
        mv "$pending" "$state/system-version"
    fi
    exit 0
fi
if [ -e "$pending" ]; then
    echo "the updated system does not work; going back to the other slot" >&2
    rm -f "$pending"
    sync
    rauc status mark-bad
    systemctl reboot
    exit 1
fi
echo "this slot does not work and no update is pending: nothing is changed; see ushydra doctor" >&2
exit 1
