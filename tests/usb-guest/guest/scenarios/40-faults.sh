# Every fault of a link or a firmware: what is damaged is never shown as a frame, and frames flow again.
# limit: 70 s
. /guest/lib.sh

cat >/tmp/script <<'SCRIPT'
after 40 frames cut
after 40 frames corrupt
after 40 frames babble 1000
after 40 frames garbage 5000
after 40 frames skip 3
after 40 frames repeat
after 40 frames stall
after 40 frames silence 1500ms
after 40 frames refuse 2
after 40 frames restart 300ms
SCRIPT
plug probe --content pattern:7 --size 320x240 --rate 60 --script /tmp/script
receive usb 440 60 --content pattern:7
for fault in cut corrupt babble garbage skip repeat stall silence refuse restart; do
    [ "$(events $fault)" = 1 ] || fail "the fault $fault happened $(events $fault) times instead of once"
done
sed 's/.*"faults":\(\[[^]]*\]\),"link":\({[^}]*}\).*/    \2 \1/' /tmp/test.json
pass
