# What the scenarios share. POSIX sh on busybox.

vhci=/sys/devices/platform/vhci_hcd.0

seconds() { cut -d' ' -f1 /proc/uptime; }
centiseconds() { cut -d' ' -f1 /proc/uptime | tr -d .; }
took_since() { awk -v from="$1" -v to="$(centiseconds)" 'BEGIN { printf "%.2f", (to - from) / 100 }'; }

# The two ends of a scenario; every scenario ends in one of them.
pass() { exit 0; }
fail() { echo "$*" >/tmp/why; exit 1; }

# within SECONDS COMMAND...: repeats the command every 20 ms until it succeeds; fails after SECONDS.
within() {
    end=$(($(centiseconds) + $1 * 100))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$(centiseconds)" -lt "$end" ] || return 1
        sleep 0.02
    done
}

# plug ARGUMENT...: a simulated device in the background; its events go to /tmp/events, its process to $simulator.
plug() {
    ushydra-probe-sim vhci "$@" >>/tmp/events 2>>/tmp/simulator-errors &
    simulator=$!
    within 40 grep -q event=plugged /tmp/events || fail "the simulator did not plug in: $(tail -n 1 /tmp/simulator-errors)"
}

# Pulls the cable for good, and waits until the kernel knows.
unplug() {
    kill -KILL "$simulator"
    wait "$simulator" 2>/dev/null
    within 5 no_usb_device || fail "the kernel keeps a device that is gone"
    rm -f /tmp/events
}

# How often an event of the simulator has happened.
events() { grep -cE "event=$1( |\$)" /tmp/events; }

# The longest time in ms from a device that the kernel has found to the first frame that a program took of it. The kernel needs
# its own time between plug and find, which no program can shorten. Its clock has another zero than the simulator's, so that
# only differences within each are used: (first frame - plugged) - (found - attached), the n-th of each.
worst_recovery() {
    dmesg | sed -n 's/^\[ *\([0-9.]*\)\] \(.*\)/\1 \2/p' >/tmp/kernel
    awk -F'[ =]' '
        FNR == 1 { file++ }
        file == 1 && /Device attached/ { attached[++k] = $1 }
        file == 1 && / usb [0-9]+-[0-9]+: New USB device found/ { found[k] = $1 }
        file == 2 && / event=plugged/ { plugged[++n] = $2 }
        file == 2 && / event=first-frame/ {
            took = ($2 - plugged[n] - found[n] + attached[n]) * 1000
            if (took > worst) worst = took
        }
        END { printf "%d", worst }' /tmp/kernel /tmp/events
}

# receive SOURCE FRAMES SECONDS [OPTION-OF-VERIFY...]: `ushydra` reads that many frames, and every pixel of them is compared
# with what the simulator sent. /tmp/test.json holds what `ushydra probe test` says about the link.
receive() {
    source=$1 frames=$2 seconds=$3
    shift 3
    rm -f /tmp/pictures
    mkfifo /tmp/pictures
    ushydra-probe-sim verify --frames "$frames" "$@" /tmp/pictures >/tmp/verdict 2>&1 &
    verifier=$!
    ushydra probe test --source "$source" --frames "$frames" --seconds "$seconds" --wait 10 --json --dump /tmp/pictures \
        >/tmp/test.json 2>/tmp/test-errors || fail "probe test ended with $?: $(tail -n 1 /tmp/test-errors)"
    wait "$verifier" || fail "$source: $(paste -sd' ' /tmp/verdict)"
    echo "    $source: $(head -n 1 /tmp/verdict), $(number rate_hz) Hz, losses $(number losses), last byte to frame p50 $(number decode_p50_us) p99 $(number decode_p99_us) us"
}

# A number of the last `receive` by its name.
number() { sed -n "s/.*\"$1\":\([0-9.]*\).*/\1/p" /tmp/test.json; }

# The kernel has enumerated a device, behind any of its root hubs.
usb_device() {
    for device in /sys/bus/usb/devices/[0-9]*-[0-9]/idVendor; do [ -e "$device" ] && return 0; done
    return 1
}
no_usb_device() { ! usb_device; }

# After a scenario, whatever its end: no process and no device of it is left.
clean_up() {
    killall -q -KILL ushydra ushydra-probe-sim
    for port in 0 1 2 3; do echo "$port" >"$vhci/detach" 2>/dev/null; done
    within 5 no_usb_device || echo "guest: a device is still plugged"
    rm -rf /tmp/*
    dmesg -c >/dev/null
}
