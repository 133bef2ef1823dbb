# 10,000 frames as fast as they come: none is lost, no pixel is wrong.
# limit: 110 s
. /guest/lib.sh

plug probe --content pattern:7 --size 320x240
receive usb 10000 100 --content pattern:7 --no-gaps
for counter in short crc_failed bad_header skipped_bytes out_of_sequence dropped; do
    [ "$(number $counter)" = 0 ] || fail "$counter is $(number $counter) on a faultless link"
done
pass
