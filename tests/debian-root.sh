# shellcheck shell=bash
# shellcheck disable=SC2154 # the caller sets these
# A minimal Debian with systemd in a folder, of either processor. Sourced by the tests that install the package; they set
# `test_name`, `root` (of the tree) and have a function `skip`.

# shellcheck source=../cross/debian.sh
source "$root/cross/debian.sh"
# shellcheck source=../cross/emulator.sh
source "$root/cross/emulator.sh"

debian_root_cache=${XDG_CACHE_HOME:-$HOME/.cache}/ushydra/package-test

# debian_root_prepare ARCHITECTURE SUITE: the base system, made once; sets debian_root_base.
debian_root_prepare() {
    local architecture=$1 suite=$2 machine mirror
    debian_root_base=$debian_root_cache/$suite-$architecture.tar
    case $architecture in
        arm64) machine=aarch64 ;;
        amd64) machine=x86_64 ;;
        *) echo "$test_name: $architecture is not one of arm64, amd64" >&2; exit 2 ;;
    esac
    [[ $(id -u) == 0 ]] || skip "needs root rights"
    emulator_register "$machine" || skip "programs of $architecture cannot be run here"
    mkdir -p "$debian_root_cache"
    [[ ! -f $debian_root_base ]] || return 0
    command -v mmdebstrap >/dev/null || skip "mmdebstrap is not installed"
    mirror=$(debian_mirror)
    [[ -n $mirror ]] || skip "no Debian mirror among this machine's apt sources"
    echo "$test_name: a root of Debian $suite for $architecture"
    mmdebstrap --quiet --format=tar --variant=minbase --architectures="$architecture" --include=systemd,systemd-sysv,udev,passwd,dbus,procps \
        --aptopt='APT::Sandbox::User "root"' "$suite" "$debian_root_base.new" \
        "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" || skip "no root of $suite"
    mv "$debian_root_base.new" "$debian_root_base"
}

# debian_root_unpack FOLDER: a fresh copy of the base; sets debian_root.
debian_root_unpack() {
    debian_root=$1
    mkdir -p "$debian_root"
    tar -C "$debian_root" --exclude='./dev/*' -xpf "$debian_root_base"
}

# in_root COMMAND...: in the root, with its own processes and without a network.
in_root() {
    # shellcheck disable=SC2016 # the inner shell expands these
    unshare --mount --pid --net --fork --kill-child sh -c '
        mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev" && mount -t tmpfs tmpfs "$1/run" && root=$1 && shift &&
        exec chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp LC_ALL=C.UTF-8 \
            DEBIAN_FRONTEND=noninteractive "$@"' sh "$debian_root" "$@"
}

apt() { in_root apt-get -qq -o APT::Sandbox::User=root -o Dpkg::Use-Pty=0 "$@"; }
