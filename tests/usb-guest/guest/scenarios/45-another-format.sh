# After a replug the probe is another one: other format, other size; and back.
# limit: 40 s
. /guest/lib.sh

cat >/tmp/script <<'SCRIPT'
after 40 frames replug 300ms format=rgb8 size=160x120
after 40 frames replug 300ms format=grey8 size=320x240
SCRIPT
plug probe --content pattern:7 --size 320x240 --rate 60 --script /tmp/script
receive usb 120 30 --content pattern:7
[ "$(events first-frame)" = 3 ] || fail "frames flowed $(events first-frame) times instead of 3"
pass
