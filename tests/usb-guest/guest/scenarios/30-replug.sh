# The cable is pulled ten times; each time frames flow again within a second after the probe is back.
# limit: 60 s
. /guest/lib.sh

cat >/tmp/script <<'SCRIPT'
repeat 10 { after 40 frames unplug 500ms }
SCRIPT
plug probe --content pattern:7 --size 320x240 --rate 60 --script /tmp/script
receive usb 440 50 --content pattern:7
[ "$(events unplug)" = 10 ] || fail "$(events unplug) of 10 unpluggings happened"
[ "$(events first-frame)" = 11 ] || fail "frames flowed $(events first-frame) times instead of 11"
[ "$(number losses)" = 10 ] || fail "ushydra noticed $(number losses) of 10 losses"
worst=$(worst_recovery)
echo "    slowest recovery $worst ms"
[ "$worst" -le 1000 ] || fail "a recovery took $worst ms"
pass
