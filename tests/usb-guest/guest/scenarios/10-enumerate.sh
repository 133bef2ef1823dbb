# A probe and a camera are listed with what they offer, and without problems.
# limit: 25 s
. /guest/lib.sh

plug probe --content pattern:7 --serial GUEST-A
plug camera --port 1 --content pattern:7 --format grey,yuyv,mjpeg
both_listed() {
    ushydra probe list --json >/tmp/list
    grep '"kind":"probe"' /tmp/list | grep -q GUEST-A && grep -q '"kind":"camera"' /tmp/list
}
within 10 both_listed || fail "not listed: $(paste -sd' ' /tmp/list)"
grep -q '"problem":"' /tmp/list && fail "a problem was found: $(grep '"problem":"' /tmp/list)"
ushydra probe list | sed 's/^/    /'
pass
