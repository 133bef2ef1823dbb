# Of two probes the one is taken that was asked for: their pictures differ.
# limit: 30 s
. /guest/lib.sh

plug probe --content pattern:7 --serial GUEST-A --size 320x240
plug probe --port 1 --content pattern:8 --serial GUEST-B --size 320x240
within 10 sh -c 'ushydra probe list --json | grep -q GUEST-B' || fail "the second probe is not listed"
receive usb:GUEST-B 100 20 --content pattern:8
receive usb:GUEST-A 100 20 --content pattern:7
pass
