# Every payload format of the protocol at full size.
# limit: 60 s
. /guest/lib.sh

for format in grey8 grey16 rgb8 mjpeg; do
    plug probe --content pattern:7 --format $format
    case $format in
        mjpeg) receive usb 60 20 --content pattern:7 --no-gaps --jpeg ;;
        *) receive usb 100 20 --content pattern:7 --no-gaps ;;
    esac
    unplug
done
# Scan-converted pixels follow from the sent ones by rules whose tests are in the crate; here only that they flow.
for format in lines8 lines16; do
    plug probe --content pattern:7 --format $format --size 512x128
    ushydra probe test --source usb --frames 30 --seconds 20 --json >/tmp/test.json 2>/tmp/test-errors ||
        fail "$format: $(tail -n 1 /tmp/test-errors)"
    [ "$(number frames)" = 30 ] || fail "$format: $(number frames) of 30 frames"
    unplug
done
pass
