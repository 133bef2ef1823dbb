# From the cable to the result: a simulated heart is measured by the shipped bundle. Two frames, because an emulated processor
# needs seconds for each.
# limit: 150 s
. /guest/lib.sh
cd / || fail "no root folder"

plug probe --content phantom:a4c:low:7 --size 320x240 --rate 10
ushydra run --source usb --bundle cardiac-lv --json --frames 2 >/tmp/results 2>/tmp/run-errors ||
    fail "run ended with $?: $(tail -n 1 /tmp/run-errors)"
results=$(grep -c '"result":{"kind":"mask"' /tmp/results)
[ "$results" -ge 2 ] || fail "$results of 2 results: $(head -c 300 /tmp/results)"
grep -q '"long_axis_mm"' /tmp/results || fail "no measurement: $(head -c 300 /tmp/results)"
sed 's/\("timing_us"\)/\n    \1/; s/^/    /' /tmp/results | cut -c1-240
pass
