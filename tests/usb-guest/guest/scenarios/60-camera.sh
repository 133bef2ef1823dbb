# A UVC camera in each of its formats, and its return after a lost cable.
# limit: 80 s
. /guest/lib.sh

camera() { [ -e /dev/video0 ]; }

for format in grey yuyv mjpeg; do
    plug camera --content pattern:7 --format $format --size 320x240 --rate 30
    within 5 camera || fail "$format: no /dev/video0"
    case $format in
        mjpeg) receive v4l:/dev/video0 60 20 --content pattern:7 --jpeg ;;
        *) receive v4l:/dev/video0 60 20 --content pattern:7 ;;
    esac
    unplug
done

plug camera --content pattern:7 --format grey --size 320x240 --rate 30 --fault 'after 40 frames unplug 700ms'
within 5 camera || fail "no /dev/video0 before the lost cable"
receive v4l:/dev/video0 80 30 --content pattern:7
[ "$(events first-frame)" = 2 ] || fail "frames flowed $(events first-frame) times instead of twice"
pass
